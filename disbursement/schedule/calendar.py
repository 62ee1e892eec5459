"""Due dates: every one is computed from the anchor day, never from the date before it."""

from __future__ import annotations

from calendar import isleap
from datetime import date
from typing import Final

_LENGTHS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


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
    return date(year, month, min(day, month_length(year, month)))


def monthly_dates(first: date, count: int, *, anchor_day: int, every: int = 1) -> list[date]:
    """List `count` due dates from `first` on, keeping the anchor day through short months."""
    return [first, *(month_day(first, every * k, anchor_day) for k in range(1, count))]
