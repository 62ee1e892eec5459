"""Signing a day: one person prepares it, another signs it, and from then on it is locked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session

from disbursement import breaks, channel_days, days, debit_orders, importing, legs
from disbursement.channels.days import CUT_OFF_HOUR
from disbursement.matching.kinds import BreakKind
from disbursement.records.breaks import Break, BreakStatus
from disbursement.records.days import DayStatus, ReconciliationDay, ReconciliationRun
from disbursement.records.debits import DebitOrder
from disbursement.records.payouts import PayoutLeg
from disbursement.records.settlement import FileKind, StatementFile
from kernel import events, moves
from kernel.actors import Actor, Role
from kernel.clock import shanghai
from kernel.refusals import Refused

LISTED_MAX: Final = 400
"""Days in one list: a year and more."""


class DayNotReady(Refused):
    """Something still stands against signing the day."""

    status = HTTPStatus.CONFLICT
    code = "day_not_ready"
    title = "The day cannot be signed yet"
    title_zh = "该日尚不满足签核条件"

    def __init__(self, day: date, objections: tuple[str, ...]) -> None:
        super().__init__(f"{day}: {'; '.join(objections)}")
        self.objections = objections


@dataclass(frozen=True, slots=True, kw_only=True)
class DayView:
    """A day as a list shows it."""

    id: UUID
    day: date
    status: DayStatus
    prepared_by: str | None
    signed_by: str | None
    signed_at: datetime | None
    breaks_open: int
    """Breaks of the day that nobody has explained."""
    breaks_explained: int


def prepare(session: Session, day: date, *, by: Actor, at: datetime) -> ReconciliationDay:
    """Say that a day can be signed.

    Raises:
        NotYours: the person is not of finance.
        DayNotReady: something stands against it; every objection is named.
        MoveRefused: it is prepared or signed already.
    """
    breaks.require_role(by, breaks.FINANCE)
    found = _ready(session, day, by=by, at=at)
    moves.advance(session, found, DayStatus.PREPARED, table=days.MOVES, by=by, at=at)
    found.prepared_by, found.prepared_at = by.id, at
    session.flush()
    return found


def sign(session: Session, day: date, *, by: Actor, at: datetime) -> ReconciliationDay:
    """Sign a day that another person prepared, and lock it.

    Raises:
        NotYours: the person is no finance checker.
        SamePerson: he prepared it himself, in whatever role.
        DayNotReady: something stands against it by now.
        MoveRefused: it is not prepared.
    """
    breaks.require_role(by, {Role.FINANCE_CHECKER})
    found = days.lock(session, day, by=by, at=at)
    if found.status is DayStatus.PREPARED and found.prepared_by == by.id:
        raise breaks.SamePerson("whoever prepared a day does not sign it")
    if found.status is not DayStatus.PREPARED:
        raise moves.MoveRefused("day", found.status, DayStatus.SIGNED)
    _ready(session, day, by=by, at=at)
    found.signed_by, found.signed_at = by.id, at
    session.flush()
    moves.advance(session, found, DayStatus.SIGNED, table=days.MOVES, by=by, at=at)
    run = days.latest_run(session, day)
    assert run is not None, "a day is ready only after a run"
    body = {"day": day.isoformat(), "run": run.number, "matched_paid": run.figures["matched_paid"]}
    events.append(session, "day.signed", subject=found.id, at=at, body=body)
    return found


def objections(session: Session, day: date) -> tuple[str, ...]:
    """Name everything that stands against signing a day."""
    return tuple(_objections(session, day))


def listed(session: Session, *, last: date, limit: int = LISTED_MAX) -> list[DayView]:
    """List the days up to one, the latest first."""
    found = session.scalars(
        select(ReconciliationDay)
        .where(ReconciliationDay.day <= last)
        .order_by(ReconciliationDay.day.desc())
        .limit(min(limit, LISTED_MAX))
    ).all()
    counts = {
        (day, status): count
        for day, status, count in session.execute(
            select(Break.day, Break.status, func.count())
            .where(Break.day.in_([one.day for one in found]), Break.status.in_(breaks.LIVE))
            .group_by(Break.day, Break.status)
        )
    }
    return [
        DayView(
            id=one.id,
            day=one.day,
            status=one.status,
            prepared_by=one.prepared_by,
            signed_by=one.signed_by,
            signed_at=one.signed_at,
            breaks_open=counts.get((one.day, BreakStatus.OPEN), 0),
            breaks_explained=counts.get((one.day, BreakStatus.EXPLAINED), 0),
        )
        for one in found
    ]


def _ready(session: Session, day: date, *, by: Actor, at: datetime) -> ReconciliationDay:
    found = days.lock(session, day, by=by, at=at)
    against = objections(session, day)
    if against:
        raise DayNotReady(day, against)
    return found


def _objections(session: Session, day: date) -> Iterator[str]:
    files: list[StatementFile] = []
    for channel in channel_days.channels_of(session, day):
        for kind in FileKind:
            taken = importing.taken(session, kind, day, channel=channel)
            files.extend(taken)
            if not taken:
                yield f"there is no {kind} file{'' if channel == legs.UNIONPAY else f' of {channel}'}"
    yield from _run_objections(days.latest_run(session, day), files)
    unexplained = session.scalar(
        select(func.count()).where(Break.day == day, Break.status == BreakStatus.OPEN)
    )
    if unexplained:
        yield f"breaks that nobody has explained: {unexplained}"
    for what, query in (("payouts", _unlisted(day)), ("collections", _unlisted_debits(day))):
        unlisted = session.scalar(query)
        if unlisted:
            yield f"undecided {what} that are no breaks: {unlisted}"


def _run_objections(run: ReconciliationRun | None, files: list[StatementFile]) -> Iterator[str]:
    if run is None:
        yield "it was never reconciled"
    elif set(run.files) != {str(file.id) for file in files}:
        yield "its files changed after it was reconciled"


def _unlisted(day: date) -> Select[int]:
    listed_as_break = exists().where(
        Break.leg_id == PayoutLeg.id,
        Break.kind == BreakKind.UNRESOLVED,
        Break.status != BreakStatus.CURED,
    )
    return select(func.count()).where(
        PayoutLeg.status.in_(legs.IN_FLIGHT),
        PayoutLeg.txn_time < shanghai(day, CUT_OFF_HOUR),
        ~listed_as_break,
    )


def _unlisted_debits(day: date) -> Select[int]:
    listed_as_break = exists().where(
        Break.debit_id == DebitOrder.id,
        Break.kind == BreakKind.UNRESOLVED,
        Break.status != BreakStatus.CURED,
    )
    return select(func.count()).where(
        DebitOrder.status.in_(debit_orders.IN_FLIGHT),
        DebitOrder.txn_time < shanghai(day, CUT_OFF_HOUR),
        ~listed_as_break,
    )
