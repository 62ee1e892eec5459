"""When a debtor may be contacted without having asked: pure, from the dated law."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from kernel import law
from kernel.clock import SHANGHAI, business_day, shanghai


def next_allowed(at: datetime) -> datetime:
    """Give the first instant from `at` on in which contact is allowed; often `at` itself.

    Source: the table contact_hours of the law.
    """
    day = business_day(at)
    hour = at.astimezone(SHANGHAI).hour
    first, last = _hours(day)
    if hour < first:
        return shanghai(day, first)
    if hour > last:
        return first_of(day + timedelta(days=1))
    return at


def first_of(day: date) -> datetime:
    """Give the first allowed instant of a Shanghai day."""
    return shanghai(day, _hours(day)[0])


def _hours(day: date) -> tuple[int, int]:
    values = law.rule("contact_hours", on=day).values
    return int(values["hour_first"]), int(values["hour_last"])
