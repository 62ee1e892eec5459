"""Closing a day for many loans by one statement: those whose instalments in force say everything.

That is nearly every loan: nothing was paid or changed since its oldest unpaid instalment fell due,
no money of it waits, nothing was charged apart from the plan. What falls due, what being late
costs and where the loan stands then follow from its instalments by sums that the database can do.
All other loans are closed one by one by `loan_days`, and a test holds the two to each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from disbursement import accounts, delinquency, ledger, loan_days
from disbursement.day_figures import Figures
from disbursement.ledger import LoanPostings
from disbursement.records.loans import LoanStatus
from kernel import ids
from kernel.clock import require_aware
from kernel.money import Money

# A few thousand loans of a million: by their keys, never by reading tables from end to end. The
# planner, which knows the size of no list that is handed in, was seen to do that.
_BY_KEYS: Final = "; ".join(
    f"SET LOCAL {setting} = off"
    for setting in ("enable_hashjoin", "enable_mergejoin", "enable_bitmapscan", "jit")
)
_LOCK: Final = """
    SELECT loan_id, ctid::text FROM loan_position
    WHERE next_on = %(day)s AND loan_id > %(after)s::uuid AND loan_id <= %(last)s::uuid
    ORDER BY loan_id LIMIT %(limit)s FOR NO KEY UPDATE
"""
_CLOSE: Final = (Path(__file__).parent / "bulk_closing.sql").read_text(encoding="utf-8")
FIGURES: Final = {"interest_due": "interest_due", "fees_due": "fees_due", "penalty_due": "penalty"}
"""What a day's figures call the amounts that are posted for a reason."""


@dataclass(frozen=True, slots=True)
class Span:
    """Loans whose identities lie after the first and not after the last."""

    after: UUID
    last: UUID


ALL: Final = Span(UUID(int=0), UUID(int=2**128 - 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one chunk of loans came to."""

    left: Span | None
    """What comes after the chunk; None when there was nothing in it."""
    closed: int
    figures: Figures


def spans(count: int) -> list[Span]:
    """Cut all loans into so many spans; identities lie evenly, so do the loans."""
    marks = [UUID(int=(2**128 - 1) * place // count) for place in range(count + 1)]
    return [Span(*pair) for pair in pairwise(marks)]


def close(session: Session, day: date, *, span: Span, limit: int, at: datetime) -> Part:
    """Close a day for the first loans of a span that have something to do.

    Loans that are not of this kind are passed over.
    """
    connection = session.connection()
    connection.exec_driver_sql(_BY_KEYS)
    # First the locks, then what is read: a change of a loan that was under way is seen whole.
    given = {"day": day, "after": str(span.after), "last": str(span.last), "limit": limit}
    locked = connection.exec_driver_sql(_LOCK, given).fetchall()
    if not locked:
        return Part(left=None, closed=0, figures=Figures())
    rows = connection.exec_driver_sql(_CLOSE, _given(locked, day, at)).fetchall()
    flows = [row for row in rows if row.funder is not None]
    counts = {row.reason: row for row in rows if row.funder is None}
    postings = [_postings(flow, day) for flow in flows]
    accounts.open_all(session, _codes(flows, postings), at=at)
    for some in postings:
        ledger.post_for_loans(session, some, at=at)
    return Part(
        left=Span(locked[-1].loan_id, span.last),
        closed=int(counts["closed"].loans) if "closed" in counts else 0,
        figures=_figures(flows, counts),
    )


def _given(locked: Sequence[Any], day: date, at: datetime) -> dict[str, Any]:
    limits = delinquency.policy(on=day)
    return {
        "ids": [row.loan_id for row in locked],
        "places": [row.ctid for row in locked],
        "day": day,
        "at": require_aware(at),
        "active": LoanStatus.ACTIVE.value,
        "buckets": [bucket.value for bucket in limits.buckets],
        "bucket_days": list(limits.bucket_days),
        "grades": [grade.value for grade in limits.grades],
        "grade_days": list(limits.grade_days),
        "turns": list(limits.turns),
        "non_accrual_over": limits.non_accrual_over_days,
        "accrues_again_at": limits.accrues_again_at_days,
    }


def _postings(flow: Any, day: date) -> LoanPostings:  # noqa: ANN401 - a row of our own SQL
    """Make the postings of one kind for the loans of a funder that have it."""
    loan_ids = flow.loans.split(",")
    name = "/".join((flow.reason, flow.debit, flow.credit))
    refs = map(ids.dashed, loan_days.close_refs_hex(loan_ids, day))
    return LoanPostings(
        debit=_code(flow.debit, flow.funder),
        credit=_code(flow.credit, flow.funder),
        reason=flow.reason,
        value_date=day,
        ids=ids.derived_hex(f"{ref}/{name}" for ref in refs),
        loan_ids=loan_ids,
        fen=[int(fen) for fen in flow.amounts.split(",")],
    )


def _code(first: str, funder: str) -> str:
    """Name the account of a funder, or that of each loan."""
    return f"{first}/{{loan}}" if first.startswith("loan_") else f"{first}/{funder}"


def _codes(flows: Sequence[Any], postings: Sequence[LoanPostings]) -> set[str]:
    """Name the accounts that may not be open yet."""
    shared = {code for some in postings for code in (some.debit, some.credit)}
    codes = {code for code in shared if "{loan}" not in code}
    return codes.union(*(flow.unopened.split(",") for flow in flows if flow.unopened))


def _figures(flows: Sequence[Any], counts: Mapping[str, Any]) -> Figures:
    figures = Figures()
    for name in ("due", "moved"):
        if name in counts:
            figures.count(name, int(counts[name].loans))
    if "due" in counts:
        figures.add("due", Money(counts["due"].fen))
    for flow in flows:
        if flow.reason in FIGURES:
            figures.add(FIGURES[flow.reason], Money(flow.fen))
    return figures
