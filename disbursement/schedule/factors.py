"""One rate-factor formula: rate times the part of a year, summed over what the period is cut into.

Monthly 30/360, actual days over 360 or 365, days over their own year, stubs and leap years differ
only in how a stretch of days is measured as a part of a year. Everything is an exact fraction.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise
from math import lcm
from typing import Final

from disbursement.schedule.contract import DayCount

ZERO: Final = Fraction(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One repayment period: interest runs from `start` to `end`, payment is due on `due_on`."""

    number: int
    start: date
    end: date
    due_on: date
    months: int | None = None
    """Whole months the period counts as under 30/360; None when it is counted by days."""

    @property
    def days(self) -> int:
        """Actual days of the period."""
        return (self.end - self.start).days


Measure = Callable[[Span, date, date], Fraction]
"""Measures the stretch between two dates of a period as a part of a year."""


def measure(day_count: DayCount, basis: int) -> Measure:
    """Give the measure that a day count means; `basis` serves single days under 30/360."""
    match day_count:
        case DayCount.THIRTY_360:
            return lambda span, start, end: by_months(span, start, end, basis=basis)
        case DayCount.ACT_360:
            return lambda _, start, end: Fraction((end - start).days, 360)
        case DayCount.ACT_365:
            return lambda _, start, end: Fraction((end - start).days, 365)
        case DayCount.ACT_ACT:
            return lambda _, start, end: by_own_year(start, end)


def by_months(span: Span, start: date, end: date, *, basis: int) -> Fraction:
    """Count whole months as twelfths, a part of a period by its share of the period's days."""
    days = (end - start).days
    if span.months is None:
        return Fraction(days, basis)
    return Fraction(span.months * days, 12 * span.days)


def by_own_year(start: date, end: date) -> Fraction:
    """Count each day over the length of the year it lies in."""
    total = ZERO
    while start < end:
        turn = min(end, date(start.year + 1, 1, 1)) if start.year < 9999 else end
        length = (date(start.year, 12, 31) - date(start.year, 1, 1)).days + 1
        total += Fraction((turn - start).days, length)
        start = turn
    return total


class RateLine:
    """The annual rate over time, with the pauses in which none runs."""

    __slots__ = ("_days", "_pauses", "_rates")

    def __init__(self, rate: Fraction) -> None:
        self._days: list[date] = []
        self._rates: list[Fraction] = [rate]
        self._pauses: list[tuple[date, date]] = []

    def change(self, on: date, rate: Fraction) -> None:
        """Let another rate run from a date on; a later call for the same date wins."""
        at = bisect_right(self._days, on)
        self._days[at:] = [on]
        self._rates[at + 1 :] = [rate]

    def pause(self, start: date, end: date) -> None:
        """Let no interest run between two dates."""
        self._pauses.append((start, end))

    def marks(self, start: date, end: date) -> list[date]:
        """List the days inside a stretch on which the rate changes or a pause begins or ends."""
        pauses = (day for pause in self._pauses for day in pause)
        return sorted({day for day in (*self._days, *pauses) if start < day < end})

    def factor(self, span: Span, start: date, end: date, measured: Measure) -> Fraction:
        """Give the rate factor of a stretch of the period, cut wherever the rate changes."""
        if not self._days and not self._pauses:
            return self._rates[0] * measured(span, start, end) if start < end else ZERO
        cuts = sorted({start, *self.marks(start, end), end})
        return sum(
            (
                self._rate(a) * measured(span, a, b)
                for a, b in pairwise(cuts)
                if not any(first <= a < last for first, last in self._pauses)
            ),
            ZERO,
        )

    def _rate(self, on: date) -> Fraction:
        return self._rates[bisect_right(self._days, on)]


def level_payment(grown: Fraction, later: Sequence[Fraction]) -> Fraction:
    """Give the level payment that clears `grown`, what is owed just before the first payment.

    `later` are the rate factors of the periods after the first. The sum of discounts is built as
    integers over one common denominator: with fractions it would be reduced at every step.
    """
    scale = lcm(*(factor.denominator for factor in later)) if later else 1
    growth = discounts = base = 1
    for factor in later:
        step = scale + factor.numerator * (scale // factor.denominator)
        base *= scale
        discounts = discounts * step + base
        growth *= step
    return Fraction(grown.numerator * growth, grown.denominator * discounts)


def half_up(value: Fraction) -> int:
    """Round to a whole fen, a half upwards."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def down(value: Fraction) -> int:
    """Round to a whole fen towards minus infinity."""
    return value.numerator // value.denominator
