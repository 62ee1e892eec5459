"""Changing a loan: one event, recorded and booked, after the days it lags behind are closed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from disbursement import loan_books, loan_days, loan_events, loans
from disbursement.loan_books import Life, Step
from disbursement.loan_events import OUTSIDE, WrittenOff
from disbursement.records.life import LoanEvent
from disbursement.schedule.events import (
    Disbursed,
    Event,
    PaidOff,
    Prepaid,
    Repaid,
    Returned,
    Reversed,
)
from kernel.actors import Actor

_PAYMENTS: Final = (Repaid, Prepaid, PaidOff)
_OF_PAYOUTS: Final = (Disbursed, Returned)


def book(
    session: Session,
    life: Life,
    event: Event,
    *,
    by: Actor,
    at: datetime,
    more: Mapping[str, str] | None = None,
) -> LoanEvent:
    """Book an event on a locked loan; the same event again is the one that is there.

    `more` is kept with it; its ``source`` is the ledger account that money came into or goes out
    of.

    Raises:
        NotApplicable: it cannot happen to this loan at that time.
        EventConflict: its identity is taken by something else.
    """
    kept = dict(more or {})
    known = loan_events.known(session, life.loan, event, more=kept)
    if known is not None:
        return known
    loan_days.catch_up(session, life, day=event.on - timedelta(days=1), at=at)
    step = _step(life, event, source=kept.get("source"))
    row = loan_events.record(session, life.loan, event, more=kept, by=by, at=at)
    if not isinstance(event, OUTSIDE):
        life.events = (*life.events, event)
    _tell(session, life, event, row, at=at)
    loan_books.take(session, life, step, by=by, at=at)
    return row


def _step(life: Life, event: Event, *, source: str | None) -> Step:
    seen_on = life.seen_on
    is_outside = isinstance(event, OUTSIDE)
    return Step(
        before=life.read(seen_on),
        after=life.read(max(seen_on, event.on), None if is_outside else event),
        ref=UUID(event.id),
        event_ref=UUID(event.id),
        value_date=event.on,
        source=source,
        tells_plan=not isinstance(event, _OF_PAYOUTS),
        gives_up=isinstance(event, WrittenOff),
    )


def _tell(session: Session, life: Life, event: Event, row: LoanEvent, *, at: datetime) -> None:
    body = {"event_id": event.id, "on": event.on.isoformat()}
    if isinstance(event, _PAYMENTS) and event.amount:
        more = body | {"amount": str(event.amount), "kind": row.kind.value}
        loans.tell(session, life.loan, "loan.repaid", at=at, more=more)
    elif isinstance(event, Reversed):
        more = body | {"taken_back": event.event_id}
        loans.tell(session, life.loan, "loan.taken_back", at=at, more=more)
