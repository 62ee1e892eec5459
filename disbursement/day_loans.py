"""The loans that a business day still has something to do for, and closing them in chunks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import BigInteger, cast, func, select
from sqlalchemy.orm import Session

from disbursement import bulk_closing, business_days, loan_days, loans
from disbursement.bulk_closing import Part
from disbursement.day_figures import Figures
from disbursement.records.ledger import Transfer
from disbursement.records.life import LoanPosition
from kernel.money import Money

_FIGURES: Final = {"interest_due": "interest_due", "fees_due": "fees_due", "penalty_due": "penalty"}


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


def close_alike(session: Session, day: date, *, after: UUID, limit: int, at: datetime) -> Part:
    """Close a day for the next loans that are closed by one statement, and note what it came to."""
    closed = business_days.lock(session, day)
    if closed is None:
        return Part(last=None, closed=0, figures=Figures())
    part = bulk_closing.close(session, day, after=after, limit=limit, at=at)
    business_days.note(closed, part.figures, loans=part.closed)
    return part


def close_singly(session: Session, day: date, loan_ids: Sequence[UUID], *, at: datetime) -> None:
    """Close a day for some loans one by one, and note what it came to.

    Raises:
        Refused: one of them cannot be closed.
    """
    closed = business_days.lock(session, day)
    if closed is None:
        return
    for loan_id in loan_ids:
        loan_days.close_through(session, loans.lock(session, loan_id), day=day, at=at)
    business_days.note(closed, _posted(session, loan_ids, at=at), loans=len(loan_ids))


def _posted(session: Session, loan_ids: Sequence[UUID], *, at: datetime) -> Figures:
    """Add up what closing has posted for loans by its kind."""
    figures = Figures()
    rows = session.execute(
        select(Transfer.reason, cast(func.sum(Transfer.amount), BigInteger))
        .where(
            Transfer.event_ref.in_(loan_ids),
            Transfer.posted_at == at,
            Transfer.reason.in_(_FIGURES),
        )
        .group_by(Transfer.reason)
    )
    for reason, amount in rows:
        figures.add(_FIGURES[reason], Money(int(amount)))
    return figures
