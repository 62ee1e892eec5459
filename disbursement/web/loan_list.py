"""Loans as the console lists them: by bucket, grade and state, with where each stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from disbursement import delinquency
from disbursement.delinquency import Bucket, Grade
from disbursement.records.funders import Funder
from disbursement.records.life import Amendment, AmendmentStatus, LoanPosition
from disbursement.records.loans import Loan, LoanStatus
from kernel.money import Money
from kernel.web.lists import Part, Place, cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which loans a list is to show."""

    status: LoanStatus | None = None
    bucket: Bucket | None = None
    grade: Grade | None = None
    asks: bool = False
    """Only those with a request that waits for a second person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanRow:
    """A loan as the list shows it."""

    id: UUID
    placed_at: datetime
    funder: str
    status: LoanStatus
    principal: Money
    bucket: Bucket | None
    grade: Grade | None
    overdue_since: date | None
    days_past_due: int
    is_accruing: bool
    requests: int
    """How many wait for a second person."""


_waiting = (
    select(func.count())
    .where(Amendment.loan_id == Loan.id, Amendment.status == AmendmentStatus.REQUESTED)
    .scalar_subquery()
)


def listed(
    session: Session, wanted: Wanted, *, after: Place | None, limit: int, on: date
) -> Part[LoanRow]:
    """List loans, the latest first, at most `limit` after a place."""
    query = (
        select(Loan, LoanPosition, Funder.name, _waiting.label("requests"))
        .outerjoin(LoanPosition, LoanPosition.loan_id == Loan.id)
        .join(Funder, Funder.id == Loan.funder_id)
    )
    if wanted.status is not None:
        query = query.where(Loan.status == wanted.status)
    if wanted.bucket is not None:
        query = query.where(LoanPosition.bucket == wanted.bucket)
    if wanted.grade is not None:
        query = query.where(LoanPosition.grade == wanted.grade)
    if wanted.asks:
        query = query.where(_waiting > 0)
    order = (Loan.placed_at, Loan.id)
    if after is not None:
        query = query.where(tuple_(*order) < tuple_(after.at, after.id))
    query = query.order_by(*(one.desc() for one in order)).limit(limit + 1)
    found = [_row(row, on=on) for row in session.execute(query)]
    return cut(found, limit, lambda row: Place(row.placed_at, row.id))


def buckets(session: Session) -> dict[Bucket, int]:
    """Count the running loans of each bucket."""
    rows = session.execute(
        select(LoanPosition.bucket, func.count())
        .join(Loan, Loan.id == LoanPosition.loan_id)
        .where(Loan.status == LoanStatus.ACTIVE)
        .group_by(LoanPosition.bucket)
    )
    counted = {row[0]: row[1] for row in rows}
    return {bucket: counted.get(bucket, 0) for bucket in Bucket}


def _row(row: Any, *, on: date) -> LoanRow:  # noqa: ANN401 - a row of our own query
    loan, position, funder, requests = row
    since = None if position is None else position.overdue_since
    return LoanRow(
        id=loan.id,
        placed_at=loan.placed_at,
        funder=funder,
        status=loan.status,
        principal=loan.principal,
        bucket=None if position is None else position.bucket,
        grade=None if position is None else position.grade,
        overdue_since=since,
        days_past_due=delinquency.days_past_due(since, on=on),
        is_accruing=position is not None and position.is_accruing,
        requests=requests,
    )
