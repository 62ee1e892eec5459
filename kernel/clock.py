"""Where the time comes from: edges read a clock, verbs are given the time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Protocol
from zoneinfo import ZoneInfo

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")


class Clock(Protocol):
    """Something that knows the time now."""

    def now(self) -> datetime:
        """Tell the aware time now."""
        ...


class SystemClock:
    """The machine's own clock, in UTC."""

    def now(self) -> datetime:
        """Tell the time of the machine."""
        return datetime.now(UTC)


@dataclass(slots=True)
class SetClock:
    """A clock that stands still until somebody moves it; production refuses it."""

    at: datetime

    def __post_init__(self) -> None:
        require_aware(self.at)

    def now(self) -> datetime:
        """Tell the time it was set to."""
        return self.at

    def advance(self, by: timedelta) -> datetime:
        """Move forward and tell the new time.

        Raises:
            ValueError: `by` is negative; time does not run backwards.
        """
        if by < timedelta(0):
            raise ValueError("a clock moves forward only")
        self.at += by
        return self.at

    def advance_to(self, at: datetime) -> datetime:
        """Move forward to `at` and tell it."""
        return self.advance(at - self.at)


def require_aware(at: datetime) -> datetime:
    """Return `at` unchanged when it carries a time zone.

    Raises:
        ValueError: the time is naive, so nobody can say which instant it is.
    """
    if at.tzinfo is None or at.utcoffset() is None:
        raise ValueError("a time needs its zone")
    return at


def business_day(at: datetime) -> date:
    """Tell the business day of an instant: the calendar date in Shanghai."""
    return require_aware(at).astimezone(SHANGHAI).date()


def shanghai(day: date, hour: int = 0, minute: int = 0) -> datetime:
    """Give the instant of a wall-clock time in Shanghai."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=SHANGHAI)
