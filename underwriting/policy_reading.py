"""Reading a policy's sections strictly: a missing, unknown or misspelt entry refuses the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final, TypeVar

from kernel.money import Money
from kernel.rates import Rate
from underwriting.limits import CardOrder
from underwriting.policy_rules import (
    Action,
    Added,
    Band,
    BetterOffRules,
    BudgetRules,
    CostRules,
    ExplorationRules,
    Figure,
    FraudRule,
    IdentityRules,
    IncomeRules,
    LimitRules,
    ProfitRules,
    ReviewRules,
    RiskCell,
    StayingRules,
    WatchlistRules,
)
from underwriting.reasons import Reason

V = TypeVar("V")

ONE: Final = Decimal(1)
SHARE_PLACES: Final = 6
"""Figures of risk and profit are worked with in millionths; more digits would be lost."""


class PolicyFaulty(ValueError):
    """A policy file cannot be used; the text says what is wrong with it."""


class Section:
    """One table of the file, from which every entry is taken exactly once."""

    def __init__(self, name: str, plain: object, *, is_sourced: bool = True) -> None:
        if not isinstance(plain, dict):
            raise PolicyFaulty(f"[{name}] is missing")
        self._name = name
        self._left = dict(plain)
        if is_sourced and not str(self._left.pop("source", "")).strip():
            raise PolicyFaulty(f"[{name}] names no source")

    def read(self, key: str, kind: type[Any]) -> Any:  # noqa: ANN401 - as the caller's kind says
        """Take an entry of exactly one type."""
        value = self._left.pop(key, None)
        if type(value) is not kind:
            raise PolicyFaulty(f"[{self._name}] {key} must be {kind.__name__}")
        return value

    def text(self, key: str) -> str:
        """Take a text that is not empty."""
        value: str = self.read(key, str)
        if not value.strip():
            raise PolicyFaulty(f"[{self._name}] {key} is empty")
        return value

    def money(self, key: str) -> Money:
        """Take an amount of zero and more."""
        return self._parsed(key, Money.yuan, lambda value: value.fen >= 0)

    def rate(self, key: str) -> Rate:
        """Take an annual rate in percent, between 0 and 100."""
        return self._parsed(key, Rate.percent, lambda value: 0 <= value.annual <= 1)

    def ratio(self, key: str, *, most: Decimal) -> Decimal:
        """Take a number between zero and `most`."""
        return self._parsed(key, Decimal, lambda value: 0 <= value <= most)

    def share(self, key: str, *, most: Decimal = ONE) -> Decimal:
        """Take a number between zero and `most` with at most six decimals."""
        return self._parsed(key, Decimal, lambda value: _is_share(value, most))

    def shares(self, key: str, *, most: Decimal) -> tuple[Decimal, ...]:
        """Take a list of such numbers."""
        return tuple(
            self._valid(key, text, Decimal, lambda value: _is_share(value, most))
            for text in self.read(key, list)
        )

    def count(self, key: str, *, most: int) -> int:
        """Take a whole number between one and `most`."""
        value: int = self.read(key, int)
        if not 1 <= value <= most:
            raise PolicyFaulty(f"[{self._name}] {key} is between 1 and {most}")
        return value

    def action(self, key: str) -> Action:
        """Take what a finding leads to."""
        return self.one_of(key, Action)

    def one_of(self, key: str, kind: type[V]) -> V:
        """Take one of an enumeration's words."""
        assert issubclass(kind, StrEnum), "only enumerations have words"
        return self._parsed(key, kind, lambda _: True)

    def tables(self, key: str) -> Iterator[Section]:
        """Take a list of tables, each to be finished before the next."""
        name = f"{self._name}.{key}"
        for plain in self.read(key, list):
            row = Section(name, plain, is_sourced=False)
            yield row
            row.finish()

    def names(self) -> tuple[str, ...]:
        """Name the entries that were not taken yet."""
        return tuple(self._left)

    def finish(self) -> None:
        """Refuse what nobody took."""
        if self._left:
            raise PolicyFaulty(f"[{self._name}] has unknown entries: {', '.join(self._left)}")

    def _parsed(self, key: str, parse: Callable[[str], V], is_valid: Callable[[V], bool]) -> V:
        return self._valid(key, self.read(key, str), parse, is_valid)

    def _valid(
        self, key: str, text: object, parse: Callable[[str], V], is_valid: Callable[[V], bool]
    ) -> V:
        if not isinstance(text, str):
            raise PolicyFaulty(f"[{self._name}] {key} holds texts")
        try:
            value = parse(text)
            valid = is_valid(value)
        except (ValueError, InvalidOperation):
            raise PolicyFaulty(f"[{self._name}] {key} cannot be read") from None
        if not valid:
            raise PolicyFaulty(f"[{self._name}] {key} is out of bounds")
        return value


