"""The loans that a business day still has something to do for, and closing them in chunks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from disbursement import bulk_closing, business_days, loan_books, loan_days, loans
from disbursement.bulk_closing import FIGURES, Part, Span
from disbursement.day_figures import Figures
from disbursement.records.life import LoanPosition
from kernel.money import Money

_POSTED: Final = text(
    """
    SELECT reason, CAST(sum(amount) AS bigint) FROM transfer
    WHERE event_ref = ANY (:loans) AND posted_at = :at AND reason = ANY (:reasons)
    GROUP BY reason
    """
)
_TOLD: Final = text(
    """
    SELECT kind, count(*), sum(CAST(body ->> 'amount' AS numeric)) FROM event
    WHERE subject = ANY (:loans) AND at = :at
      AND kind IN ('loan.due', 'loan.overdue', 'loan.caught_up')
    GROUP BY kind
    """
)


def count(session: Session, day: date) -> int:
    """Count the loans that are left."""
    query = select(func.count()).where(LoanPosition.next_on <= day)
    return session.scalars(query).one()


def waiting(
    session: Session, day: date, *, limit: int, without: Collection[UUID] = ()
) -> Sequence[UUID]:
    """List some loans that are left, apart from those that could not be closed."""
    query = select(LoanPosition.loan_id).where(LoanPosition.next_on <= day)
    if without:
        query = query.where(LoanPosition.loan_id.not_in(without))
    return session.scalars(query.order_by(LoanPosition.loan_id).limit(limit)).all()


def close_alike(session: Session, day: date, *, span: Span, limit: int, at: datetime) -> Part:
    """Close a day for the first loans of a span by one statement, and note what it came to.

    The day's row is locked last and shortly, so that several may work at the same time. Nobody
    can end the day meanwhile: the loans that are being closed still stand in its way.
    """
    part = bulk_closing.close(session, day, span=span, limit=limit, at=at)
    if part.closed:
        _note(session, day, part.figures, loans=part.closed)
    return part


def close_singly(session: Session, day: date, loan_ids: Sequence[UUID], *, at: datetime) -> int:
    """Close a day for some loans one by one, note what it came to, and count them.

    Loans that somebody else has closed meanwhile are not counted.

    Raises:
        Refused: one of them cannot be closed.
    """
    done = [loan_id for loan_id in sorted(loan_ids) if _close_one(session, loan_id, day, at=at)]
    if done:
        _note(session, day, _done(session, done, at=at), loans=len(done))
    return len(done)


def _note(session: Session, day: date, figures: Figures, *, loans: int) -> None:
    closed = business_days.lock(session, day)
    if closed is not None:
        business_days.note(closed, figures, loans=loans)


def _close_one(session: Session, loan_id: UUID, day: date, *, at: datetime) -> bool:
    """Close a day for a loan, unless somebody else did since it was listed."""
    life = loan_books.of(session, loans.lock(session, loan_id))
    next_on = life.position.next_on
    if next_on is None or next_on > day:
        return False
    loan_days.catch_up(session, life, day=day, at=at)
    return True


def _done(session: Session, loan_ids: Sequence[UUID], *, at: datetime) -> Figures:
    """Add up what closing has posted and told for loans at a moment."""
    figures = Figures()
    given = {"loans": list(loan_ids), "at": at}
    for reason, amount in session.execute(_POSTED, given | {"reasons": list(FIGURES)}):
        figures.add(FIGURES[reason], Money(amount))
    for kind, count, amount in session.execute(_TOLD, given):
        figures.count("due" if kind == "loan.due" else "moved", count)
        if amount is not None:
            figures.add("due", Money.yuan(str(amount)))
    return figures
