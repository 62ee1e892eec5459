"""Which bank a card number hints at; the issuer's own answer decides, a hint never refuses."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

from kernel.personal import CardNumber

TABLE: Final = Path(__file__).parent / "issuing_banks.toml"
USUAL_LENGTH: Final = 16


class CardKind(StrEnum):
    """What the first digits hint at."""

    CREDIT = "credit"
    DEBIT = "debit"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuingBank:
    """One bank that issues cards."""

    code: str
    name: str
    name_zh: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """First digits that, with the whole length, tell issuer and kind."""

    digits: str
    length: int
    issuer_code: str
    kind: CardKind


@dataclass(frozen=True, slots=True, kw_only=True)
class CardHint:
    """What a card number hints at."""

    issuer_code: str | None
    """None when nobody knows the first digits."""
    kind: CardKind
    luhn_ok: bool
    """Whether the check digit agrees; some genuine cards' do not."""

    @property
    def needs_verification(self) -> bool:
        """Whether the issuer must be asked before anything is concluded."""
        return self.issuer_code is None or not self.luhn_ok


def recognise(card: CardNumber) -> CardHint:
    """Tell what a card number hints at: longest first digits among those of its length."""
    found = match(card.plain, _bins())
    return CardHint(
        issuer_code=found.issuer_code if found else None,
        kind=found.kind if found else CardKind.UNKNOWN,
        luhn_ok=card.passes_luhn,
    )


def match(number: str, bins: Iterable[Bin]) -> Bin | None:
    """Find the BIN with the most digits that begins the number and has its length."""
    fitting = [b for b in bins if len(number) == b.length and number.startswith(b.digits)]
    return max(fitting, key=lambda b: len(b.digits), default=None)


def codes() -> frozenset[str]:
    """List the codes of the banks we know."""
    return frozenset(banks())


def banks() -> Mapping[str, IssuingBank]:
    """Give the banks we know by code, in the order of a pick list."""
    return _banks()


def credit_bins(issuer_code: str) -> tuple[str, ...]:
    """List the first digits of a bank's credit cards of the usual length.

    Raises:
        KeyError: the bank is not in the table.
    """
    bank = banks()[issuer_code]
    return tuple(
        b.digits
        for b in _bins()
        if (b.issuer_code, b.kind, b.length) == (bank.code, CardKind.CREDIT, USUAL_LENGTH)
    )


@cache
def _banks() -> Mapping[str, IssuingBank]:
    return {
        row["code"]: IssuingBank(code=row["code"], name=row["name"], name_zh=row["name_zh"])
        for row in _table()
    }


@cache
def _bins() -> tuple[Bin, ...]:
    return tuple(
        _bin(entry, row["code"], kind)
        for row in _table()
        for kind in (CardKind.CREDIT, CardKind.DEBIT)
        for entry in row[kind]
    )


def _bin(entry: str, issuer_code: str, kind: CardKind) -> Bin:
    digits, _, length = entry.partition("/")
    return Bin(
        digits=digits, length=int(length or USUAL_LENGTH), issuer_code=issuer_code, kind=kind
    )


@cache
def _table() -> list[dict[str, Any]]:
    parsed: list[dict[str, Any]] = tomllib.loads(TABLE.read_text(encoding="utf-8"))["issuer"]
    return parsed
