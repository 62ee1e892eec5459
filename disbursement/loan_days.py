"""Closing a business day for one loan: what falls due, what overdue days cost, where it stands.

A close has something to do on few days: when an instalment falls due, when the days of grace are
over, when the arrears change bucket or grade. Each of them is closed by itself and in order, so
that a loan that lagged has the same entries as one that never did.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from disbursement import loan_books
from disbursement.loan_books import Life, Step
from disbursement.records.life import LoanPosition
from disbursement.records.loans import Loan
from kernel import actors, ids

CLOSER: Final = actors.system("end-of-day")
CLOSES_MAX: Final = 1_000
"""A loan of 360 instalments has at most as many due dates and twenty turns of its arrears."""


def close_through(session: Session, loan: Loan, *, day: date, at: datetime) -> LoanPosition:
    """Close every business day through a day for one locked loan; twice is the same as once.

    Raises:
        LoanNotBegun: the loan has no schedule.
    """
    life = loan_books.of(session, loan)
    catch_up(session, life, day=day, at=at)
    return life.position


def catch_up(session: Session, life: Life, *, day: date, at: datetime) -> None:
    """Close the days through a day that have something to do for a loan."""
    before = None
    for _ in range(CLOSES_MAX):
        on = life.position.next_on
        if on is None or on > day:
            return
        after = life.read(on)
        step = Step(
            before=before or life.read(life.seen_on),
            after=after,
            ref=close_ref(life.loan.id, on),
            event_ref=life.loan.id,
            value_date=on,
        )
        life.position.closed_through = on
        loan_books.take(session, life, step, by=CLOSER, at=at)
        before = after
    raise AssertionError(f"loan {life.loan.id} has too many days to close")


def close_ref(loan_id: UUID, on: date) -> UUID:
    """Give that from which the identities of a close's postings are derived."""
    return ids.derived(loan_id, "close", on.isoformat())


def close_refs_hex(loan_ids: Iterable[str], on: date) -> list[str]:
    """Give `close_ref` of many loans at once, in hexadecimal; the loans as they are written."""
    return ids.derived_hex(f"{loan_id}/close/{on.isoformat()}" for loan_id in loan_ids)