class Sections:
    """The file, from which every section is taken exactly once."""

    def __init__(self, plain: Mapping[str, Any]) -> None:
        self._left = dict(plain)

    def top(self, key: str, kind: type[Any]) -> Any:  # noqa: ANN401 - as the caller's kind says
        """Take an entry that stands above every section."""
        value = self._left.pop(key, None)
        if type(value) is not kind:
            raise PolicyFaulty(f"{key} must be {kind.__name__}")
        return value

    def form(self) -> int:
        """Take the form of the file: a file that names none has the first."""
        return 1 if "form" not in self._left else int(self.top("form", int))

    def take(self, name: str) -> Section:
        """Take a section."""
        return Section(name, self._left.pop(name, None))

    def finish(self) -> None:
        """Refuse what nobody took."""
        if self._left:
            raise PolicyFaulty(f"unknown sections: {', '.join(self._left)}")


def identity(section: Section) -> IdentityRules:
    """Read [identity]."""
    rules = IdentityRules(mismatch=section.action("mismatch"), deceased=section.action("deceased"))
    section.finish()
    return rules


def watchlists(section: Section) -> WatchlistRules:
    """Read [watchlists]."""
    named = Section("watchlists.lists", section.read("lists", dict), is_sourced=False)
    rules = WatchlistRules(
        lists={name: named.action(name) for name in named.names()},
        otherwise=section.action("otherwise"),
    )
    section.finish()
    return rules


def income(section: Section) -> IncomeRules:
    """Read [income]."""
    rules = IncomeRules(
        monthly_min=section.money("monthly_min"),
        haircut_stated=section.ratio("haircut_stated", most=ONE),
        stated_over_verified_max=section.ratio("stated_over_verified_max", most=Decimal(100)),
        working_age_min=section.count("working_age_min", most=60),
    )
    section.finish()
    return rules


def budget(section: Section, *, has_guideline: bool) -> BudgetRules:
    """Read [budget]; a policy whose [costs] has a guideline states no smallest costs."""
    smallest = (
        {} if has_guideline else {"essential_costs_min": section.money("essential_costs_min")}
    )
    rules = BudgetRules(
        debt_to_income_max=section.ratio("debt_to_income_max", most=ONE),
        cushion=section.ratio("cushion", most=ONE),
        debt_to_income_when_unknown=section.ratio("debt_to_income_when_unknown", most=ONE),
        **smallest,
    )
    section.finish()
    return rules


def limit(section: Section) -> LimitRules:
    """Read [limit]."""
    rules = LimitRules(
        step=section.money("step"),
        buffer_days=section.count("buffer_days", most=30),
        cards_max=section.count("cards_max", most=12),
    )
    section.finish()
    if not rules.step:
        raise PolicyFaulty("[limit] step is above zero")
    return rules


def staying(section: Section) -> StayingRules:
    """Read [staying]."""
    rules = StayingRules(
        months_max=section.count("months_max", most=120),
        minimum_payment_floor=section.money("minimum_payment_floor"),
    )
    section.finish()
    return rules


def bands(section: Section, *, has_cells: bool) -> tuple[Band, ...]:
    """Read [price]; where [risk] has cells, the bands carry no multiple of income."""
    found = tuple(
        Band(
            name=row.text("name"),
            pd_max=row.ratio("pd_max", most=ONE),
            annual_rate=row.rate("annual_rate"),
            income_multiple=None if has_cells else row.ratio("income_multiple", most=Decimal(100)),
        )
        for row in section.tables("band")
    )
    section.finish()
    _require_rising("[price] bands rise by pd_max", [band.pd_max for band in found])
    for lower, higher in pairwise(found):
        if lower.annual_rate > higher.annual_rate:
            raise PolicyFaulty("[price] a higher probability of default is never cheaper")
        if (lower.income_multiple or 0) < (higher.income_multiple or 0):
            raise PolicyFaulty("[price] a higher probability of default never carries more")
    return found


