"""The shape of a case file: reading it, with a clear word about what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final

from kernel import strict_json
from kernel.strict_json import NotJson

SCHEMA: Final = "schedule-cases/1"
FILE_BYTES_MAX: Final = 32_000_000
CASES_MAX: Final = 20_000
UNKNOWN: Final = "unknown"
_REQUIRED: Final = ("id", "family", "input", "expect", "strength")
_NAME_MAX: Final = 200

_NUMBER: Final = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,40})?")
"""Plain digits: an exponent could ask for more memory than there is."""

Fields = Mapping[str, Any]


class NotACaseFile(ValueError):
    """The text is no file of cases at all."""


class NotComputable(ValueError):
    """The case asks for something its own facts do not settle, or that is not known here."""


class Kind(StrEnum):
    """What a case's figures are worth."""

    EXACT = "exact"
    GIVEN_RULES = "given_rules"
    TOLERANCE = "tolerance"
    RELATIVE = "relative"
    WHOLE_UNITS = "asserted at whole units"
    ENGINE_SPECIFIC = "engine_specific"


@dataclass(frozen=True, slots=True, kw_only=True)
class Strength:
    """A kind, and how far a figure may be off: absolutely, or as a part of the figure."""

    kind: Kind
    absolute: Decimal = Decimal(0)
    relative: Decimal = Decimal(0)

    @classmethod
    def read(cls, text: str) -> Strength:
        """Read a strength such as ``exact`` or ``tolerance:0.10``.

        Raises:
            ValueError: the text names no known strength.
        """
        name, _, limit = text.partition(":")
        if name not in {kind.value for kind in Kind} or (
            limit and not re.fullmatch(r"[0-9.]+(e-?[0-9]+)?", limit)
        ):
            raise ValueError(f"unknown strength {text[:_NAME_MAX]!r}")
        kind = Kind(name)
        if kind is Kind.TOLERANCE:
            return cls(kind=kind, absolute=Decimal(limit or 0))
        if kind is Kind.RELATIVE:
            return cls(kind=kind, relative=Decimal(limit or 0))
        if kind is Kind.WHOLE_UNITS:
            return cls(kind=kind, absolute=Decimal("0.5"))
        return cls(kind=kind)

    def allows(self, expected: Decimal, found: Decimal) -> bool:
        """Tell whether a figure is as near as the strength asks."""
        return abs(expected - found) <= self.absolute + self.relative * abs(expected)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One expected schedule or figure, with the facts that lead to it."""

    id: str
    family: str
    facts: Fields
    events: tuple[Fields, ...]
    as_of: date | None
    expect: Fields
    strength: Strength

    @property
    def options(self) -> Fields:
        """Facts about the engine the figures come from."""
        return self.facts.get("options") or {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """A case that cannot be read, which stops no other."""

    id: str
    family: str
    fault: str


def read(data: bytes) -> list[Case | Malformed]:
    """Read a file of cases.

    Raises:
        NotACaseFile: it is too large, not JSON, of another schema, or no list of cases.
    """
    if len(data) > FILE_BYTES_MAX:
        raise NotACaseFile("the file is too large")
    try:
        content = strict_json.read(data)
    except NotJson:
        raise NotACaseFile("the file is not JSON in UTF-8") from None
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise NotACaseFile(f"the file does not say that its schema is {SCHEMA}")
    listed = content.get("cases")
    if not isinstance(listed, list) or len(listed) > CASES_MAX:
        raise NotACaseFile(f"the file lists between 0 and {CASES_MAX} cases")
    return [_case(fields, position) for position, fields in enumerate(listed)]


def _case(fields: object, position: int) -> Case | Malformed:
    if not isinstance(fields, dict):
        return Malformed(id=f"case {position + 1}", family=UNKNOWN, fault="it is no object")
    name, family = (
        str(fields.get(key, other))[:_NAME_MAX]
        for key, other in (("id", f"case {position + 1}"), ("family", UNKNOWN))
    )
    missing = [key for key in _REQUIRED if key not in fields]
    if missing:
        return Malformed(id=name, family=family, fault=f"it lacks {', '.join(missing)}")
    try:
        return Case(
            id=name,
            family=family,
            facts=_object(fields["input"]),
            events=tuple(_object(event) for event in fields.get("events") or ()),
            as_of=day(fields.get("as_of")),
            expect=_object(fields["expect"]),
            strength=Strength.read(str(fields["strength"])),
        )
    except (TypeError, ValueError, ArithmeticError) as fault:
        return Malformed(id=name, family=family, fault=str(fault))


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, found {type(value).__name__}")
    return value


def day(value: object) -> date | None:
    """Read a date, or nothing."""
    return None if value is None else date.fromisoformat(str(value))


def some_day(value: object) -> date:
    """Read a date that must be there.

    Raises:
        NotComputable: it is missing.
    """
    found = day(value)
    if found is None:
        raise NotComputable("a date is missing")
    return found


def number(value: object) -> Decimal:
    """Read a number written in plain digits.

    Raises:
        NotComputable: it is written otherwise.
    """
    text = str(value)
    if not _NUMBER.fullmatch(text):
        raise NotComputable(f"not a number in plain digits: {text[:40]!r}")
    return Decimal(text)


def quotient(value: object) -> Fraction:
    """Read a number, or a quotient of two such as ``0.1/12``.

    Raises:
        NotComputable: it is written otherwise, or divides by nothing.
    """
    top, _, bottom = str(value).partition("/")
    divisor = number(bottom.strip() or 1)
    if not divisor:
        raise NotComputable("nothing is divided by zero")
    return Fraction(number(top.strip())) / Fraction(divisor)


def fen(value: object) -> int:
    """Read an amount as fen.

    Raises:
        NotComputable: it is no plain number or has fractions of a fen.
    """
    scaled = number(value).scaleb(2)
    if scaled != int(scaled):
        raise NotComputable(f"{value} is no whole number of hundredths")
    return int(scaled)


def yuan(amount: int) -> Decimal:
    """Show fen as an amount."""
    return Decimal(amount).scaleb(-2)
