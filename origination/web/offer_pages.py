"""The offer: every cost, the plan, and what else the debtor could do."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from kernel.actors import Role
from kernel.web import access
from kernel.web.access import actor
from kernel.web.around import now
from origination import offers
from origination.offers import OfferExpired
from origination.records.applications import Application, ApplicationStatus
from origination.web import journey, offer_view

blueprint = Blueprint("offer", __name__)

OPEN = (ApplicationStatus.OFFERED, ApplicationStatus.REQUOTE)


@blueprint.get("/offer")
@access.allow(Role.DEBTOR)
@journey.seen(*OPEN)
def show(session: Session, application: Application) -> ResponseReturnValue:
    """Show the whole offer; the reading time begins with the first look."""
    try:
        offer = offers.begin_reading(session, application, by=actor(), at=now())
    except OfferExpired:
        return render_template("origination/offer_expired.html"), HTTPStatus.GONE
    return render_template(
        "origination/offer.html",
        offer=offer_view.of(offers.shown(offer)),
        version=offer.version,
        is_requote=application.status is ApplicationStatus.REQUOTE,
        reading_seconds=offers.reading_seconds(now()),
    )
