"""Closing a day for many loans by one statement: those whose instalments in force say everything.

That is nearly every loan: nothing was paid or changed since its oldest unpaid instalment fell due,
no money of it waits, nothing was charged apart from the plan. What falls due, what being late
costs and where the loan stands then follow from its instalments by sums that the database can do.
All other loans are closed one by one by `loan_days`, and a test holds the two to each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import attrgetter
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from disbursement import accounts, delinquency, ledger, loan_days
from disbursement.day_figures import Figures
from disbursement.ledger import LoanPostings
from disbursement.records.life import EventKind
from disbursement.records.loans import LoanStatus
from kernel import ids
from kernel.clock import require_aware
from kernel.money import Money

_LOCK: Final = """
    SELECT loan_id FROM loan_position
    WHERE next_on = %(day)s AND loan_id > %(after)s::uuid
    ORDER BY loan_id LIMIT %(limit)s FOR NO KEY UPDATE
"""
_CLOSE: Final = (Path(__file__).parent / "bulk_closing.sql").read_text(encoding="utf-8")
FIRST: Final = UUID(int=0)
"""Comes before every loan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one chunk of loans came to."""

    last: UUID | None
    """The chunk's last loan, after which the next one begins; None when there was none."""
    closed: int
    figures: Figures


@dataclass(frozen=True, slots=True)
class _Flow:
    """One kind of posting, as `loan_flows` has it; ``{loan}`` and ``{funder}`` are filled in."""

    reason: str
    debit: str
    credit: str
    fen: Callable[[Any], int]
    is_income: bool | None = None
    """Whether only loans that accrued have it, or only those that did not; None for all."""


_FLOWS: Final = tuple(
    _Flow(reason, debit, credit, attrgetter(fen), is_income)
    for reason, debit, credit, fen, is_income in (
        ("fees_due", "loan_fees/{loan}", "fee_income/{funder}", "fees", None),
        ("penalty_due", "loan_penalty/{loan}", "penalty_income/{funder}", "penalty", True),
        ("penalty_due", "loan_penalty/{loan}", "interest_suspended/{funder}", "penalty", False),
        ("interest_due", "loan_interest/{loan}", "interest_accrued/{funder}", "interest", True),
        ("interest_due", "loan_interest/{loan}", "interest_suspended/{funder}", "interest", False),
        (
            "suspended",
            "interest_income/{funder}",
            "interest_suspended/{funder}",
            "suspended_interest",
            None,
        ),
        (
            "suspended",
            "penalty_income/{funder}",
            "interest_suspended/{funder}",
            "suspended_penalty",
            None,
        ),
    )
)


def close(session: Session, day: date, *, after: UUID, limit: int, at: datetime) -> Part:
    """Close a day for the next loans that have something to do, in the order of their identities.

    Loans that are not of this kind are passed over.
    """
    connection = session.connection()
    # First the locks, then what is read: a change of a loan that was under way is seen whole.
    given = {"day": day, "after": str(after), "limit": limit}
    locked = [row[0] for row in connection.exec_driver_sql(_LOCK, given)]
    if not locked:
        return Part(last=None, closed=0, figures=Figures())
    rows = connection.exec_driver_sql(_CLOSE, _given(locked, day, at)).fetchall()
    postings = _postings(rows, day)
    accounts.open_all(session, _codes(postings, rows), at=at)
    for some in postings:
        ledger.post_for_loans(session, some, at=at)
    return Part(last=locked[-1], closed=len(rows), figures=_figures(rows))


def _given(locked: Sequence[UUID], day: date, at: datetime) -> dict[str, Any]:
    limits = delinquency.policy(on=day)
    return {
        "ids": locked,
        "day": day,
        "at": require_aware(at),
        "active": LoanStatus.ACTIVE.value,
        "apart": [EventKind.CHARGED.value, EventKind.RE_AGED.value],
        "buckets": [bucket.value for bucket in limits.buckets],
        "bucket_days": list(limits.bucket_days),
        "grades": [grade.value for grade in limits.grades],
        "grade_days": list(limits.grade_days),
        "turns": list(limits.turns),
        "non_accrual_over": limits.non_accrual_over_days,
        "accrues_again_at": limits.accrues_again_at_days,
    }


def _postings(rows: Sequence[Any], day: date) -> list[LoanPostings]:
    """Make the postings of every kind for the loans that have it; those of a funder together."""
    made = []
    for flow in _FLOWS:
        by_funder: dict[str, list[Any]] = {}
        for row in rows:
            if flow.fen(row) and (flow.is_income is None or flow.is_income is row.was_accruing):
                by_funder.setdefault(row.funder, []).append(row)
        made += [_of_funder(flow, funder, some, day) for funder, some in by_funder.items()]
    return made


def _of_funder(flow: _Flow, funder: str, rows: Sequence[Any], day: date) -> LoanPostings:
    loan_ids = [row.loan_id for row in rows]
    sides = [code.partition("/")[0] for code in (flow.debit, flow.credit)]
    name = "/".join((flow.reason, *sides))
    refs = map(ids.dashed, loan_days.close_refs_hex(loan_ids, day))
    return LoanPostings(
        debit=flow.debit.replace("{funder}", funder),
        credit=flow.credit.replace("{funder}", funder),
        reason=flow.reason,
        value_date=day,
        ids=ids.derived_hex(f"{ref}/{name}" for ref in refs),
        loan_ids=loan_ids,
        fen=[flow.fen(row) for row in rows],
    )


def _codes(postings: Sequence[LoanPostings], rows: Sequence[Any]) -> set[str]:
    """Name the accounts that may not be open yet."""
    known = {row.loan_id for row in rows if row.has_account}
    codes = set()
    for some in postings:
        for code in (some.debit, some.credit):
            if "{loan}" not in code:
                codes.add(code)
                continue
            is_interest = code.startswith("loan_interest/")
            codes |= {
                code.replace("{loan}", loan_id)
                for loan_id in some.loan_ids
                if not (is_interest and loan_id in known)
            }
    return codes


def _figures(rows: Sequence[Any]) -> Figures:
    figures = Figures()
    fell_due = [row for row in rows if row.principal + row.interest + row.fees]
    moved = sum(1 for row in rows if row.bucket != row.was_bucket)
    for name, count in (("due", len(fell_due)), ("moved", moved)):
        if count:
            figures.count(name, count)
    for name, total in (
        ("due", sum(row.principal + row.interest + row.fees for row in fell_due)),
        ("interest_due", sum(row.interest for row in rows)),
        ("fees_due", sum(row.fees for row in rows)),
        ("penalty", sum(row.penalty for row in rows)),
    ):
        if total:
            figures.add(name, Money(total))
    return figures
