"""A case read as terms: the same periods, factors and shapes the product uses, rounded its way."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Final

from disbursement.schedule.contract import Grace
from disbursement.schedule.factors import Measure, Span
from disbursement.schedule.terms import Lowering, Shape, Terms
from disbursement.schedule.verification import calendars, foreign, rounding, tranches
from disbursement.schedule.verification.cases import (
    Case,
    Fields,
    NotComputable,
    fen,
    number,
)

_BULLETS: Final = frozenset({"bullet_simple", "bullet_capitalised"})
_SHAPES: Final = {
    "equal_instalment": Shape.PAYMENT,
    "fixed_payment": Shape.PAYMENT,
    "interest_only_bullet": Shape.PRINCIPAL,
    "equal_principal": Shape.PRINCIPAL,
    "bullet_simple": Shape.PRINCIPAL,
    "bullet_capitalised": Shape.PRINCIPAL,
    "flat": Shape.FLAT,
}


def terms_of(case: Case) -> Terms:
    """Read the case's facts as terms, without anything that happened later.

    Raises:
        NotComputable: a fact is missing or means nothing here.
    """
    facts = case.facts
    periods = calendars.spans(facts)
    engine = str(case.options.get("engine", ""))
    measure = calendars.measured(facts, engine=engine)
    ways = facts.get("rounding") or {}
    mode = ways.get("mode", "half_up")
    level = rounding.named(mode)
    multiple = ways.get("instalment_multiple_of")
    if multiple is not None:
        level = rounding.to_multiple(_level_mode(str(mode)), fen(multiple))
    terms = Terms(
        value_date=calendars.start_date(facts),
        principal=tranches.first(facts),
        annual_rate=annual_rate(facts),
        spans=periods,
        shape=_shape(case),
        measure=measure,
        grace=_grace(case, len(periods)),
        round_interest=rounding.named(ways.get("interest_mode", mode)),
        round_level=level,
        level_measure=_level_measure(case, periods),
        lowering=Lowering.AFRESH,
    )
    if facts.get("fixed_instalment") is not None:
        return foreign.fixed_payment(terms, fen(facts["fixed_instalment"]))
    if (facts.get("day_count") or {}).get("year") == "actual_split":
        return foreign.compounded_yearly(terms)
    return terms


def _level_mode(mode: str) -> rounding.Rounding:
    return rounding.up if mode.startswith("ceil") else rounding.named(mode)


def annual_rate(facts: Fields) -> Fraction:
    """Give the annual rate as a fraction; a daily rate is 365 times itself."""
    daily = facts.get("daily_rate_pct")
    if daily is not None:
        return Fraction(number(daily)) / 100 * 365
    return Fraction(number(facts.get("annual_rate_pct") or 0)) / 100


def _shape(case: Case) -> Shape:
    method = case.facts.get("interest_method")
    if method == "flat":
        return Shape.FLAT
    if case.family == "zero_interest":
        return Shape.PAYMENT
    shape = _SHAPES.get(case.family)
    if shape is None:
        raise NotComputable(f"unknown family {case.family!r}")
    return shape


def _grace(case: Case, count: int) -> Grace:
    if case.family in _BULLETS:
        compounded = case.family == "bullet_capitalised"
        return Grace(principal=count - 1, interest=count - 1, compounded=compounded)
    stated = case.facts.get("grace") or {}
    principal = int(stated.get("principal_periods") or 0)
    interest = int(stated.get("interest_periods") or 0)
    if case.family == "interest_only_bullet":
        principal = count - 1
    if not (0 <= principal < count and 0 <= interest < count):
        raise NotComputable("grace leaves no instalment")
    return Grace(principal=principal, interest=interest)


def _level_measure(case: Case, periods: tuple[Span, ...]) -> Measure | None:
    """Give the length of period the engine assumes when it solves for the instalment."""
    if case.options.get("instalment_formula") == "annuity at annual_rate/12":
        months = calendars.every_months(case.facts) or 1
        return _always(Fraction(months, 12))
    if case.options.get("engine") != "cumulative":
        return None
    if case.facts.get("interest_period") != "daily":
        return None
    return _always(_month_of_start(case.facts, periods[0].start))


def _month_of_start(facts: Fields, start: date) -> Fraction:
    """Measure one period laid from the first day of the month in which the loan was paid out."""
    count = facts.get("day_count") or {}
    year = str(count.get("year"))
    length = int(year) if year.isdigit() else 365
    months = calendars.every_months(facts)
    first = start.replace(day=1)
    days = (calendars.stepped(first, {**facts, "options": None}, 1) - first).days
    if count.get("month") == "30" and months is not None:
        days = 30 * months
    return Fraction(days, length)


def _always(part: Fraction) -> Measure:
    return lambda _, __, ___: part
