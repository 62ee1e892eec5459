"""An engine that is told of each payment to which instalment it goes, and of which part it is.

The instalment stays. What is paid early of any instalment bears no interest from its day on; what
an instalment has no room left for, because it is paid already, moves to the next one's interest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

from disbursement.schedule.factors import Span
from disbursement.schedule.rows import Row
from disbursement.schedule.verification import loans, schedules
from disbursement.schedule.verification.cases import Case, fen, some_day, yuan
from disbursement.schedule.verification.foreign import Rebalancing

KINDS: Final = frozenset({"allocate_principal", "allocate_interest"})


@dataclass(slots=True)
class _Told:
    """What was paid of one instalment."""

    principal: int = 0
    early: int = 0
    """Of the principal, what was paid by its due date."""
    interest: int = 0


@dataclass(slots=True)
class _Run:
    """The loan on the way from one instalment to the next; amounts in fen."""

    plan: Rebalancing
    level: int
    told: Mapping[date, _Told]
    early: list[tuple[date, int]]
    """Principal by the day on which it was paid."""
    owed: int
    """Principal of the instalments to come, paid or not."""
    moved: Fraction = Fraction(0)
    """Interest that earlier instalments had no room for."""
    due: int = 0
    """Principal that has fallen due."""
    ahead: int = 0
    """Of it, what was paid before."""
    rows: list[Row] = field(default_factory=list)

    def bearing(self, on: date) -> int:
        """Give the principal that bears interest from a day on."""
        paid = sum(amount for day, amount in self.early if day <= on)
        return max(0, self.plan.terms.principal - self.due - (paid - self.ahead))


def applies(case: Case) -> bool:
    """Tell whether a case says to which instalments its payments go."""
    return any(event.get("type") in KINDS for event in case.events)


def figures(case: Case) -> Mapping[str, Any]:
    """Compute the schedule after everything that was paid."""
    terms = loans.terms_of(case)
    plan = Rebalancing(terms)
    plan.solve()
    told: dict[date, _Told] = defaultdict(_Told)
    early = []
    for event in case.events:
        amount, due_on = fen(event["amount"]), some_day(event["to_instalment_due"])
        on = some_day(event["date"])
        if event["type"] == "allocate_interest":
            told[due_on].interest += amount
            continue
        told[due_on].principal += amount
        if on <= due_on:
            told[due_on].early += amount
            early.append((on, amount))
    run = _Run(plan, plan.level or 0, told, early, terms.principal)
    parts = [_close(run, span) for span in terms.spans]
    shown = schedules.row_figures(case, run.rows)
    for line, part in zip(shown, parts, strict=True):
        line["interest_parts"] = part
    return schedules.summary(case, shown)


def _close(run: _Run, span: Span) -> list[dict[str, Decimal]]:
    """End one period, and show what it was cut into."""
    days = {day for day, _ in run.early if span.start < day < span.end}
    parts: list[dict[str, Decimal]] = []
    exact = run.moved
    for start, end in pairwise(sorted({span.start, span.end} | days)):
        factor = run.plan.factor(span, start, end)
        borne = run.bearing(start) * factor
        exact += borne
        shown = yuan(run.plan.terms.round_interest(borne))
        parts.append({"rate_factor": schedules.twelve(factor), "interest": shown})
    told = run.told[span.due_on]
    is_last = span is run.plan.spans[-1]
    interest, run.moved = run.plan.terms.round_interest(exact), Fraction(0)
    room = max(told.interest, run.level - told.principal)
    if not is_last and interest > room:
        interest, run.moved = room, exact - room
    principal = run.owed if is_last else min(run.owed, max(0, run.level - interest))
    run.owed -= principal
    run.due += principal
    run.ahead += min(principal, told.early)
    balance = run.bearing(span.end)
    row = Row(span.number, span.due_on, span.days, principal, interest, 0, 0, balance)
    run.rows.append(row)
    return parts
