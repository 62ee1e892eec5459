"""What an agency earned and gave back in a month, from the day-book of its commissions."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from http import HTTPStatus
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from disbursement.records.commissions import Commission, CommissionStatus
from kernel.money import ZERO, Money
from kernel.refusals import Refused

LINES_MAX: Final = 50_000
COLUMNS: Final = ("on", "kind", "commission", "loan", "payout", "verified", "amount", "agreement")


class StatementTooLong(Refused):
    """The month has more lines than one statement holds."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "commission_statement_too_long"
    title = "The statement has too many lines"
    title_zh = "对账单行数过多"


class LineKind(StrEnum):
    """Why the balance moved."""

    EARNED = "earned"
    CLAWED_BACK = "clawed_back"
    TAKEN_BACK = "taken_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One movement; negative when a fee is taken back."""

    on: date
    kind: LineKind
    amount: Money
    commission_id: UUID
    loan_id: UUID
    leg_id: UUID
    verified: Money
    agreement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One month of one agency: the balance before, every movement, the balance after."""

    agency_ref: UUID
    agency_code: str
    month: date
    """Its first day."""
    opening: Money
    lines: tuple[Line, ...]

    @property
    def closing(self) -> Money:
        """What is owed to the agency after the month; negative when it owes."""
        return self.opening + Money.total(line.amount for line in self.lines)

    def total(self, kind: LineKind) -> Money:
        """Add up the movements of one kind."""
        return Money.total(line.amount for line in self.lines if line.kind is kind)


def agencies(session: Session) -> Sequence[tuple[UUID, str]]:
    """List the agencies that ever earned a commission, by code."""
    rows = session.execute(
        select(Commission.agency_ref, Commission.agency_code)
        .distinct()
        .order_by(Commission.agency_code)
    )
    return [(row.agency_ref, row.agency_code) for row in rows]


def of_month(session: Session, agency_ref: UUID, agency_code: str, *, month: date) -> Statement:
    """Put the statement of a month together; it is the same whenever it is asked for later.

    Raises:
        StatementTooLong: the month has more lines than a statement holds.
    """
    first, after = month.replace(day=1), month_after(month)
    moved = session.scalars(
        select(Commission)
        .where(
            Commission.agency_ref == agency_ref,
            or_(_within(Commission.earned_on, first, after), _ended(first, after)),
        )
        .limit(LINES_MAX + 1)
    ).all()
    if len(moved) > LINES_MAX:
        raise StatementTooLong(f"more than {LINES_MAX} commissions moved")
    lines = [line for commission in moved for line in _lines(commission)]
    within = (line for line in lines if first <= line.on < after)
    return Statement(
        agency_ref=agency_ref,
        agency_code=agency_code,
        month=first,
        opening=_owed_before(session, agency_ref, first),
        lines=tuple(sorted(within, key=lambda line: (line.on, line.kind, line.commission_id))),
    )


def as_csv(statement: Statement) -> str:
    """Write a statement for our own finance staff, with opening and closing rows."""
    out = io.StringIO()
    sheet = csv.writer(out, lineterminator="\n")
    sheet.writerow(COLUMNS)
    sheet.writerow([statement.month, "opening", "", "", "", "", statement.opening, ""])
    for line in statement.lines:
        sheet.writerow(
            [
                line.on,
                line.kind,
                line.commission_id,
                line.loan_id,
                line.leg_id,
                line.verified,
                line.amount,
                line.agreement,
            ]
        )
    sheet.writerow([statement.month, "closing", "", "", "", "", statement.closing, ""])
    return out.getvalue()


def month_after(month: date) -> date:
    """Give the first day of the month that follows.

    >>> month_after(date(2026, 12, 5))
    datetime.date(2027, 1, 1)
    """
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _lines(commission: Commission) -> list[Line]:
    listed = [_line(commission, commission.earned_on, LineKind.EARNED, commission.fee)]
    if commission.ended_on is not None:
        kind = LineKind(commission.status.value)
        listed.append(_line(commission, commission.ended_on, kind, -commission.fee))
    return listed


def _line(commission: Commission, on: date, kind: LineKind, amount: Money) -> Line:
    return Line(
        on=on,
        kind=kind,
        amount=amount,
        commission_id=commission.id,
        loan_id=commission.loan_id,
        leg_id=commission.leg_id,
        verified=commission.verified,
        agreement=commission.agreement,
    )


def _owed_before(session: Session, agency_ref: UUID, day: date) -> Money:
    ended = and_(Commission.status != CommissionStatus.EARNED, Commission.ended_on < day)
    earned = _sum(session, agency_ref, Commission.earned_on < day)
    return earned - _sum(session, agency_ref, ended)


def _sum(session: Session, agency_ref: UUID, when: ColumnElement[bool]) -> Money:
    query = select(func.sum(Commission.fee)).where(Commission.agency_ref == agency_ref, when)
    return session.scalar(query) or ZERO


def _within(column: InstrumentedAttribute[date], first: date, after: date) -> ColumnElement[bool]:
    return and_(column >= first, column < after)


def _ended(first: date, after: date) -> ColumnElement[bool]:
    return and_(Commission.ended_on >= first, Commission.ended_on < after)
