"""Due dates: every one is computed from the anchor day, never from the date before it."""

from __future__ import annotations

from calendar import isleap
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

_LENGTHS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_CLOSED_DAYS_MAX: Final = 30
"""No calendar closes the banks longer; a longer run is a faulty calendar."""


class Unit(StrEnum):
    """What the distance between two due dates is counted in."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class HolidayPolicy(StrEnum):
    """What a due date on a closed day means; interest days never move."""

    KEPT = "kept"
    """The due date stays; nothing counts as late before the next working day is over."""
    FOLLOWING = "following"
    """The due date moves to the next working day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workdays:
    """Which days banks work: weekdays less holidays, plus weekends worked instead (调休)."""

    holidays: frozenset[date] = field(default_factory=frozenset)
    worked_weekends: frozenset[date] = field(default_factory=frozenset)

    def is_open(self, day: date) -> bool:
        """Tell whether banks work on the day."""
        if day in self.holidays:
            return False
        return day.weekday() < 5 or day in self.worked_weekends

    def next_open(self, day: date) -> date:
        """Give the day itself when it is worked, otherwise the next that is.

        Raises:
            ValueError: the calendar closes more than thirty days in a row.
        """
        for ahead in range(_CLOSED_DAYS_MAX + 1):
            if self.is_open(day + timedelta(days=ahead)):
                return day + timedelta(days=ahead)
        raise ValueError("the calendar has no working day for thirty days")


def month_length(year: int, month: int) -> int:
    """Tell how many days a month has."""
    return 29 if month == 2 and isleap(year) else _LENGTHS[month - 1]


def month_day(start: date, months: int, day: int) -> date:
    """Give the day of the month that lies `months` after `start`, at most that month's last.

    >>> month_day(date(2026, 1, 31), 1, 31)
    datetime.date(2026, 2, 28)
    """
    ahead = start.month - 1 + months
    year, month = start.year + ahead // 12, ahead % 12 + 1
    return date(year, month, day if day <= 28 else min(day, month_length(year, month)))


def is_whole(start: date, end: date, *, months: int, anchor_day: int) -> bool:
    """Tell whether a period runs from the anchor day of one month to that of a later one."""
    anchored = start == month_day(start, 0, anchor_day)
    return anchored and end == month_day(start, months, anchor_day)


def monthly_dates(first: date, count: int, *, anchor_day: int, every: int = 1) -> list[date]:
    """List `count` due dates from `first` on, keeping the anchor day through short months."""
    dates = [first]
    year, month = first.year, first.month
    for _ in range(1, count):
        month += every
        if month > 12:
            year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
        day = anchor_day if anchor_day <= 28 else min(anchor_day, month_length(year, month))
        dates.append(date(year, month, day))
    return dates


def stepped_dates(first: date, count: int, *, days: int) -> list[date]:
    """List `count` due dates a fixed number of days apart."""
    return [first + timedelta(days=days * k) for k in range(count)]
