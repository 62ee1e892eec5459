"""Due dates and day counts as other engines have them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

from disbursement.schedule.calendar import month_day, month_length
from disbursement.schedule.factors import Measure, Span, by_months, by_own_year
from disbursement.schedule.verification.cases import (
    Case,
    Fields,
    NotComputable,
    day,
    number,
    some_day,
)

INSTALMENTS_MAX: Final = 2_000
UNDATED: Final = date(2001, 1, 1)
"""Stands in for the start where a source counts periods instead of dates."""

_UNIT_DAYS: Final[Mapping[str, int]] = {"day": 1, "week": 7}
_UNIT_MONTHS: Final[Mapping[str, int]] = {"month": 1, "year": 12}
_DAY = timedelta(days=1)


def every_months(facts: Fields) -> int | None:
    """Tell how many months lie between two due dates, None when they are counted in days."""
    months = _UNIT_MONTHS.get(str(facts.get("unit") or "month"))
    return None if months is None else months * int(facts.get("every") or 1)


def stepped(start: date, facts: Fields, count: int, *, anchor_day: int | None = None) -> date:
    """Give the date `count` periods after `start`, by the case's own rule for short months."""
    months = every_months(facts)
    if months is None:
        days = _UNIT_DAYS.get(str(facts["unit"]))
        if days is None:
            raise NotComputable(f"unknown unit {facts['unit']!r}")
        return start + timedelta(days=days * int(facts.get("every") or 1) * count)
    wanted = anchor_day or start.day
    rule = str((facts.get("options") or {}).get("month_end_rule") or facts.get("date_rule") or "")
    there = month_day(start, months * count, wanted)
    if "first day of next month" in rule and there.day < wanted:
        return there + _DAY
    return there


def due_dates(facts: Fields) -> list[date]:
    """List the due dates a case states or means."""
    if facts.get("due_dates"):
        return [some_day(text) for text in facts["due_dates"]]
    count = int(facts["instalments"]) if facts.get("instalments") else _until_repaid(facts)
    if not 1 <= count <= INSTALMENTS_MAX:
        raise NotComputable(f"between 1 and {INSTALMENTS_MAX} instalments are looked at")
    first = day(facts.get("first_due_date"))
    start = day(facts.get("start_date"))
    if first is not None:
        return [stepped(first, facts, k) for k in range(count)]
    return [stepped(start or UNDATED, facts, k) for k in range(1, count + 1)]


def _until_repaid(facts: Fields) -> int:
    if facts.get("fixed_instalment") is None:
        raise NotComputable("neither instalments nor an agreed payment are stated")
    return INSTALMENTS_MAX


def start_date(facts: Fields) -> date:
    """Give the day interest runs from."""
    stated = day(facts.get("start_date"))
    if stated is not None:
        return stated
    first = day(facts.get("first_due_date"))
    return UNDATED if first is None else stepped(first, facts, -1)


def is_dated(facts: Fields) -> bool:
    """Tell whether the source gives dates at all."""
    return any(facts.get(name) for name in ("start_date", "first_due_date", "due_dates"))


def spans(facts: Fields) -> tuple[Span, ...]:
    """Make the periods of a case."""
    months = every_months(facts)
    ends = due_dates(facts)
    edges = [start_date(facts), *ends]
    if any(later <= earlier for earlier, later in pairwise(edges)):
        raise NotComputable("due dates do not follow each other")
    return tuple(
        Span(number=k, start=start, end=end, due_on=end, months=months)
        for k, (start, end) in enumerate(pairwise(edges), 1)
    )


