"""What happened to a loan, on record: rows of the database and events of the pure schedule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from disbursement.allocation import Part
from disbursement.records.life import Amendment, EventKind, LoanEvent
from disbursement.records.loans import Loan, LoanStatus
from disbursement.schedule import events as happened
from disbursement.schedule.contract import Contract, Penalty
from disbursement.schedule.events import Event, Strategy
from kernel.actors import Actor
from kernel.clock import require_aware
from kernel.money import Money
from kernel.rates import DayBasis, Rate
from kernel.refusals import Refused


class EventConflict(Refused):
    """Something else was recorded on the loan, or on another, under this identity."""

    status = HTTPStatus.CONFLICT
    code = "loan_event_conflict"
    title = "Something else was booked under this identity"
    title_zh = "同一编号已登记不同内容"


class LoanNotBegun(Refused):
    """The loan has not begun, or never will: it has no schedule to book anything on."""

    status = HTTPStatus.CONFLICT
    code = "loan_not_begun"
    title = "The loan has not begun"
    title_zh = "贷款尚未生效"


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun(Event):
    """The contract began; its terms, as they stood then, are kept beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenOff(Event):
    """The lender's books give the loan up; no event of the schedule, since the claim stands."""


OUTSIDE: Final = (Begun, WrittenOff)
"""Events of a loan that its schedule does not know."""


def contract_of(loan: Loan) -> Contract:
    """Give the contract of a loan that has begun, with the late terms that were signed.

    Raises:
        LoanNotBegun: it has not.
    """
    if loan.value_date is None or loan.first_due is None or loan.anchor_day is None:
        raise LoanNotBegun(f"loan {loan.id} has not begun")
    return Contract(
        principal=loan.begun_with,
        annual_rate=Rate(loan.annual_rate),
        instalments=loan.months,
        value_date=loan.value_date,
        first_due=loan.first_due,
        anchor_day=loan.anchor_day,
        penalty=Penalty(
            annual_rate=Rate(loan.penalty_rate),
            grace_days=loan.penalty_grace_days,
            day_basis=DayBasis(loan.penalty_day_basis),
        ),
    )


def events_of(session: Session, loan: Loan) -> tuple[Event, ...]:
    """List what happened to a loan's schedule, in the order in which it was recorded."""
    rows = session.scalars(
        select(LoanEvent).where(LoanEvent.loan_id == loan.id).order_by(LoanEvent.number)
    )
    return of_schedule(rows)


def of_schedule(rows: Iterable[LoanEvent]) -> tuple[Event, ...]:
    """Read those rows that are events of the schedule, in their order."""
    return tuple(event for event in map(event_of, rows) if not isinstance(event, OUTSIDE))


def event_of(row: LoanEvent | Amendment) -> Event:
    """Read a row as the event that it is, or that it asks for."""
    kind, read = _READERS[row.kind]
    return kind(id=str(row.id), on=row.on, **(read(row.body) if read is not None else {}))


def body_of(event: Event) -> dict[str, Any]:
    """Give an event's particulars as they are kept: amounts, rates and days as text."""
    names = (field.name for field in fields(event) if field.name not in {"id", "on"})
    return {name: _spelled(getattr(event, name)) for name in names}


def kind_of(event: Event) -> EventKind:
    """Name the kind of an event."""
    return _KINDS[type(event)]


def find(session: Session, event_id: UUID) -> LoanEvent | None:
    """Find what was recorded under an identity."""
    return session.get(LoanEvent, event_id)


def known(
    session: Session, loan: Loan, event: Event, *, more: Mapping[str, str] | None = None
) -> LoanEvent | None:
    """Find an event that was recorded before, and see that it is this one.

    Raises:
        EventConflict: the identity is taken by something else.
    """
    row = find(session, UUID(event.id))
    if row is None:
        return None
    same = row.loan_id == loan.id and event_of(row) == event
    if not same or any(row.body.get(name) != value for name, value in (more or {}).items()):
        raise EventConflict(f"event {event.id} was recorded with other content")
    return row


def record(
    session: Session,
    loan: Loan,
    event: Event,
    *,
    by: Actor,
    at: datetime,
    more: Mapping[str, str] | None = None,
) -> LoanEvent:
    """Record what happened to a locked loan; the same under the same identity is the one there.

    `more` is kept with it, such as where its money came from.

    Raises:
        EventConflict: the identity is taken by something else.
    """
    there = known(session, loan, event, more=more)
    if there is not None:
        return there
    last = session.scalar(select(func.max(LoanEvent.number)).where(LoanEvent.loan_id == loan.id))
    kind = kind_of(event)
    if kind is EventKind.REPAID and loan.status is LoanStatus.WRITTEN_OFF:
        kind = EventKind.RECOVERED
    row = LoanEvent(
        id=UUID(event.id),
        loan_id=loan.id,
        number=(last or 0) + 1,
        kind=kind,
        on=event.on,
        body=body_of(event) | dict(more or {}),
        actor=str(by),
        recorded_at=require_aware(at),
    )
    session.add(row)
    session.flush()
    return row


def _spelled(value: object) -> object:
    match value:
        case Rate():
            return f"{value.annual.normalize():f}"
        case date():
            return value.isoformat()
        case Money() | StrEnum():
            return str(value)
        case _:
            return value


def _amount(body: Mapping[str, Any]) -> dict[str, Any]:
    return {"amount": Money.yuan(body["amount"])}


def _rate(text: str | None) -> Rate | None:
    return None if text is None else Rate(Decimal(text))


_READERS: Final[
    Mapping[EventKind, tuple[type[Event], Callable[[Mapping[str, Any]], dict[str, Any]] | None]]
] = MappingProxyType(
    {
        EventKind.BEGUN: (Begun, None),
        EventKind.DISBURSED: (happened.Disbursed, _amount),
        EventKind.RETURNED: (
            happened.Returned,
            lambda body: {**_amount(body), "disbursement_id": body["disbursement_id"]},
        ),
        EventKind.RATE_CHANGED: (
            happened.RateChanged,
            lambda body: {"annual_rate": _rate(body["annual_rate"])},
        ),
        EventKind.PAUSED: (
            happened.Paused,
            lambda body: {"until": date.fromisoformat(body["until"])},
        ),
        EventKind.CHARGED: (
            happened.Charged,
            lambda body: {
                **_amount(body),
                "due_on": date.fromisoformat(body["due_on"]),
                "part": Part(body["part"]),
            },
        ),
        EventKind.WAIVED: (
            happened.Waived,
            lambda body: {**_amount(body), "part": Part(body["part"])},
        ),
        EventKind.REPAID: (happened.Repaid, _amount),
        EventKind.RECOVERED: (happened.Repaid, _amount),
        EventKind.PREPAID: (
            happened.Prepaid,
            lambda body: {**_amount(body), "strategy": Strategy(body["strategy"])},
        ),
        EventKind.RE_AGED: (
            happened.ReAged,
            lambda body: {
                "instalments": body["instalments"],
                "first_due": date.fromisoformat(body["first_due"]),
                "annual_rate": _rate(body["annual_rate"]),
            },
        ),
        EventKind.PAID_OFF: (happened.PaidOff, _amount),
        EventKind.REVERSED: (happened.Reversed, lambda body: {"event_id": body["event_id"]}),
        EventKind.WRITTEN_OFF: (WrittenOff, None),
    }
)

_KINDS: Final[Mapping[type[Event], EventKind]] = MappingProxyType(
    {kind: name for name, (kind, _) in _READERS.items() if name is not EventKind.RECOVERED}
)
