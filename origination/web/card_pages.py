"""The debtor's cards: typed by himself, listed, added and taken out."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from sqlalchemy.orm import Session

from disbursement import issuing_banks
from kernel.actors import Role
from kernel.personal import CardNumber
from kernel.refusals import Refused
from kernel.web import access, forms
from kernel.web.access import actor
from kernel.web.around import now, say
from kernel.web.fields import PersonalField
from kernel.web.forms import Filled
from origination import cards
from origination.records.applications import Application, ApplicationCard
from origination.records.referrals import Referral
from origination.web import journey

blueprint = Blueprint("cards", __name__, url_prefix="/apply/cards")

WORDS = {
    "number": ("请核对卡号：信用卡正面的13至19位数字", "Check the number: 13 to 19 digits"),
    "bank": ("请从列表中选择发卡银行", "Choose the bank from the list"),
}
WHICH_BANK = (
    "我们没能从卡号认出发卡银行，请选择",
    "We could not tell the bank from the number; please choose it",
)
MISTYPED = (
    "这个卡号看起来有一位数字不对，请核对。确认无误请再点一次“继续”",
    "One digit of this number seems wrong; please check it. If it is right, press “Continue” again",
)


_TOLD_AT_THE_FIELD: tuple[type[Refused], ...] = (
    cards.UnknownIssuer,
    cards.DebitCardRefused,
    cards.CardInUse,
    cards.TooManyCards,
)


class CardForm(Schema):
    """One card."""

    number = PersonalField(CardNumber, required=True)
    bank = fields.String()


@dataclass(frozen=True, slots=True, kw_only=True)
class CardView:
    """A card as its owner sees it: never the whole number."""

    id: UUID
    bank: str
    masked: str
    is_to_be_verified: bool

    @staticmethod
    def of(card: ApplicationCard) -> CardView:
        """Take from a record what is shown."""
        return CardView(
            id=card.id,
            bank=bank_name(card.issuer_code),
            masked=f"{card.bin[:4]} **** {card.last4}",
            is_to_be_verified=card.needs_verification,
        )


def bank_name(issuer_code: str | None) -> str:
    """Name a bank in the language of the request."""
    bank = issuing_banks.banks().get(issuer_code or "")
    if bank is None:
        return say("待核实的发卡行", "Bank to be verified")
    return say(bank.name_zh, bank.name)


@blueprint.get("")
@access.allow(Role.DEBTOR)
@journey.seen(*cards.MAY_CHANGE)
def listed(session: Session, application: Application) -> ResponseReturnValue:
    """List the cards entered so far."""
    entered = cards.listed(session, application)
    if not entered:
        return journey.to("debtor.cards.ask")
    return render_template(
        "origination/cards.html",
        cards=[CardView.of(card) for card in entered],
        may_add=len(entered) < cards.CARDS_MAX,
        most=cards.CARDS_MAX,
        steps=journey.STEPS,
    )


@blueprint.get("/add")
@access.allow(Role.DEBTOR)
@journey.seen(*cards.MAY_CHANGE)
def ask(session: Session, application: Application) -> ResponseReturnValue:
    """Ask for a card."""
    return _page(session, application, Filled())


@blueprint.post("/add")
@access.allow(Role.DEBTOR)
@journey.acted(*cards.MAY_CHANGE)
def add(session: Session, application: Application) -> ResponseReturnValue:
    """Add a card, asking for its bank only when the number does not tell."""
    filled = _doubted(forms.read(CardForm(), WORDS))
    if not filled.is_good:
        return _page(session, application, filled), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        cards.enter(
            session,
            application,
            filled.values["number"],
            stated_issuer=filled.values.get("bank") or None,
            by=actor(),
            at=now(),
        )
    except _TOLD_AT_THE_FIELD as refused:
        field = "bank" if isinstance(refused, cards.UnknownIssuer) else "number"
        again = filled.with_fault(field, refused.title_zh, refused.title)
        return _page(session, application, again), refused.status
    return journey.to("debtor.cards.listed")


@blueprint.post("/remove")
@access.allow(Role.DEBTOR)
@journey.acted(*cards.MAY_CHANGE)
def remove(session: Session, application: Application) -> ResponseReturnValue:
    """Take a card out; one that is out already changes nothing."""
    wanted = request.form.get("card", "")
    for card in cards.listed(session, application):
        if str(card.id) == wanted:
            cards.remove(session, application, card.id, by=actor(), at=now())
    return journey.to("debtor.cards.listed")


def _doubted(filled: Filled) -> Filled:
    """Ask once about a number that looks mistyped, and for a bank nobody can tell."""
    number: CardNumber | None = filled.values.get("number")
    if not filled.is_good or number is None:
        return filled
    hint = issuing_banks.recognise(number)
    if not hint.luhn_ok and request.form.get("sure") != number.last4:
        return filled.with_fault("number", *MISTYPED)
    if hint.issuer_code is None and not filled.values.get("bank"):
        return filled.with_fault("bank", *WHICH_BANK)
    return filled


def _page(session: Session, application: Application, filled: Filled) -> str:
    referral = session.get_one(Referral, application.referral_id)
    number: CardNumber | None = filled.values.get("number")
    return render_template(
        "origination/card.html",
        form=filled,
        asks_bank="bank" in filled.faults or bool(filled.typed.get("bank")),
        banks=[
            (bank.code, say(bank.name_zh, bank.name)) for bank in issuing_banks.banks().values()
        ],
        sure=number.last4 if number is not None else "",
        referred=f"{referral.card_bin[:4]} **** {referral.card_last4}",
        is_first=not cards.listed(session, application),
        steps=journey.STEPS,
    )