def added(sections: Sections) -> Added:
    """Read the sections that only the second form has."""
    return Added(
        fraud=_fraud(sections.take("fraud")),
        costs=_costs(sections.take("costs")),
        cells=_cells(sections.take("risk")),
        profit=_profit(sections.take("profit")),
        cards=_cards(sections.take("cards")),
        better_off=_better_off(sections.take("better_off")),
    )


def exploration(section: Section) -> ExplorationRules:
    """Read [exploration]."""
    rules = ExplorationRules(
        share=section.share("share", most=Decimal("0.05")),
        pd_max=section.share("pd_max"),
        principal_max=section.money("principal_max"),
        loss_max_month=section.money("loss_max_month"),
    )
    section.finish()
    return rules


def review(section: Section) -> ReviewRules:
    """Read [review]."""
    rules = ReviewRules(
        hours=section.count("hours", most=24 * 30),
        warn_after_hours=section.count("warn_after_hours", most=24 * 30),
    )
    section.finish()
    if rules.warn_after_hours > rules.hours:
        raise PolicyFaulty("[review] the warning comes before the end")
    return rules


def _fraud(section: Section) -> tuple[FraudRule, ...]:
    rules = tuple(
        FraudRule(
            name=row.text("name"),
            figure=row.one_of("figure", Figure),
            more_than=row.share("more_than", most=Decimal(1_000_000)),
            action=row.action("action"),
            reason=row.one_of("reason", Reason),
        )
        for row in section.tables("rule")
    )
    section.finish()
    if len({rule.name for rule in rules}) < len(rules):
        raise PolicyFaulty("[fraud] each rule has its own name")
    return rules


def _costs(section: Section) -> CostRules:
    rules = CostRules(
        head_month=section.money("head_month"),
        essential_share=section.share("essential_share"),
        dependant_share=section.share("dependant_share"),
        dependants_max=section.count("dependants_max", most=20),
        city_factors=section.shares("city_factors", most=Decimal(5)),
    )
    section.finish()
    return rules


def _cells(section: Section) -> tuple[RiskCell, ...]:
    cells = tuple(
        RiskCell(
            name=row.text("name"),
            bound_max=row.share("bound_max"),
            income_multiple=row.share("income_multiple", most=Decimal(100)),
        )
        for row in section.tables("cell")
    )
    section.finish()
    _require_rising("[risk] cells rise by bound_max", [cell.bound_max for cell in cells])
    multiples = [cell.income_multiple for cell in cells]
    if multiples != sorted(multiples, reverse=True) or not all(multiples):
        raise PolicyFaulty("[risk] a higher bound never carries more, and each carries something")
    return cells


def _profit(section: Section) -> ProfitRules:
    rules = ProfitRules(
        funding_rate=section.rate("funding_rate"),
        horizon_months=section.count("horizon_months", most=360),
        loss_given_default=section.share("loss_given_default"),
        operating_cost=section.money("operating_cost"),
        operating_cost_month=section.money("operating_cost_month"),
        reload=section.share("reload"),
        burden_free=section.share("burden_free"),
        burden_gain=section.share("burden_gain", most=Decimal(100)),
    )
    section.finish()
    if not rules.loss_given_default:
        raise PolicyFaulty("[profit] a default loses something")
    return rules


def _cards(section: Section) -> CardOrder:
    order = section.one_of("order", CardOrder)
    section.finish()
    return order


def _better_off(section: Section) -> BetterOffRules:
    rules = BetterOffRules(longer_max=section.share("longer_max", most=Decimal(10)))
    section.finish()
    if rules.longer_max < 1:
        raise PolicyFaulty("[better_off] longer_max is 1 and more")
    return rules


def _is_share(value: Decimal, most: Decimal) -> bool:
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and -exponent <= SHARE_PLACES and 0 <= value <= most


def _require_rising(what: str, bounds: list[Decimal]) -> None:
    if not bounds or bounds != sorted(set(bounds)):
        raise PolicyFaulty(f"{what}, and there is at least one")
