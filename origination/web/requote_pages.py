"""A card costs more than was signed for: sign again, leave it out, or withdraw."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from kernel.actors import Role
from kernel.money import Money
from kernel.web import access
from kernel.web.access import actor
from kernel.web.around import now
from origination import offers, requotes
from origination.records.applications import Application, ApplicationStatus
from origination.records.offers import OfferStatus
from origination.web import journey, offer_view

blueprint = Blueprint("requote", __name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DearerCard:
    """A card that costs more than was signed for."""

    bank: str
    last4: str
    quoted: Money
    signed: Money
    ceiling: Money


@blueprint.get("/offer/again")
@access.allow(Role.DEBTOR)
@journey.seen(ApplicationStatus.REQUOTE)
def ask(session: Session, application: Application) -> ResponseReturnValue:
    """Tell which card became dearer, and what the debtor can do."""
    asked = offers.with_status(session, application, OfferStatus.OPEN)
    signed = offers.with_status(session, application, OfferStatus.SIGNED)
    if asked is None or signed is None:
        return render_template("origination/requote_waiting.html")
    after, before = offer_view.of(offers.shown(asked)), offer_view.of(offers.shown(signed))
    pairs = zip(after.cards, before.cards, strict=True)
    return render_template(
        "origination/requote.html",
        dearer=[
            DearerCard(
                bank=new.bank,
                last4=new.last4,
                quoted=new.quoted,
                signed=old.ceiling,
                ceiling=new.ceiling,
            )
            for new, old in pairs
            if new.ceiling > old.ceiling
        ],
        after=after,
        before=before,
    )


@blueprint.post("/offer/again")
@access.allow(Role.DEBTOR)
@journey.acted(ApplicationStatus.REQUOTE)
def leave_out(session: Session, application: Application) -> ResponseReturnValue:
    """Take the debtor's no to the higher amount; nothing is sent to that card."""
    requotes.decline(session, application, by=actor(), at=now())
    return journey.onward()
