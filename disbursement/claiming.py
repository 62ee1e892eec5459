"""Claiming payout legs by channel, for the saga: who has work, and one leg of it."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from disbursement import pacing
from disbursement.channels.channel import OrderKey
from disbursement.payees import Payee
from disbursement.records.payouts import LegStatus, PayoutLeg
from kernel import claims, events

CLAIM_SECONDS: Final = 120
"""Longer than the three calls of one send may take together."""
APPROVED: Final[ColumnElement[bool]] = PayoutLeg.status == LegStatus.APPROVED


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """An approved leg that one worker has claimed, its payee opened and checked."""

    leg_id: UUID
    issuer_code: str
    channel: str
    payee: Payee


class Due(NamedTuple):
    """A leg that one worker has claimed to ask about it."""

    leg_id: UUID
    key: OrderKey
    channel: str


def channels(
    session: Session,
    where: ColumnElement[bool],
    *,
    at: datetime,
    only: Container[str] | None = None,
) -> Sequence[str]:
    """Name the channels with work that waits and that are worth trying, in a fixed order."""
    waiting = (
        select(PayoutLeg.channel)
        .where(
            where,
            PayoutLeg.parked.is_(False),
            or_(PayoutLeg.claimed_until.is_(None), PayoutLeg.claimed_until <= at),
        )
        .distinct()
        .order_by(PayoutLeg.channel)
    )
    return [
        one
        for one in session.scalars(waiting)
        if (only is None or one in only) and pacing.may_leave(session, one, now=at)
    ]


def claim(
    session: Session, channel: str, where: ColumnElement[bool], *, worker: str, at: datetime
) -> PayoutLeg | None:
    """Claim one leg of a channel; None when there is none that nobody else works on."""
    claimed = claims.claim(
        session,
        PayoutLeg,
        PayoutLeg.channel == channel,
        where,
        worker=worker,
        now=at,
        seconds=CLAIM_SECONDS,
        limit=1,
    )
    return claimed[0] if claimed else None


def park(session: Session, leg: PayoutLeg, *, reason: str, at: datetime) -> None:
    """Give a claim back and let no worker try again until a person has looked."""
    claims.release(leg)
    leg.parked = True
    events.append(session, "payout.stopped", subject=leg.id, at=at, body={"reason": reason})
    session.flush()


def let_go(leg: PayoutLeg) -> None:
    """Give a claim back as if it had never been made."""
    leg.claimed_by = leg.claimed_until = None


def submitted(session: Session, leg_id: UUID, *, worker: str) -> PayoutLeg | None:
    """Find a leg whose order number this worker committed and has not sent; None if it did not.

    For a worker whose COMMIT brought no answer, before it has sent a byte.
    """
    return session.scalars(
        select(PayoutLeg).where(
            PayoutLeg.id == leg_id,
            PayoutLeg.claimed_by == worker,
            PayoutLeg.status == LegStatus.SUBMITTED,
        )
    ).one_or_none()
