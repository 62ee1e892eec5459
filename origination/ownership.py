"""Who owns a debtor: the first referral he consents through, for thirty days.

Uploading a case owns nothing; only the debtor's own consent through a referral's own link does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from kernel import events, ids, moves
from kernel.actors import Actor
from kernel.clock import require_aware
from origination import invitations
from origination.records.debtors import Debtor, Ownership
from origination.records.referrals import (
    REFERRAL_MOVES,
    WAITING_STATUSES,
    Referral,
    ReferralStatus,
)

OWNED_DAYS: Final = 30
LOCKED_MAX: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What came of a consent: the ownership in force, and whether this referral holds it."""

    ownership: Ownership
    owned: bool


def claim(
    session: Session, referral: Referral, *, debtor_id: UUID, by: Actor, at: datetime
) -> Claim:
    """Let the debtor's consent through this referral's link decide who owns him.

    The first takes him for thirty days, and his other waiting referrals are superseded. If he is
    owned already, this referral is superseded instead. Asking again within the thirty days changes nothing.
    The debtor's row is locked first, before any referral's: two consents at once take turns.

    Raises:
        InvitationOver: this referral ended before.
    """
    debtor = session.get_one(Debtor, debtor_id, with_for_update=True, populate_existing=True)
    others = [found for found in _locked(session, debtor, referral) if found.id != referral.id]
    latest = _latest(session, debtor_id)
    # Not "in force at `at`": a second consent may carry an earlier time than the first.
    if latest is not None and latest.until_at > at:
        if latest.referral_id != referral.id and referral.status in WAITING_STATUSES:
            invitations.supersede(session, referral, by=by, at=at)
        return Claim(ownership=latest, owned=latest.referral_id == referral.id)
    if referral.status is not ReferralStatus.OPENED:
        raise invitations.InvitationOver()
    invitations.require_usable(referral, at=at)
    taken = _take(session, referral, after=latest, debtor_id=debtor_id, by=by, at=at)
    for other in others:
        invitations.supersede(session, other, by=by, at=at)
    return Claim(ownership=taken, owned=True)


def present(session: Session, debtor_id: UUID, *, at: datetime) -> Ownership | None:
    """Give the ownership in force at an instant."""
    return session.scalar(
        select(Ownership).where(
            Ownership.debtor_id == debtor_id, Ownership.from_at <= at, Ownership.until_at > at
        )
    )


def history(session: Session, debtor_id: UUID) -> Sequence[Ownership]:
    """List everybody who ever owned a debtor, oldest first."""
    return session.scalars(
        select(Ownership).where(Ownership.debtor_id == debtor_id).order_by(Ownership.position)
    ).all()


def _latest(session: Session, debtor_id: UUID) -> Ownership | None:
    return session.scalar(
        select(Ownership)
        .where(Ownership.debtor_id == debtor_id)
        .order_by(Ownership.position.desc())
        .limit(1)
    )


def _take(
    session: Session,
    referral: Referral,
    *,
    after: Ownership | None,
    debtor_id: UUID,
    by: Actor,
    at: datetime,
) -> Ownership:
    taken = Ownership(
        id=ids.derived(referral.id, "ownership"),
        debtor_id=debtor_id,
        position=0 if after is None else after.position + 1,
        referral_id=referral.id,
        agency_id=referral.agency_id,
        from_at=require_aware(at),
        until_at=at + timedelta(days=OWNED_DAYS),
    )
    session.add(taken)
    session.flush()
    moves.advance(session, referral, ReferralStatus.CONSENTED, table=REFERRAL_MOVES, by=by, at=at)
    events.append(
        session,
        "referral.owned",
        subject=referral.id,
        at=at,
        body={
            "agency_id": str(referral.agency_id),
            "debtor_id": str(debtor_id),
            "until": taken.until_at.isoformat(),
        },
    )
    return taken


def _locked(session: Session, debtor: Debtor, referral: Referral) -> Sequence[Referral]:
    """Lock this referral and the debtor's other waiting ones: he proved their mobile is his.

    All in the order of their ids, so that two debtors who share a mobile cannot block each other.
    """
    others = and_(
        Referral.mobile_index == debtor.mobile_index, Referral.status.in_(WAITING_STATUSES)
    )
    return session.scalars(
        select(Referral)
        .where(or_(Referral.id == referral.id, others))
        .order_by(Referral.id)
        .limit(LOCKED_MAX)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
