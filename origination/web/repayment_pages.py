"""How a loan is repaid: the debit card with its mandate, and the bank transfer."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from marshmallow.validate import Equal
from sqlalchemy.orm import Session

from kernel.actors import Role
from kernel.clock import business_day
from kernel.personal import CardNumber
from kernel.web import access, forms
from kernel.web.access import actor
from kernel.web.around import now
from kernel.web.fields import PersonalField
from kernel.web.forms import Filled
from origination import mandates, repaying
from origination.mandates import NotADebitCard
from origination.records.applications import Application
from origination.web import journey
from origination.web.card_pages import MISTYPED
from origination.web.loan_pages import RUNNING

blueprint = Blueprint("repayment", __name__, url_prefix="/loan")

WORDS: Final = {
    "number": ("请核对卡号：借记卡正面的13至19位数字", "Check the number: 13 to 19 digits"),
    "agreed": ("请阅读授权书并勾选同意", "Please read the mandate and tick that you agree"),
}


class CardForm(Schema):
    """One debit card, the mandate read and agreed to."""

    number = PersonalField(CardNumber, required=True)
    agreed = fields.String(required=True, validate=Equal("yes"))


@blueprint.get("/card")
@access.allow(Role.DEBTOR)
@journey.seen(RUNNING)
def ask(session: Session, application: Application) -> ResponseReturnValue:
    """Ask for the debit card from which the loan is repaid."""
    return _page(session, application, Filled())


@blueprint.post("/card")
@access.allow(Role.DEBTOR)
@journey.acted(RUNNING)
def bind(session: Session, application: Application) -> ResponseReturnValue:
    """Bind the card by the mandate that stood on the page."""
    filled = _doubted(forms.read(CardForm(), WORDS))
    if not filled.is_good:
        return _page(session, application, filled), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        mandates.give(
            session,
            application,
            filled.values["number"],
            evidence=journey.evidence(),
            locale=journey.spoken(),
            by=actor(),
            at=now(),
        )
    except NotADebitCard as refused:
        again = filled.with_fault("number", refused.title_zh, refused.title)
        return _page(session, application, again), refused.status
    return journey.to("debtor.loan.show")


@blueprint.post("/card/end")
@access.allow(Role.DEBTOR)
@journey.acted(RUNNING)
def end(session: Session, application: Application) -> ResponseReturnValue:
    """End the mandate; the loan is repaid by bank transfer from now on."""
    mandates.end(session, application, by=actor(), at=now())
    return journey.to("debtor.loan.show")


def _doubted(filled: Filled) -> Filled:
    """Ask once about a number that looks mistyped."""
    number: CardNumber | None = filled.values.get("number")
    if number is None or number.passes_luhn or request.form.get("sure") == number.last4:
        return filled
    return filled.with_fault("number", *MISTYPED)


def _page(session: Session, application: Application, filled: Filled) -> str:
    number: CardNumber | None = filled.values.get("number")
    found = repaying.of(session, application, at=now())
    _, words = mandates.words(session, application, locale=journey.spoken(), on=business_day(now()))
    return render_template(
        "origination/repayment_card.html",
        form=filled,
        words=words,
        sure=number.last4 if number is not None else "",
        card=found.card if found is not None else None,
    )
