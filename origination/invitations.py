"""Invitations: one link per referral, sent by SMS, that lapses by itself."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Final
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from kernel import events, moves
from kernel.actors import Actor
from kernel.clock import require_aware
from kernel.refusals import Refused
from kernel.sealing import reveal
from origination import messages
from origination.messages import Wording
from origination.records.agencies import Agency, AgencyStatus
from origination.records.debtors import Debtor, Ownership
from origination.records.referrals import (
    LAPSE_DAYS,
    REFERRAL_MOVES,
    WAITING_STATUSES,
    Referral,
    ReferralStatus,
)

TOKEN_BYTES: Final = 16
LINK_PATH: Final = "/i/"
BATCH_MAX: Final = 200


class InvitationUnknown(Refused):
    """No invitation has this link."""

    status = HTTPStatus.NOT_FOUND
    code = "invitation_unknown"
    title = "This link is not one of ours"
    title_zh = "链接无效"


class InvitationOver(Refused):
    """The invitation lapsed, was declined, or another one took its place."""

    status = HTTPStatus.GONE
    code = "invitation_over"
    title = "This invitation is no longer valid"
    title_zh = "该邀请已失效"


class InvitationUsed(Refused):
    """The debtor has applied through the link already."""

    status = HTTPStatus.CONFLICT
    code = "invitation_used"
    title = "You have applied already: withdraw the application instead"
    title_zh = "您已提交申请，如不再需要请撤回申请"


class DeclineReason(StrEnum):
    """Why a person does not take an invitation up."""

    NOT_ME = "not_me"
    NOT_INTERESTED = "not_interested"


@dataclass(frozen=True, slots=True, repr=False)
class Link:
    """Where the invitation leads; whoever has it can open it, so it shows itself masked."""

    plain: str

    def __repr__(self) -> str:
        return "Link(***)"


def waiting(session: Session, *, limit: int = BATCH_MAX) -> Sequence[UUID]:
    """List referrals of active agencies that have not been invited, oldest first."""
    return session.scalars(
        select(Referral.id)
        .join(Agency, Agency.id == Referral.agency_id)
        .where(
            Referral.status == ReferralStatus.RECEIVED,
            Agency.status == AgencyStatus.ACTIVE,
        )
        .order_by(Referral.received_at, Referral.id)
        .limit(min(limit, BATCH_MAX))
    ).all()


def take_waiting(session: Session, referral_id: UUID) -> Referral | None:
    """Lock a referral that still waits for its invitation; None when another run has it."""
    return session.scalar(
        select(Referral)
        .where(Referral.id == referral_id, Referral.status == ReferralStatus.RECEIVED)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )


def invite(
    session: Session, referral: Referral, *, public_url: str, by: Actor, at: datetime
) -> Link | None:
    """Send the debtor his link; one who is owned by another referral is not written to.

    Raises:
        MoveRefused: the referral was invited before, or is over.
    """
    if _is_owned(session, referral, at=at):
        supersede(session, referral, by=by, at=at)
        return None
    token = secrets.token_urlsafe(TOKEN_BYTES)
    link = Link(f"{public_url.rstrip('/')}{LINK_PATH}{token}")
    referral.token_hash = _hashed(token)
    referral.invited_at = require_aware(at)
    referral.lapses_at = at + timedelta(days=LAPSE_DAYS)
    session.flush()
    moves.advance(session, referral, ReferralStatus.INVITED, table=REFERRAL_MOVES, by=by, at=at)
    mobile = reveal(
        session, referral.mobile, subject=referral.id, purpose="invite by SMS", by=by, at=at
    )
    agency = session.get_one(Agency, referral.agency_id)
    wording = Wording(
        template="invitation",
        locale=referral.locale,
        values={"agency": agency.name, "link": link.plain, "days": str(LAPSE_DAYS)},
    )
    messages.queue(session, mobile, wording, once_for=referral.id, at=at)
    _tell(session, "referral.invited", referral, at=at)
    return link


def open_link(session: Session, token: str, *, at: datetime) -> Referral:
    """Find the referral of a link that may still be used, changing nothing.

    Raises:
        InvitationUnknown: no invitation has this token.
        InvitationOver: it lapsed, was declined, or another one took its place.
    """
    referral = session.scalar(select(Referral).where(Referral.token_hash == _hashed(token)))
    if referral is None:
        raise InvitationUnknown()
    require_usable(referral, at=at)
    return referral


def open_by_debtor(session: Session, referral: Referral, *, by: Actor, at: datetime) -> None:
    """Note that the debtor has signed in through the link; a second time changes nothing.

    Raises:
        InvitationOver: it lapsed, was declined, or another one took its place.
    """
    session.refresh(referral, with_for_update=True)
    require_usable(referral, at=at)
    if referral.status is ReferralStatus.INVITED:
        moves.advance(session, referral, ReferralStatus.OPENED, table=REFERRAL_MOVES, by=by, at=at)


def decline(
    session: Session, referral: Referral, *, reason: DeclineReason, by: Actor, at: datetime
) -> None:
    """Take a person's no: he is not written to again for this referral.

    Raises:
        InvitationUsed: he has consented already.
        InvitationOver: it lapsed or another one took its place.
    """
    session.refresh(referral, with_for_update=True)
    if referral.status is ReferralStatus.DECLINED:
        return
    if referral.status is ReferralStatus.CONSENTED:
        raise InvitationUsed()
    require_usable(referral, at=at)
    moves.advance(
        session,
        referral,
        ReferralStatus.DECLINED,
        table=REFERRAL_MOVES,
        by=by,
        at=at,
        reason=reason.value,
    )
    _tell(session, "referral.declined", referral, at=at)


def lapse_due(session: Session, *, by: Actor, at: datetime, limit: int = BATCH_MAX) -> int:
    """End the invitations whose time is over, and count them."""
    due = session.scalars(
        select(Referral)
        .where(
            Referral.status.in_((ReferralStatus.INVITED, ReferralStatus.OPENED)),
            Referral.lapses_at <= at,
        )
        .order_by(Referral.lapses_at, Referral.id)
        .limit(min(limit, BATCH_MAX))
        .with_for_update(skip_locked=True)
    ).all()
    for referral in due:
        moves.advance(session, referral, ReferralStatus.LAPSED, table=REFERRAL_MOVES, by=by, at=at)
        _tell(session, "referral.lapsed", referral, at=at)
    return len(due)


def supersede(session: Session, referral: Referral, *, by: Actor, at: datetime) -> None:
    """End a waiting referral because another one owns the debtor.

    Raises:
        MoveRefused: the referral does not wait any more.
    """
    moves.advance(session, referral, ReferralStatus.SUPERSEDED, table=REFERRAL_MOVES, by=by, at=at)
    _tell(session, "referral.superseded", referral, at=at)


def require_usable(referral: Referral, *, at: datetime) -> None:
    """Go on only with an invitation that is neither over nor past its time.

    Raises:
        InvitationOver: it is; the job that ends it need not have run yet.
    """
    if referral.status is ReferralStatus.CONSENTED:
        return
    lapsed = referral.lapses_at is not None and referral.lapses_at <= at
    if lapsed or referral.status not in WAITING_STATUSES:
        raise InvitationOver()


def _is_owned(session: Session, referral: Referral, *, at: datetime) -> bool:
    """Tell whether somebody with this mobile is owned now: the weak key, before an ID is known."""
    return bool(
        session.scalar(
            select(
                exists()
                .where(Ownership.debtor_id == Debtor.id)
                .where(Debtor.mobile_index == referral.mobile_index)
                .where(Ownership.from_at <= at, Ownership.until_at > at)
            )
        )
    )


def _hashed(token: str) -> str:
    """Hash a token; it has 128 random bits, so a plain hash cannot be guessed backwards."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def _tell(session: Session, kind: str, referral: Referral, *, at: datetime) -> None:
    body = {"agency_id": str(referral.agency_id)}
    events.append(session, kind, subject=referral.id, at=at, body=body)
