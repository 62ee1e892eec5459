"""Holding a payout back before it is sent, until a person lets it go on."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from disbursement import approvals, legs
from disbursement.records.payouts import LegStatus, PayoutLeg
from kernel import events
from kernel.actors import Actor, Role
from kernel.moves import MoveRefused
from kernel.refusals import FieldFault, Refused

REASON_CHARACTERS_MAX: Final = 200

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
    if by.role not in {Role.FINANCE_MAKER, Role.FINANCE_CHECKER}:
        raise approvals.NotAnApprover(f"a {by.role} may not hold payouts back")
    said = reason.strip()
    if not 0 < len(said) <= REASON_CHARACTERS_MAX:
        fault = FieldFault("/reason", f"between 1 and {REASON_CHARACTERS_MAX} characters")
        raise NoReason(faults=(fault,))
    leg = legs.lock(session, leg_id)
    if leg.status not in _NOT_SENT:
        raise MoveRefused("payout", leg.status, "parked")
    if leg.claimed_by is not None and leg.claimed_until is not None and leg.claimed_until > at:
        raise BeingSent(f"payout {leg.id} is claimed")
    if not leg.parked:
        leg.parked = True
        body = {"reason": said, "by": str(by)}
        events.append(session, "payout.stopped", subject=leg.id, at=at, body=body)
        session.flush()
    return leg
