"""Instants, business days and the channel's way of writing them; all in Shanghai time."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import Final

SHANGHAI: Final = timezone(timedelta(hours=8), "Asia/Shanghai")
"""A fixed offset: Shanghai has had no summer time since 1991."""

CUT_OFF: Final = time(23)
"""Where one settlement day ends and the next begins."""

ONE_DAY: Final = timedelta(days=1)
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=SHANGHAI)
LATEST: Final = datetime(2100, 1, 1, tzinfo=SHANGHAI)
"""Bounds on every instant, so that no sum of dates overflows."""


def machine_now() -> datetime:
    """Tell the machine's time, in Shanghai."""
    return datetime.now(SHANGHAI)


@lru_cache(maxsize=1024)
def read_instant(text: str) -> datetime:
    """Read an RFC 3339 time with offset and put it into Shanghai time.

    Raises:
        ValueError: it is no time, carries no offset, or lies outside 2000 to 2099.
    """
    if len(text) > 40:
        raise ValueError("too long for a time")
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time needs an offset")
    if not EARLIEST <= at < LATEST:
        raise ValueError("the time lies outside 2000 to 2099")
    return at.astimezone(SHANGHAI)


def read_day(text: str) -> date:
    """Read `YYYY-MM-DD`.

    Raises:
        ValueError: it is not such a day, or lies outside 2000 to 2099.
    """
    if len(text) != 10:
        raise ValueError("a day is YYYY-MM-DD")
    day = date.fromisoformat(text)
    if not EARLIEST.date() <= day < LATEST.date():
        raise ValueError("the day lies outside 2000 to 2099")
    return day


def read_stamp(text: str) -> datetime:
    """Read the channel's `YYYYMMDDhhmmss`.

    Raises:
        ValueError: it is no such time, or lies outside 2000 to 2099.
    """
    if len(text) != 14 or not (text.isascii() and text.isdigit()):
        raise ValueError("a time is YYYYMMDDhhmmss")
    parts = (text[:4], text[4:6], text[6:8], text[8:10], text[10:12], text[12:])
    year, month, day, hour, minute, second = (int(part) for part in parts)
    at = datetime(year, month, day, hour, minute, second, tzinfo=SHANGHAI)
    if not EARLIEST <= at < LATEST:
        raise ValueError("the time lies outside 2000 to 2099")
    return at


def write_instant(at: datetime) -> str:
    """Write RFC 3339 to the second, with the offset of Shanghai."""
    return at.astimezone(SHANGHAI).isoformat(timespec="seconds")


def at_hour(day: date, hour: int, minute: int = 0) -> datetime:
    """Tell the instant of a wall-clock time on a day."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=SHANGHAI)


def settlement_day(at: datetime) -> date:
    """Tell the settlement day of an instant: after 23:00 of D-1, up to 23:00 of D."""
    local = at.astimezone(SHANGHAI)
    return local.date() + ONE_DAY if local.time() > CUT_OFF else local.date()


def nearest_day(month_day: str, today: date) -> date | None:
    """Tell the day nearest to today that is written MMDD; None when there is none.

    The channel names settlement days without a year. Taking the nearest makes a day asked too
    early a day of the future, never the same day a year ago.
    """
    if len(month_day) != 4 or not (month_day.isascii() and month_day.isdigit()):
        return None
    month, day = int(month_day[:2]), int(month_day[2:])
    found: list[date] = []
    for year in (today.year - 1, today.year, today.year + 1):
        try:
            found.append(date(year, month, day))
        except ValueError:
            continue  # 29 February, or no such day at all
    return min(found, key=lambda one: abs(one - today), default=None)
