"""Breaks as the console reads them: the list with its sums, and one break with both its sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.orm import Session

from disbursement import breaks
from disbursement.breaks import AgeBucket
from disbursement.matching import working_days
from disbursement.matching.kinds import BreakKind
from disbursement.records.breaks import Break, BreakStatus, BreakStep, Resolution
from disbursement.records.debits import DebitOrder, IncomingTransfer
from disbursement.records.payouts import PayoutLeg
from disbursement.records.settlement import BankLine, SettlementRow, StatementFile
from kernel import moves
from kernel.clock import business_day, shanghai
from kernel.money import ZERO, Money
from kernel.web.lists import Part, Place, cut


class Standing(StrEnum):
    """How far breaks have come, as a list may be narrowed to."""

    LIVE = "live"
    OPEN = "open"
    EXPLAINED = "explained"
    RESOLVED = "resolved"
    CURED = "cured"
    ALL = "all"


STATUSES: Final = {
    Standing.LIVE: breaks.LIVE,
    Standing.OPEN: frozenset({BreakStatus.OPEN}),
    Standing.EXPLAINED: frozenset({BreakStatus.EXPLAINED}),
    Standing.RESOLVED: frozenset({BreakStatus.RESOLVED}),
    Standing.CURED: frozenset({BreakStatus.CURED}),
    Standing.ALL: frozenset(BreakStatus),
}
NOBODY: Final = "nobody"
_FILE_ENDS: Final = (Resolution.OTHER_FILE_TAKEN, Resolution.FIRST_FILE_STANDS)
_OLDEST: Final = {AgeBucket.DAYS_0_1: 1, AgeBucket.DAYS_2_3: 3, AgeBucket.DAYS_4_7: 7}
_YOUNGEST: Final = {AgeBucket.DAYS_2_3: 1, AgeBucket.DAYS_4_7: 3, AgeBucket.DAYS_OVER_7: 7}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which breaks a list is to show."""

    standing: Standing = Standing.LIVE
    kind: BreakKind | None = None
    day: date | None = None
    owner: str | None = None
    """A person's id, or `NOBODY`."""
    age: AgeBucket | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakRow:
    """A break as the list shows it."""

    id: UUID
    opened_at: datetime
    day: date
    kind: BreakKind
    subject: str
    card_masked: str | None
    """Of the payout that it is about."""
    status: BreakStatus
    ours: Money | None
    theirs: Money | None
    owner: str | None
    bucket: AgeBucket
    age_days: int
    """Working days."""

    @property
    def difference(self) -> Money | None:
        """Theirs less ours; None when neither side has a sum."""
        return difference(self.ours, self.theirs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What both sides of the listed breaks add up to."""

    count: int
    ours: Money
    theirs: Money

    @property
    def difference(self) -> Money:
        """Theirs less ours."""
        return self.theirs - self.ours


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakWhole:
    """One break with the records it is about."""

    found: Break
    age_days: int
    bucket: AgeBucket
    leg: Any
    debit: DebitOrder | None
    transfer: IncomingTransfer | None
    row: SettlementRow | None
    line: BankLine | None
    file: StatementFile | None
    steps: Sequence[BreakStep]

    @property
    def difference(self) -> Money | None:
        """Theirs less ours; None when neither side has a sum."""
        return difference(self.found.ours, self.found.theirs)

    @property
    def ends(self) -> Sequence[Resolution]:
        """How it may end."""
        if self.found.kind is BreakKind.FILE_HELD:
            return _FILE_ENDS
        return [one for one in Resolution if one not in _FILE_ENDS]


def difference(ours: Money | None, theirs: Money | None) -> Money | None:
    """Give theirs less ours; None when neither side has a sum."""
    if ours is None and theirs is None:
        return None
    return (theirs or ZERO) - (ours or ZERO)


def listed(
    session: Session, wanted: Wanted, *, after: Place | None, limit: int, today: date
) -> Part[BreakRow]:
    """List breaks, the oldest first, at most `limit` after a place."""
    query = select(
        Break.id,
        Break.opened_at,
        Break.day,
        Break.kind,
        Break.subject,
        Break.status,
        Break.ours,
        Break.theirs,
        Break.owner,
        PayoutLeg.card_masked,
    )
    query = query.outerjoin(PayoutLeg, PayoutLeg.id == Break.leg_id)
    query = query.where(*_conditions(wanted, today))
    if after is not None:
        query = query.where(tuple_(Break.opened_at, Break.id) > tuple_(after.at, after.id))
    query = query.order_by(Break.opened_at, Break.id).limit(limit + 1)
    found = [_row(row, today) for row in session.execute(query)]
    return cut(found, limit, lambda row: Place(row.opened_at, row.id))


def sums(session: Session, wanted: Wanted, *, today: date) -> Sums:
    """Add up both sides of every break that a list shows, on all its pages."""
    query = select(func.count(), func.sum(Break.ours), func.sum(Break.theirs))
    count, ours, theirs = session.execute(query.where(*_conditions(wanted, today))).one()
    return Sums(count=count, ours=ours or ZERO, theirs=theirs or ZERO)


def whole(session: Session, break_id: UUID, *, today: date) -> BreakWhole:
    """Read one break with both its sides.

    Raises:
        NoSuchBreak: there is none.
    """
    found = session.get(Break, break_id)
    if found is None:
        raise breaks.NoSuchBreak(f"no break {break_id}")
    age_days = working_days.between(business_day(found.opened_at), today)
    return BreakWhole(
        found=found,
        age_days=age_days,
        bucket=breaks.bucket_of(age_days),
        leg=None if found.leg_id is None else _leg(session, found.leg_id),
        debit=None if found.debit_id is None else session.get(DebitOrder, found.debit_id),
        transfer=(
            None if found.transfer_id is None else session.get(IncomingTransfer, found.transfer_id)
        ),
        row=None if found.row_id is None else session.get(SettlementRow, found.row_id),
        line=None if found.line_id is None else session.get(BankLine, found.line_id),
        file=None if found.file_id is None else session.get(StatementFile, found.file_id),
        steps=moves.history(session, found, table=breaks.MOVES),
    )


def since(age_days: int, *, today: date) -> date:
    """Give the first day that is at most so many working days before today."""
    return working_days.ahead(today + timedelta(days=1), -(age_days + 1))


def _conditions(wanted: Wanted, today: date) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [Break.status.in_(STATUSES[wanted.standing])]
    if wanted.kind is not None:
        found.append(Break.kind == wanted.kind)
    if wanted.day is not None:
        found.append(Break.day == wanted.day)
    if wanted.owner == NOBODY:
        found.append(Break.owner.is_(None))
    elif wanted.owner is not None:
        found.append(Break.owner == wanted.owner)
    if wanted.age in _OLDEST:
        found.append(Break.opened_at >= shanghai(since(_OLDEST[wanted.age], today=today)))
    if wanted.age in _YOUNGEST:
        found.append(Break.opened_at < shanghai(since(_YOUNGEST[wanted.age], today=today)))
    return found


def _row(row: Any, today: date) -> BreakRow:  # noqa: ANN401 - a row of our own query
    age_days = working_days.between(business_day(row.opened_at), today)
    return BreakRow(
        id=row.id,
        opened_at=row.opened_at,
        day=row.day,
        kind=row.kind,
        subject=row.subject,
        card_masked=row.card_masked,
        status=row.status,
        ours=row.ours,
        theirs=row.theirs,
        owner=row.owner,
        bucket=breaks.bucket_of(age_days),
        age_days=age_days,
    )


def _leg(session: Session, leg_id: UUID) -> Any:  # noqa: ANN401 - a row of our own query
    return session.execute(
        select(
            PayoutLeg.id,
            PayoutLeg.status,
            PayoutLeg.amount,
            PayoutLeg.card_masked,
            PayoutLeg.issuer_code,
            PayoutLeg.order_no,
            PayoutLeg.reference,
            PayoutLeg.value_date,
            PayoutLeg.txn_time,
        ).where(PayoutLeg.id == leg_id)
    ).one()
