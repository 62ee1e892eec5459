"""Holding a payout back before it is sent, until a person lets it go on or two call it off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import approvals, legs, loans, payouts
from disbursement.records.payouts import LegStatus, PayoutLeg
from kernel import events
from kernel.actors import Actor, Role
from kernel.events import Event
from kernel.moves import MoveRefused
from kernel.refusals import FieldFault, Refused

REASON_CHARACTERS_MAX: Final = 200

_FINANCE: Final = frozenset({Role.FINANCE_MAKER, Role.FINANCE_CHECKER})
_ASKED: Final = "payout.call_off_asked"
_NOT_SENT: Final = frozenset({LegStatus.PLANNED, LegStatus.APPROVED, LegStatus.REQUOTE_NEEDED})


class BeingSent(Refused):
    """A worker is sending the payout right now."""

    status = HTTPStatus.CONFLICT
    code = "being_sent"
    title = "The payout is being sent right now"
    title_zh = "该笔付款正在发送"


class NoReason(Refused):
    """It was not said why, or at too great length."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "hold_reason_needed"
    title = "Say why the payout is to be held back"
    title_zh = "请填写暂停原因"


class NoCallOffReason(Refused):
    """It was not said why the payout is to be called off, or at too great length."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "call_off_reason_needed"
    title = "Say why the payout is to be called off"
    title_zh = "请填写撤销原因"


class CallOffAskedAlready(Refused):
    """The same person asked for it before; another one must agree."""

    status = HTTPStatus.CONFLICT
    code = "call_off_asked_already"
    title = "You asked for this payout to be called off; another person must agree"
    title_zh = "您已提出撤销，须由另一人同意"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOff:
    """What one person said when he asked for a payout to be called off."""

    actor: str
    reason: str
    at: datetime


def park(session: Session, leg_id: UUID, *, reason: str, by: Actor, at: datetime) -> PayoutLeg:
    """Keep the loops from sending a payout; parked twice is parked. `payouts.unpark` undoes it.

    A payout whose order number is out is never held back: its outcome must be asked for.

    Raises:
        NoSuchLeg: there is none.
        NotAnApprover: only finance staff may.
        NoReason: nothing was said, or too much.
        MoveRefused: it was sent, or ended.
        BeingSent: a worker has claimed it.
    """
    _require_finance(by)
    said = _said(reason, otherwise=NoReason)
    leg = legs.lock(session, leg_id)
    if leg.status not in _NOT_SENT:
        raise MoveRefused("payout", leg.status, "parked")
    _hold(session, leg, said, by=by, at=at)
    return leg


def call_off(session: Session, leg_id: UUID, *, reason: str, by: Actor, at: datetime) -> bool:
    """Ask that a payout never be sent, or agree to it; tell whether it is called off.

    The first word holds it back, and `payouts.unpark` takes both back. With the second the leg is
    cancelled, and its loan goes on with the others, or ends. Of the two persons one is a checker.

    Raises:
        NoSuchLeg: there is none.
        NotAnApprover: only finance staff may, and of the two one must be a checker.
        NoCallOffReason: nothing was said, or too much.
        MoveRefused: it was sent, or ended.
        BeingSent: a worker has claimed it.
        CallOffAskedAlready: the same person asked for it.
    """
    _require_finance(by)
    said = _said(reason, otherwise=NoCallOffReason)
    loans.lock_for_leg(session, leg_id)
    leg = legs.lock(session, leg_id)
    if leg.status not in _NOT_SENT:
        raise MoveRefused("payout", leg.status, LegStatus.CANCELLED)
    first = asked(session, leg)
    if first is None:
        _hold(session, leg, said, by=by, at=at)
        body = {"reason": said, "by": str(by)}
        events.append(session, _ASKED, subject=leg.id, at=at, body=body)
        session.flush()
        return False
    role, _, person = first.actor.partition(":")
    if person == by.id:
        raise CallOffAskedAlready(f"{by.id} asked for it before")
    if Role.FINANCE_CHECKER not in {by.role, Role(role)}:
        raise approvals.NotAnApprover("of two who call a payout off one is a checker")
    reason = f"called off by two: {first.reason}; {said}"
    payouts.cancel_leg(session, leg.id, reason=reason, by=by, at=at)
    return True


def asked(session: Session, leg: PayoutLeg) -> CallOff | None:
    """Tell who asked for a payout to be called off; None when nobody did, or it was released."""
    latest = session.scalar(
        select(Event)
        .where(Event.subject == leg.id, Event.kind.in_([_ASKED, "payout.unparked"]))
        .order_by(Event.id.desc())
        .limit(1)
    )
    if latest is None or latest.kind != _ASKED:
        return None
    return CallOff(actor=latest.body["by"], reason=latest.body["reason"], at=latest.at)


def _require_finance(by: Actor) -> None:
    if by.role not in _FINANCE:
        raise approvals.NotAnApprover(f"a {by.role} may not hold payouts back")


def _said(reason: str, *, otherwise: type[Refused]) -> str:
    said = reason.strip()
    if not 0 < len(said) <= REASON_CHARACTERS_MAX:
        fault = FieldFault("/reason", f"between 1 and {REASON_CHARACTERS_MAX} characters")
        raise otherwise(faults=(fault,))
    return said


def _hold(session: Session, leg: PayoutLeg, said: str, *, by: Actor, at: datetime) -> None:
    if leg.claimed_by is not None and leg.claimed_until is not None and leg.claimed_until > at:
        raise BeingSent(f"payout {leg.id} is claimed")
    if not leg.parked:
        leg.parked = True
        body = {"reason": said, "by": str(by)}
        events.append(session, "payout.stopped", subject=leg.id, at=at, body=body)
        session.flush()
