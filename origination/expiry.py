"""What ends by itself: applications nobody goes on with, and offers nobody signs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from kernel.actors import Actor
from origination import closing, requotes
from origination.records.applications import FILLING_IN, Application, ApplicationStatus
from origination.records.offers import Offer, OfferStatus

LAPSE_DAYS: Final = 30
"""As long as a referral owns its debtor; after that the cards come free for another application."""


def lapse(session: Session, *, by: Actor, at: datetime, limit: int) -> int:
    """Let applications expire that nobody went on filling in, and count them."""
    untouched = session.scalars(
        select(Application)
        .where(
            Application.status.in_(FILLING_IN),
            Application.touched_at <= at - timedelta(days=LAPSE_DAYS),
        )
        .order_by(Application.touched_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for application in untouched:
        closing.close(
            session,
            application,
            ApplicationStatus.EXPIRED,
            reason=f"untouched for {LAPSE_DAYS} days",
            by=by,
            at=at,
        )
    return len(untouched)


def expire_offers(session: Session, *, by: Actor, at: datetime, limit: int) -> int:
    """Let applications expire whose offer was not signed in time, and count them.

    A debtor who did not answer about a dearer card keeps what was paid; the card is left out.
    """
    # The application is locked, as it is by whoever signs: locking its offer first could cross him.
    unsigned = session.scalars(
        select(Application)
        .where(
            exists().where(
                Offer.application_id == Application.id,
                Offer.status == OfferStatus.OPEN,
                Offer.valid_until <= at,
            )
        )
        .order_by(Application.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for application in unsigned:
        if application.status is ApplicationStatus.REQUOTE:
            requotes.leave_out(session, application, OfferStatus.EXPIRED, by=by, at=at)
            continue
        closing.close(
            session,
            application,
            ApplicationStatus.EXPIRED,
            reason="the offer was not signed in time",
            by=by,
            at=at,
        )
    return len(unsigned)
