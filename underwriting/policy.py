"""The lending policy: dated data with its sources, read whole or not at all."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, TypeVar

from kernel.money import Money
from kernel.rates import Rate
from underwriting import canonical

V = TypeVar("V")

FOLDER: Final = Path(__file__).parent / "policies"


class PolicyFaulty(ValueError):
    """A policy file cannot be used; the text says what is wrong with it."""


class NoSuchPolicy(LookupError):
    """No policy has this version, or none was in force on the day."""


class Action(StrEnum):
    """What a finding leads to."""

    DECLINE = "decline"
    REVIEW = "review"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRules:
    """What follows when the debtor is not who he says, or not alive."""

    mismatch: Action
    deceased: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchlistRules:
    """What follows from an entry on a list, by the list's name."""

    lists: Mapping[str, Action]
    otherwise: Action
    """For a list the policy does not name."""

    def action(self, name: str) -> Action:
        """Tell what an entry on the named list leads to."""
        return self.lists.get(name, self.otherwise)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomeRules:
    """How income counts."""

    monthly_min: Money
    """Below it a debtor counts as one without income."""
    haircut_stated: Decimal
    """The part of an unverified income that counts."""
    stated_over_verified_max: Decimal
    working_age_min: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRules:
    """What may go to debts each month."""

    debt_to_income_max: Decimal
    cushion: Decimal
    """The part of income that stays after costs and every instalment."""
    debt_to_income_when_unknown: Decimal
    """Counted for debts elsewhere when the bureau gives no ratio."""
    essential_costs_min: Money
    """A month; a lower statement counts as this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRules:
    """How the limit is rounded and what is set aside for interest until the payout posts."""

    step: Money
    buffer_days: int
    cards_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StayingRules:
    """What the debtor's life looks like if he stays and pays the minimum."""

    months_max: int
    minimum_payment_floor: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A range of the probability of default with its price and its part of the risk matrix."""

    name: str
    pd_max: Decimal
    """The highest probability of default that still belongs to the band."""
    annual_rate: Rate
    income_multiple: Decimal
    """The loan is at most this many counted monthly incomes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One version of the lending policy."""

    version: str
    in_force: date
    sha256: str
    """Of the file it was read from."""
    identity: IdentityRules
    watchlists: WatchlistRules
    income: IncomeRules
    budget: BudgetRules
    limit: LimitRules
    staying: StayingRules
    bands: tuple[Band, ...]

    def band(self, pd: Decimal) -> Band | None:
        """Find the band of a probability of default; above the last one there is none."""
        return next((band for band in self.bands if pd <= band.pd_max), None)


def load(version: str) -> Policy:
    """Give the policy of a version.

    Raises:
        NoSuchPolicy: there is no such version.
        PolicyFaulty: its file cannot be used.
    """
    for policy in _all():
        if policy.version == version:
            return policy
    raise NoSuchPolicy(f"there is no policy {version!r}")


def in_force(on: date) -> Policy:
    """Give the newest policy in force on a day.

    Raises:
        NoSuchPolicy: the oldest begins later.
    """
    begun = [policy for policy in _all() if policy.in_force <= on]
    if not begun:
        raise NoSuchPolicy(f"no policy was in force on {on}")
    return begun[-1]


@cache
def _all() -> tuple[Policy, ...]:
    found = [parse(path.read_bytes()) for path in sorted(FOLDER.glob("*.toml"))]
    return tuple(sorted(found, key=lambda policy: policy.in_force))


def parse(content: bytes) -> Policy:
    """Read a policy file strictly: a missing, unknown or misspelt entry refuses the whole.

    Raises:
        PolicyFaulty: with the place and what is wrong there.
    """
    try:
        plain = tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        raise PolicyFaulty(f"not a TOML file: {type(fault).__name__}") from None
    sections = _Sections(plain)
    policy = Policy(
        version=sections.top("version", str),
        in_force=sections.top("in_force", date),
        sha256=canonical.sha256(content),
        identity=_identity(sections.take("identity")),
        watchlists=_watchlists(sections.take("watchlists")),
        income=_income(sections.take("income")),
        budget=_budget(sections.take("budget")),
        limit=_limit(sections.take("limit")),
        staying=_staying(sections.take("staying")),
        bands=_bands(sections.take("price")),
    )
    term = sections.take("term")
    term.read("rule", str)
    term.finish()
    sections.finish()
    return policy


class _Section:
    """One table of the file, from which every entry is taken exactly once."""

    def __init__(self, name: str, plain: object, *, is_sourced: bool = True) -> None:
        if not isinstance(plain, dict):
            raise PolicyFaulty(f"[{name}] is missing")
        self._name = name
        self._left = dict(plain)
        if is_sourced and not str(self._left.pop("source", "")).strip():
            raise PolicyFaulty(f"[{name}] names no source")

    def read(self, key: str, kind: type[Any]) -> Any:  # noqa: ANN401 - as the caller's kind says
        value = self._left.pop(key, None)
        if type(value) is not kind:
            raise PolicyFaulty(f"[{self._name}] {key} must be {kind.__name__}")
        return value

    def money(self, key: str) -> Money:
        return self._parsed(key, Money.yuan, lambda value: value.fen >= 0)

    def rate(self, key: str) -> Rate:
        return self._parsed(key, Rate.percent, lambda value: 0 <= value.annual <= 1)

    def ratio(self, key: str, *, most: Decimal) -> Decimal:
        return self._parsed(key, Decimal, lambda value: 0 <= value <= most)

    def count(self, key: str, *, most: int) -> int:
        value: int = self.read(key, int)
        if not 1 <= value <= most:
            raise PolicyFaulty(f"[{self._name}] {key} is between 1 and {most}")
        return value

    def action(self, key: str) -> Action:
        return self._parsed(key, Action, lambda _: True)

    def finish(self) -> None:
        if self._left:
            raise PolicyFaulty(f"[{self._name}] has unknown entries: {', '.join(self._left)}")

    def _parsed(self, key: str, parse: Callable[[str], V], is_valid: Callable[[V], bool]) -> V:
        text = self.read(key, str)
        try:
            value = parse(text)
            valid = is_valid(value)
        except (ValueError, InvalidOperation):
            raise PolicyFaulty(f"[{self._name}] {key} cannot be read") from None
        if not valid:
            raise PolicyFaulty(f"[{self._name}] {key} is out of bounds")
        return value


class _Sections:
    def __init__(self, plain: Mapping[str, Any]) -> None:
        self._left = dict(plain)

    def top(self, key: str, kind: type[Any]) -> Any:  # noqa: ANN401 - as the caller's kind says
        value = self._left.pop(key, None)
        if type(value) is not kind:
            raise PolicyFaulty(f"{key} must be {kind.__name__}")
        return value

    def take(self, name: str) -> _Section:
        return _Section(name, self._left.pop(name, None))

    def finish(self) -> None:
        if self._left:
            raise PolicyFaulty(f"unknown sections: {', '.join(self._left)}")


def _identity(section: _Section) -> IdentityRules:
    rules = IdentityRules(mismatch=section.action("mismatch"), deceased=section.action("deceased"))
    section.finish()
    return rules


def _watchlists(section: _Section) -> WatchlistRules:
    named = _Section("watchlists.lists", section.read("lists", dict), is_sourced=False)
    rules = WatchlistRules(
        lists={name: named.action(name) for name in tuple(named._left)},  # noqa: SLF001
        otherwise=section.action("otherwise"),
    )
    section.finish()
    return rules


def _income(section: _Section) -> IncomeRules:
    rules = IncomeRules(
        monthly_min=section.money("monthly_min"),
        haircut_stated=section.ratio("haircut_stated", most=Decimal(1)),
        stated_over_verified_max=section.ratio("stated_over_verified_max", most=Decimal(100)),
        working_age_min=section.count("working_age_min", most=60),
    )
    section.finish()
    return rules


def _budget(section: _Section) -> BudgetRules:
    rules = BudgetRules(
        debt_to_income_max=section.ratio("debt_to_income_max", most=Decimal(1)),
        cushion=section.ratio("cushion", most=Decimal(1)),
        debt_to_income_when_unknown=section.ratio("debt_to_income_when_unknown", most=Decimal(1)),
        essential_costs_min=section.money("essential_costs_min"),
    )
    section.finish()
    return rules


def _limit(section: _Section) -> LimitRules:
    rules = LimitRules(
        step=section.money("step"),
        buffer_days=section.count("buffer_days", most=30),
        cards_max=section.count("cards_max", most=12),
    )
    section.finish()
    if not rules.step:
        raise PolicyFaulty("[limit] step is above zero")
    return rules


def _staying(section: _Section) -> StayingRules:
    rules = StayingRules(
        months_max=section.count("months_max", most=120),
        minimum_payment_floor=section.money("minimum_payment_floor"),
    )
    section.finish()
    return rules


def _bands(section: _Section) -> tuple[Band, ...]:
    listed = section.read("band", list)
    section.finish()
    bands = []
    for plain in listed:
        band = _Section("price.band", plain, is_sourced=False)
        bands.append(
            Band(
                name=band.read("name", str),
                pd_max=band.ratio("pd_max", most=Decimal(1)),
                annual_rate=band.rate("annual_rate"),
                income_multiple=band.ratio("income_multiple", most=Decimal(100)),
            )
        )
        band.finish()
    rises = [band.pd_max for band in bands]
    if not bands or rises != sorted(set(rises)):
        raise PolicyFaulty("[price] bands rise by pd_max, and there is at least one")
    for lower, higher in pairwise(bands):
        if lower.annual_rate > higher.annual_rate:
            raise PolicyFaulty("[price] a higher probability of default is never cheaper")
        if lower.income_multiple < higher.income_multiple:
            raise PolicyFaulty("[price] a higher probability of default never carries more")
    return tuple(bands)
