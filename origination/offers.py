"""Offers as the debtor meets them: found, opened, read for a while, open for a few days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement.schedule.contract import Penalty
from kernel import law
from kernel.actors import Actor
from kernel.clock import business_day
from kernel.rates import DayBasis, Rate
from kernel.refusals import Refused
from origination import applicants
from origination.records.applications import Application, ApplicationCard
from origination.records.offers import Offer, OfferCard, OfferStatus
from underwriting import canonical


class NoSuchOffer(Refused):
    """The application has no offer that is open."""

    status = HTTPStatus.NOT_FOUND
    code = "no_such_offer"
    title = "There is no open offer"
    title_zh = "没有可签署的方案"


class OfferExpired(Refused):
    """The offer's time is over; nothing was charged."""

    status = HTTPStatus.GONE
    code = "offer_expired"
    title = "The offer has expired; nothing was charged"
    title_zh = "方案已过有效期，未产生任何费用"


def current(session: Session, application: Application) -> Offer:
    """Give the open offer of an application.

    Raises:
        OfferExpired: the newest one has expired.
        NoSuchOffer: there is none, or it was signed or withdrawn.
    """
    found = latest(session, application)
    if found is not None and found.status is OfferStatus.EXPIRED:
        raise OfferExpired()
    if found is None or found.status is not OfferStatus.OPEN:
        raise NoSuchOffer()
    return found


def latest(session: Session, application: Application) -> Offer | None:
    """Give the newest offer of an application, whatever became of it."""
    return session.scalars(
        select(Offer)
        .where(Offer.application_id == application.id)
        .order_by(Offer.version.desc())
        .limit(1)
    ).one_or_none()


def with_status(session: Session, application: Application, status: OfferStatus) -> Offer | None:
    """Give the newest offer of an application that has a status."""
    return session.scalars(
        select(Offer)
        .where(Offer.application_id == application.id, Offer.status == status)
        .order_by(Offer.version.desc())
        .limit(1)
    ).one_or_none()


def covered(session: Session, offer: Offer) -> Sequence[OfferCard]:
    """List the cards that an offer clears, in the order the debtor entered them."""
    return session.scalars(
        select(OfferCard)
        .join(ApplicationCard, ApplicationCard.id == OfferCard.card_id)
        .where(OfferCard.offer_id == offer.id)
        .order_by(ApplicationCard.position)
    ).all()


def shown(offer: Offer) -> Mapping[str, Any]:
    """Give what the debtor was shown, from the bytes that were kept."""
    content = offer.disclosure.encode()
    assert canonical.sha256(content) == offer.disclosure_sha256, "the disclosure was changed"
    return canonical.load(content)


def penalty(offer: Offer) -> Penalty:
    """Give what the debtor was shown, and signs, about paying late."""
    late = shown(offer)["if_late"]
    return Penalty(
        annual_rate=Rate.percent(late["rate_percent"]),
        grace_days=late["grace_days"],
        day_basis=DayBasis(late["day_basis"]),
    )


def begin_reading(session: Session, application: Application, *, by: Actor, at: datetime) -> Offer:
    """Note that the debtor opened his offer; the reading time counts from the first opening.

    Raises:
        OnlyTheDebtor: somebody else opens it.
        NoSuchOffer: none is open.
        OfferExpired: its time is over.
    """
    applicants.require_debtor(application, by)
    offer = current(session, application)
    session.refresh(offer, with_for_update=True)
    require_open(offer, at=at)
    if offer.read_from_at is None:
        offer.read_from_at = at
        session.flush()
    return offer


def reading_seconds(on: datetime) -> int:
    """Tell how long a debtor must be able to read before he signs.

    Source: the table disclosure of the law.
    """
    return int(law.rule("disclosure", on=business_day(on)).values["reading_seconds_min"])


def require_open(offer: Offer, *, at: datetime) -> None:
    """Go on only with an offer that is open and whose time is not over.

    Raises:
        OfferExpired: its time is over.
        NoSuchOffer: it was signed, withdrawn or replaced.
    """
    if offer.status is OfferStatus.EXPIRED or offer.valid_until <= at:
        raise OfferExpired()
    if offer.status is not OfferStatus.OPEN:
        raise NoSuchOffer()
