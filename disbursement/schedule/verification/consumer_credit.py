"""Daily simple interest with caps, an instalment found by trying, and a running account.

The rules of one published family of cases: interest of a period is the day rate times the days,
never above a share of the loan in all; the instalment is the smallest whole cent (or the one
nearest to level) for which the last payment comes out as the case's option says; a settlement
figure is the balance of a running account in which each payment pays interest first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from disbursement.schedule.engine import Replay
from disbursement.schedule.terms import Terms
from disbursement.schedule.verification import loans, schedules, servicing
from disbursement.schedule.verification.cases import Case, NotComputable, fen, some_day, yuan
from disbursement.schedule.verification.rounding import to_digits
from kernel.money import Money
from kernel.rates import exact_irr_dated

_FIXED: Final = re.compile(r"payment value: ([0-9.]+)")
_TOTAL_CAP: Final = re.compile(r"total ([0-9.]+) %")
_DAILY_CAP: Final = re.compile(r"daily ([0-9.]+) %")


def figures(case: Case) -> Mapping[str, Any]:
    """Compute the schedule, its annual percentage rate and its settlement figure."""
    terms = _capped(case, loans.terms_of(case))
    terms = replace(terms, level=_level(case, terms))
    walked, rows = schedules.walk(case, terms)
    shown = schedules.row_figures(case, rows, walked)
    found = schedules.summary(case, shown)
    found["instalment"] = yuan(terms.level or 0)
    if "apr" in case.expect:
        flows = [(terms.value_date, Money(terms.principal))]
        flows += [(row.due_on, -row.total) for row in rows]
        found["apr"] = _effective(case.expect["apr"], flows)
    if "settlement" in case.expect:
        found["settlement"] = _settlement(case, terms)
    return found


def applies(case: Case) -> bool:
    """Tell whether a case is one of this family."""
    return "level_payment_option" in (case.facts.get("rounding") or {})


def _capped(case: Case, terms: Terms) -> Terms:
    caps = str(case.options.get("interest_caps") or "")
    daily = _DAILY_CAP.search(caps)
    if daily is not None:
        terms = replace(terms, annual_rate=min(terms.annual_rate, Fraction(daily[1]) / 100 * 365))
    total = _TOTAL_CAP.search(caps)
    if total is None:
        return terms
    most = Fraction(total[1]) / 100 * terms.principal
    return replace(terms, interest_max=int(most))


def _level(case: Case, terms: Terms) -> int:
    stated = _FIXED.search(str(case.facts.get("unit_period_config") or ""))
    if stated is not None:
        return fen(stated[1])
    option = case.facts["rounding"]["level_payment_option"]
    enough = _smallest(lambda level: _last(terms, level) <= level, terms.principal * 4)
    if option == "lower" or enough == 1:
        return enough
    if option == "higher":
        return enough - 1
    if option != "similar":
        raise NotComputable(f"unknown option of the level payment {option!r}")
    return min(enough, enough - 1, key=lambda level: abs(_last(terms, level) - level))


def _smallest(holds: Callable[[int], bool], most: int) -> int:
    """Find the smallest positive number for which a condition that stays true holds."""
    low, high = 1, most
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _last(terms: Terms, level: int) -> int:
    state = Replay(replace(terms, level=level))
    state.project()
    return state.items[-1].outstanding


def _effective(wanted: Mapping[str, Any], flows: list[tuple[date, Money]]) -> Mapping[str, Any]:
    if not str(wanted.get("formula", "")).startswith("effective annual rate"):
        raise NotComputable(f"unknown formula of the annual rate: {wanted.get('method')!r}")
    percent = exact_irr_dated(flows) * 100
    return {**wanted, "pct": to_digits(percent, int(wanted.get("rounding_digits", 1)))}


def _settlement(case: Case, terms: Terms) -> Mapping[str, Any]:
    on = some_day(case.expect["settlement"]["date"])
    balance, unpaid, given, since = terms.principal, 0, 0, terms.value_date
    payments = [p for p in servicing.money_in(case) if p[0] <= on]
    for day, came_in in [*payments, (on, 0)]:
        amount = came_in or 0
        part = Fraction((day - since).days, 365)
        interest = terms.round_interest(max(balance, 0) * terms.annual_rate * part)
        if terms.interest_max is not None:
            interest = min(interest, terms.interest_max - given)
        given, unpaid, since = given + interest, unpaid + interest, day
        covered = min(amount, unpaid)
        unpaid -= covered
        balance -= amount - covered
    return {"date": str(on), "amount": Decimal(yuan(balance + unpaid))}