def measured(facts: Fields, *, engine: str = "") -> Measure:
    """Give the measure that a case's day count means."""
    count = facts.get("day_count") or {}
    year, month = str(count.get("year")), str(count.get("month"))
    by_period = facts.get("interest_period") == "per_repayment_period"
    if year in _YEARS and (year not in _WHOLE_PERIODS or not by_period):
        if month == "30" and year.isdigit():
            return _thirty_day_months(int(year))
        if year == "actual" and engine == "progressive":
            return _cut_on_31_december
        return _YEARS[year]
    if by_period and year in _WHOLE_PERIODS:
        return _by_share_of_year
    raise NotComputable(f"unknown day count {year!r}")


def _fixed(length: int) -> Measure:
    return lambda _, start, end: Fraction((end - start).days, length)


def _thirty_day_months(length: int) -> Measure:
    def by_thirty(span: Span, start: date, end: date) -> Fraction:
        return by_months(span, start, end, basis=length) * (
            Fraction(360, length) if span.months is not None else 1
        )

    return by_thirty


def _by_share_of_year(span: Span, start: date, end: date) -> Fraction:
    if span.months is not None:
        return by_months(span, start, end, basis=365)
    return Fraction((end - start).days, 364 if span.days % 7 == 0 else 365)


def _by_year_of_start(span: Span, start: date, end: date) -> Fraction:
    length = 366 if month_length(span.start.year, 2) == 29 else 365
    return Fraction((end - start).days, length)


def _cut_on_31_december(_: Span, start: date, end: date) -> Fraction:
    # That engine lets the new year begin with the night of 31 December.
    return by_own_year(start + _DAY, end + _DAY)


def _own_year(_: Span, start: date, end: date) -> Fraction:
    return by_own_year(start, end)


_YEARS: Final[Mapping[str, Measure]] = {
    "360": _fixed(360),
    "364": _fixed(364),
    "365": _fixed(365),
    "actual": _own_year,
    "actual_split": _own_year,
    "actual_by_period_start_year": _by_year_of_start,
}
_WHOLE_PERIODS: Final = frozenset({"360", "364", "365", "actual"})
"""With these years, interest per repayment period means whole shares of a year."""


def _next_month_start(candidate: date) -> date:
    return month_day(candidate, 1, 1)


_FIRST_DATES: Final[Mapping[str, Callable[[date], date]]] = {
    "monthly from first date": lambda candidate: candidate,
    "pro-rated, start of next month": _next_month_start,
    "pro-rated, end of current month": lambda candidate: month_day(candidate, 0, 31),
}


def date_figures(case: Case) -> Mapping[str, Any]:
    """Compute the due dates the case asks for."""
    facts = dict(case.facts)
    candidate = day(facts.get("first_due_candidate"))
    if candidate is not None:
        rule = _FIRST_DATES.get(str(facts.get("date_rule")))
        if rule is None:
            raise NotComputable(f"unknown rule of dates {facts.get('date_rule')!r}")
        first = rule(candidate)
        facts["first_due_date"] = first.isoformat()
        anchor = 31 if first.day == month_length(first.year, first.month) != candidate.day else None
        count = int(facts["instalments"])
        dates = [stepped(first, facts, k, anchor_day=anchor) for k in range(count)]
    else:
        dates = due_dates(facts)
    listed = [str(due) for due in dates]
    return {
        "due_dates": listed,
        "due_dates_at": {str(k): due for k, due in enumerate(listed, 1)},
    }


def rate_figures(case: Case) -> Mapping[str, Any]:
    """Compute the rate of each period the case lists, to as many digits as it asks."""
    facts = case.facts
    rate = Fraction(number(facts["annual_rate_pct"])) / 100
    rule = measured(facts, engine="progressive")
    digits = int(facts.get("digits", 12))
    found = []
    for first, last in facts["periods"]:
        start, end = some_day(first), some_day(last)
        span = Span(number=1, start=start, end=end, due_on=end, months=every_months(facts))
        found.append(_to_digits(rate * rule(span, start, end), digits))
    return {"period_rates": found}


def _to_digits(value: Fraction, digits: int) -> Decimal:
    return Decimal(round(value * 10**digits)).scaleb(-digits)
