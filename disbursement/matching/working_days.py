"""Working days of mainland China, by which breaks age and payments may be late."""

from __future__ import annotations

import tomllib
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Final

TABLE: Final = Path(__file__).parent / "working_days.toml"
ONE_DAY: Final = timedelta(days=1)
SATURDAY: Final = 5


def is_working_day(day: date) -> bool:
    """Tell whether banks settle on a day; a year not announced yet has its weekends only."""
    off, worked = _exceptions()
    return day in worked or (day.weekday() < SATURDAY and day not in off)


def ahead(day: date, count: int) -> date:
    """Give the working day that lies `count` working days after a day; backwards when negative.

    >>> ahead(date(2026, 9, 30), 1)
    datetime.date(2026, 10, 8)
    """
    step = ONE_DAY if count > 0 else -ONE_DAY
    left = abs(count)
    while left:
        day += step
        left -= is_working_day(day)
    return day


def between(first: date, last: date) -> int:
    """Count the working days after `first`, up to and with `last`."""
    days = (first + timedelta(days=n) for n in range(1, (last - first).days + 1))
    return sum(map(is_working_day, days))


@cache
def _exceptions() -> tuple[frozenset[date], frozenset[date]]:
    years = tomllib.loads(TABLE.read_text(encoding="utf-8"))["year"]
    off = {
        first + timedelta(days=n)
        for year in years
        for first, last in year["off"]
        for n in range((last - first).days + 1)
    }
    return frozenset(off), frozenset(day for year in years for day in year["worked"])
