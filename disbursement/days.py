"""Days of reconciliation: one row per settlement day, locked by whoever works on it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from disbursement.records.days import (
    DayStatus,
    ReconciliationDay,
    ReconciliationDayStep,
    ReconciliationRun,
)
from kernel import ids, moves
from kernel.actors import Actor
from kernel.moves import Moves
from kernel.refusals import Refused

_NAMESPACE: Final = UUID("7d3e9b1c-2c44-5f0b-9b7a-0f6c3a5d8e21")
_EDGES: Final[Mapping[StrEnum, frozenset[StrEnum]]] = MappingProxyType(
    {
        DayStatus.OPEN: frozenset({DayStatus.PREPARED}),
        DayStatus.PREPARED: frozenset({DayStatus.OPEN, DayStatus.SIGNED}),
    }
)
MOVES: Final = Moves(step=ReconciliationDayStep, start=frozenset({DayStatus.OPEN}), edges=_EDGES)


class DaySigned(Refused):
    """The day is signed: nothing of it changes any more."""

    status = HTTPStatus.CONFLICT
    code = "day_signed"
    title = "The day is signed and locked"
    title_zh = "该日已签核锁定"


def identity(day: date) -> UUID:
    """Give the identity of a day."""
    return ids.derived(_NAMESPACE, day.isoformat())


def lock(session: Session, day: date, *, by: Actor, at: datetime) -> ReconciliationDay:
    """Lock a day, beginning it if need be, until the transaction ends."""
    # Two that begin the same day at once would meet on its key, and one would fail.
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"),
        {"name": f"reconciliation {day}"},
    )
    found = session.scalars(
        select(ReconciliationDay)
        .where(ReconciliationDay.day == day)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        found = ReconciliationDay(id=identity(day), day=day, status=DayStatus.OPEN)
        moves.begin(session, found, table=MOVES, by=by, at=at)
    return found


def reopen(
    session: Session, found: ReconciliationDay, *, reason: str, by: Actor, at: datetime
) -> None:
    """Take back that a day is prepared, because something of it changed.

    Raises:
        DaySigned: it is signed.
    """
    require_open(found)
    if found.status is DayStatus.PREPARED:
        moves.advance(session, found, DayStatus.OPEN, table=MOVES, by=by, at=at, reason=reason)
        found.prepared_by = found.prepared_at = None


def require_open(found: ReconciliationDay) -> None:
    """See that a day is not signed.

    Raises:
        DaySigned: it is.
    """
    if found.status is DayStatus.SIGNED:
        raise DaySigned(f"{found.day} is signed")


def find(session: Session, day: date) -> ReconciliationDay | None:
    """Find a day that was begun."""
    return session.scalars(
        select(ReconciliationDay).where(ReconciliationDay.day == day)
    ).one_or_none()


def latest_run(session: Session, day: date) -> ReconciliationRun | None:
    """Find the last run over a day that found something new."""
    return session.scalars(
        select(ReconciliationRun)
        .where(ReconciliationRun.day_id == identity(day))
        .order_by(ReconciliationRun.number.desc())
        .limit(1)
    ).one_or_none()
