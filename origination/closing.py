"""How an application ends: withdrawn by the debtor, or closed by what happened to it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import loans
from kernel import events, moves
from kernel.actors import Actor
from origination import applicants, cards
from origination.records.applications import (
    APPLICATION_MOVES,
    CLOSED,
    Application,
    ApplicationStatus,
)
from origination.records.offers import OFFER_MOVES, Offer, OfferStatus
from underwriting import reviews
from underwriting.records.service import ReviewEnd

_UNANSWERED: Final = frozenset({ApplicationStatus.EXPIRED, ApplicationStatus.WITHDRAWN})
"""After these nobody waits for a person's answer any more."""
_OFFER_ENDS: Final = {
    ApplicationStatus.EXPIRED: OfferStatus.EXPIRED,
    ApplicationStatus.WITHDRAWN: OfferStatus.WITHDRAWN,
}


def withdraw(
    session: Session, application: Application, *, reason: str, by: Actor, at: datetime
) -> None:
    """Withdraw an application for nothing, at any time before money is on its way.

    A signed loan is cancelled with it. Withdrawn once is enough.

    Raises:
        OnlyTheDebtor: somebody else tries to withdraw it.
        MoveRefused: it is closed in another way, or money is on its way.
    """
    applicants.require_debtor(application, by)
    applicants.lock(session, application)
    if application.status is ApplicationStatus.WITHDRAWN:
        return
    if not APPLICATION_MOVES.allows(application.status, ApplicationStatus.WITHDRAWN):
        raise moves.MoveRefused("application", application.status, ApplicationStatus.WITHDRAWN)
    if application.loan_id is not None:
        loans.cancel(session, application.loan_id, reason="withdrawn", by=by, at=at)
    close(session, application, ApplicationStatus.WITHDRAWN, reason=reason, by=by, at=at)


def close(
    session: Session,
    application: Application,
    to: ApplicationStatus,
    *,
    reason: str,
    by: Actor,
    at: datetime,
) -> None:
    """Move an application to a closed status, end its offer and let its cards go.

    Raises:
        MoveRefused: the table of moves has no such edge.
    """
    assert to in CLOSED, f"{to} does not close an application"
    moves.advance(session, application, to, table=APPLICATION_MOVES, by=by, at=at, reason=reason)
    cards.release(session, application)
    if to in _UNANSWERED:
        reviews.close(session, application.id, how=ReviewEnd.WITHDRAWN, at=at)
    if to in _OFFER_ENDS:
        _end_offers(session, application, _OFFER_ENDS[to], by=by, at=at)
    events.append(
        session,
        "application.closed",
        subject=application.id,
        at=at,
        body={"status": to.value, "referral_id": str(application.referral_id)},
    )


def _end_offers(
    session: Session, application: Application, to: OfferStatus, *, by: Actor, at: datetime
) -> None:
    offers = session.scalars(
        select(Offer).where(
            Offer.application_id == application.id,
            Offer.status.in_((OfferStatus.OPEN, OfferStatus.SIGNED)),
        )
    )
    for offer in offers:
        if OFFER_MOVES.allows(offer.status, to):
            moves.advance(session, offer, to, table=OFFER_MOVES, by=by, at=at)
