"""What a loan has earned by a day: interest runs day by day, and falls due whole.

Income is counted as one cumulated figure, and a day's accrual is the difference of two of them.
So the days of a period add up to exactly the interest that falls due at its end, whatever each
single day was rounded to, and a plan that changed is put right by the next difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import NamedTuple

from kernel.money import ZERO, Money


class Due(NamedTuple):
    """Interest that falls due on a day."""

    on: date
    interest: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Earning:
    """One stretch of time in which interest runs evenly.

    `earned` was earned by the close of `since`; `earning` more will have been by that of `until`.
    """

    earned: Money
    since: date
    earning: Money
    until: date

    def by(self, day: date) -> Money:
        """Give what was earned by the close of a day: half-up to the fen, before and after level.

        >>> Earning(
        ...     earned=Money(0), since=date(2026, 1, 31), earning=Money(1000), until=date(2026, 2, 28)
        ... ).by(date(2026, 2, 14))
        Money('5.00')
        """
        whole = (self.until - self.since).days
        if whole <= 0:
            return self.earned + self.earning
        past = min(max((day - self.since).days, 0), whole)
        return Money(self.earned.fen + (2 * self.earning.fen * past + whole) // (2 * whole))


def by_plan(value_date: date, dues: Sequence[Due], *, on: date) -> Money:
    """Give what a plan has earned from its value date by the close of a day.

    The dues are in the order of their days. The interest of each runs evenly since the due before.
    """
    return earning_of(value_date, dues, on=on).by(on)


def earning_of(value_date: date, dues: Sequence[Due], *, on: date) -> Earning:
    """Find the stretch of a plan that is open after the close of a day.

    Before the first and after the last stretch nothing more is earned.
    """
    earned = ZERO
    since = value_date
    for begin, due in pairwise([Due(value_date, ZERO), *dues]):
        since = begin.on
        if due.on > on:
            return Earning(earned=earned, since=since, earning=due.interest, until=due.on)
        earned += due.interest
        since = due.on
    return Earning(earned=earned, since=since, earning=ZERO, until=since)
