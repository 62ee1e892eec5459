"""A channel's settlement day, which changes at 23:00 in Shanghai and not at midnight."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final

from kernel.clock import SHANGHAI

CUT_OFF_HOUR: Final = 23
"""UnionPay: what is decided at 23:00 or later belongs to the next settlement day."""
DAYS_NEAR: Final = 182
"""A day told without its year is the nearest one."""


def settlement_day(at: datetime) -> date:
    """Tell the settlement day of what is decided at an instant."""
    local = at.astimezone(SHANGHAI)
    return local.date() + timedelta(days=1 if local.hour >= CUT_OFF_HOUR else 0)


def nearest(month_day: str, *, to: date) -> date:
    """Read MMDD as the day nearest to another.

    Raises:
        ValueError: there is no such day.
    """
    if len(month_day) != 4 or not month_day.isascii() or not month_day.isdigit():
        raise ValueError("not MMDD")
    month, day = int(month_day[:2]), int(month_day[2:])
    found = []
    for year in (to.year - 1, to.year, to.year + 1):
        try:
            found.append(date(year, month, day))
        except ValueError:
            continue  # 29 February of another year
    near = [candidate for candidate in found if abs((candidate - to).days) <= DAYS_NEAR + 1]
    if not near:
        raise ValueError("no such day")
    return min(near, key=lambda candidate: abs((candidate - to).days))
