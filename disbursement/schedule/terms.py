"""A contract worked out: its periods with their dates, and the rules that fill them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum, auto
from fractions import Fraction
from itertools import pairwise

from disbursement.schedule.calendar import (
    HolidayPolicy,
    Unit,
    is_whole,
    monthly_dates,
    stepped_dates,
)
from disbursement.schedule.contract import (
    NO_GRACE,
    Contract,
    DayCount,
    FirstPeriod,
    Grace,
    Method,
    Penalty,
)
from disbursement.schedule.factors import Measure, Span, half_up, measure

Rounding = Callable[[Fraction], int]


def _same_day(day: date) -> date:
    return day


class Shape(Enum):
    """What stays level from one instalment to the next."""

    PAYMENT = auto()
    PRINCIPAL = auto()
    FLAT = auto()


class Lowering(Enum):
    """How a prepayment lowers the instalments that remain."""

    BY_SHARE = auto()
    """By the instalment that the prepaid amount alone would have carried, rounded down; so that
    the balance never runs above the one without the prepayment."""
    AFRESH = auto()
    """By solving for the balance that remains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Periods and rules: the only thing the engine reads beside the events."""

    value_date: date
    principal: int
    annual_rate: Fraction
    spans: tuple[Span, ...]
    shape: Shape
    measure: Measure
    grace: Grace = NO_GRACE
    penalty: Penalty | None = None
    late_after: Callable[[date], date] = _same_day
    """From which day on a due date counts as missed, apart from days of grace."""
    respan: Callable[[date, date, int, int], tuple[Span, ...]] | None = None
    """Makes periods for a new plan: start, first due date, how many, first number."""
    round_interest: Rounding = half_up
    round_level: Rounding = half_up
    level: int | None = None
    """The instalment, where it was agreed instead of solved for."""
    level_measure: Measure | None = None
    """Measures periods when solving for the instalment, where that differs from interest."""
    lowering: Lowering = Lowering.BY_SHARE
    interest_max: int | None = None
    """All interest together never exceeds this."""


_SHAPES = {
    Method.ANNUITY: Shape.PAYMENT,
    Method.EQUAL_PRINCIPAL: Shape.PRINCIPAL,
    Method.INTEREST_ONLY: Shape.PRINCIPAL,
    Method.SINGLE: Shape.PRINCIPAL,
    Method.FLAT: Shape.FLAT,
}


def of(contract: Contract) -> Terms:
    """Work out the periods and rules that a contract means."""
    workdays = contract.workdays

    def respan(start: date, first_due: date, count: int, number: int) -> tuple[Span, ...]:
        day = first_due.day
        ends = due_dates(contract, first_due=first_due, anchor_day=day, count=count)
        return spans(contract, start=start, ends=ends, anchor_day=day, number=number)

    day = contract.anchor_day
    ends = due_dates(
        contract, first_due=contract.first_due, anchor_day=day, count=contract.instalments
    )
    return Terms(
        value_date=contract.value_date,
        principal=contract.principal.fen,
        annual_rate=Fraction(contract.annual_rate.annual),
        spans=spans(contract, start=contract.value_date, ends=ends, anchor_day=day),
        shape=_SHAPES[contract.method],
        measure=measure(contract.day_count, int(contract.day_basis)),
        grace=grace(contract),
        penalty=contract.penalty,
        late_after=workdays.next_open if workdays is not None else _same_day,
        respan=respan,
    )


def grace(contract: Contract) -> Grace:
    """Read the two bullet methods as grace until the last instalment."""
    last = contract.instalments - 1
    if contract.method is Method.INTEREST_ONLY:
        return Grace(principal=last)
    if contract.method is Method.SINGLE:
        return Grace(principal=last, interest=last)
    return contract.grace


def due_dates(contract: Contract, *, first_due: date, anchor_day: int, count: int) -> list[date]:
    """List the ends of `count` periods from the first due date on."""
    if contract.unit is Unit.MONTH:
        return monthly_dates(first_due, count, anchor_day=anchor_day, every=contract.every)
    days = contract.every * (7 if contract.unit is Unit.WEEK else 1)
    return stepped_dates(first_due, count, days=days)


def spans(
    contract: Contract, *, start: date, ends: list[date], anchor_day: int, number: int = 1
) -> tuple[Span, ...]:
    """Make the periods between `start` and each end; only the first may be irregular."""
    made = []
    for position, (begin, end) in enumerate(pairwise([start, *ends])):
        months = None
        if contract.day_count is DayCount.THIRTY_360 and (
            position
            or contract.first_period is FirstPeriod.WHOLE
            or is_whole(begin, end, months=contract.every, anchor_day=anchor_day)
        ):
            months = contract.every
        due_on = _payable(contract, end)
        made.append(
            Span(number=number + position, start=begin, end=end, due_on=due_on, months=months)
        )
    return tuple(made)


def _payable(contract: Contract, day: date) -> date:
    if contract.workdays is None or contract.holiday_policy is HolidayPolicy.KEPT:
        return day
    return contract.workdays.next_open(day)


def grace_end(penalty: Penalty, missed_on: date) -> date:
    """Give the last day on which a payment still costs no penalty."""
    return missed_on + timedelta(days=penalty.grace_days)
