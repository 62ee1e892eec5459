"""The annual percentage rate of 12 CFR 1026 Appendix J: whole unit-periods and odd days.

A sum paid t whole unit-periods and a fraction f of one after the first advance is divided by
(1 + f i) (1 + i)^t; the annual rate is the unit-period rate i times the unit-periods of a year.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any, Final

from disbursement.schedule.calendar import month_day
from disbursement.schedule.verification.cases import (
    Case,
    NotComputable,
    number,
    quotient,
    some_day,
)
from disbursement.schedule.verification.rounding import to_digits
from kernel import rates

_MONTH_DAYS: Final = 30
_SUMS_MAX: Final = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPeriod:
    """The usual distance between payments: so many months, half months or days."""

    months: int = 0
    half_months: int = 0
    days: int = 0

    @classmethod
    def read(cls, text: str) -> UnitPeriod:
        """Read a unit-period such as ``1 month``, ``half month (15 days)`` or ``4 weeks``."""
        if text.startswith(("half month", "half-month", "semimonth", "semi-month")):
            return cls(half_months=1)
        found = re.search(r"(\d+)\s+(day|week|month|year)", text)
        if found is None:
            raise NotComputable(f"unknown unit-period {text!r}")
        count = int(found[1])
        match found[2]:
            case "day":
                return cls(days=count)
            case "week":
                return cls(days=7 * count)
            case "month":
                return cls(months=count)
            case _:
                return cls(months=12 * count)

    def count(self, start: date, end: date) -> tuple[int, Fraction]:
        """Count whole unit-periods back from `end`, and what is left as a fraction of one."""
        if self.days:
            whole, odd = divmod((end - start).days, self.days)
            return whole, Fraction(odd, self.days)
        months = (end.year - start.year) * 12 + end.month - start.month
        if month_day(end, -months, end.day) < start:
            months -= 1
        odd = (month_day(end, -months, end.day) - start).days
        if self.half_months:
            halves, odd = divmod(odd, 15)
            return 2 * months + min(halves, 1), Fraction(odd + 15 * max(0, halves - 1), 15)
        whole, left = divmod(months, self.months)
        if self.months == 12 and left == 0:
            return whole, Fraction(odd, 365)
        return whole, Fraction(left * _MONTH_DAYS + odd, self.months * _MONTH_DAYS)


def figures(case: Case) -> Mapping[str, Any]:
    """Compute the annual percentage rate the case asks for."""
    facts = case.facts
    unit = UnitPeriod.read(str(facts["unit_period"]))
    start = min(some_day(advance["date"]) for advance in facts["advances"])
    sums = [
        (number(item["amount"]) * sign, *unit.count(start, some_day(item["date"])))
        for sign, name in ((1, "advances"), (-1, "payments"))
        for item in facts[name]
    ]
    if len(sums) > _SUMS_MAX:
        raise NotComputable("too many payments")
    yearly = quotient(facts["unit_periods_per_year"]) * 100
    percent = rates.CONTEXT.multiply(_unit_rate(sums), Decimal(yearly.numerator))
    percent = rates.CONTEXT.divide(percent, Decimal(yearly.denominator))
    digits = int(case.expect.get("rounding_digits", 2))
    return {"apr_pct": to_digits(percent, digits), "rounding_digits": digits}


def _unit_rate(sums: list[tuple[Decimal, int, Fraction]]) -> Decimal:
    def value(rate: Decimal) -> tuple[Decimal, Decimal]:
        worth = slope = Decimal(0)
        for amount, whole, part in sums:
            odd = Decimal(part.numerator) / part.denominator
            first, second = 1 + odd * rate, 1 + rate
            term = amount / (first * second**whole)
            worth += term
            slope -= term * (odd / first + whole / second)
        return worth, slope

    with localcontext(rates.CONTEXT):
        return rates.root(value)
