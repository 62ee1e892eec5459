"""The contract: read as text, signed by a code of its own, kept as a PDF."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from flask import Blueprint, Response, after_this_request, make_response, render_template
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from sqlalchemy.orm import Session

from kernel.actors import Role
from kernel.db import transaction
from kernel.refusals import Refused
from kernel.web import access, forms, idempotency
from kernel.web.access import actor
from kernel.web.around import client_ip, now, surroundings
from kernel.web.forms import Filled
from origination import codes, contract_drafts, contract_paper, contracts, front_jobs, offers
from origination.codes import CodeAnswer
from origination.records.applications import Application, ApplicationStatus
from origination.records.codes import NetworkAddress
from origination.records.contracts import Contract
from origination.records.offers import Offer, OfferStatus
from origination.web import journey, offer_view
from origination.web.offer_pages import OPEN

blueprint = Blueprint("contract", __name__)

WORDS: Final = {"code": ("请输入短信中的6位数字", "Enter the 6 digits from the message")}
SIGNED: Final = (
    ApplicationStatus.SIGNED,
    ApplicationStatus.PAYING,
    ApplicationStatus.ACTIVE,
    ApplicationStatus.FAILED,
    ApplicationStatus.REQUOTE,
)


class CodeForm(Schema):
    """The code that signs."""

    code = fields.String(required=True)


@blueprint.get("/contract")
@access.allow(Role.DEBTOR)
@journey.seen(*OPEN)
def read(session: Session, application: Application) -> ResponseReturnValue:
    """Show the contract that is to be signed, whole."""
    offer = offers.current(session, application)
    if offer.read_from_at is None:
        return journey.to("debtor.offer.show")
    return _contract_page(session, application, offer, Filled())


@blueprint.get("/contract/signed")
@access.allow(Role.DEBTOR)
@journey.seen(*SIGNED)
def read_again(session: Session, application: Application) -> ResponseReturnValue:
    """Show the contract that was signed last."""
    contract = contracts.latest(session, application)
    offer = session.get_one(Offer, contract.offer_id)
    return _contract_page(session, application, offer, Filled(), signed=contract)


@blueprint.get("/contract.pdf")
@access.allow(Role.DEBTOR)
@journey.seen(*SIGNED)
def pdf(session: Session, application: Application) -> ResponseReturnValue:
    """Give the signed contract as it was signed, to the byte."""
    contract = contracts.latest(session, application)
    content = contracts.pdf(session, contract, by=actor(), at=now())
    response = Response(content, mimetype="application/pdf")
    response.headers["Content-Disposition"] = 'inline; filename="contract.pdf"'
    return response


@blueprint.get("/contract/code")
@access.allow(Role.DEBTOR)
def to_the_code() -> ResponseReturnValue:
    """Lead back to the page of the code, as after a change of language."""
    return journey.to("debtor.contract.ask_code")


@blueprint.post("/contract/code")
@access.allow(Role.DEBTOR)
@journey.acted(*OPEN)
def send_code(session: Session, application: Application) -> ResponseReturnValue:
    """Send the code that signs this very offer."""
    try:
        contracts.send_code(
            session, application, address=NetworkAddress(client_ip()), by=actor(), at=now()
        )
    except codes.TooManyCodes as refused:
        filled = Filled().with_fault("code", refused.title_zh, refused.title)
        return _code_page(filled), refused.status
    after_this_request(_send_at_once)
    return journey.to("debtor.contract.ask_code")


@blueprint.get("/contract/sign")
@access.allow(Role.DEBTOR)
@journey.seen(*OPEN)
def ask_code(_: Session, __: Application) -> ResponseReturnValue:
    """Ask for the code."""
    return _code_page(Filled())


@blueprint.post("/contract/sign")
@access.allow(Role.DEBTOR)
@idempotency.repeatable("the contract is signed once; a wrong code must cost its try")
def sign() -> ResponseReturnValue:
    """Sign with the code; whatever comes of the code is kept, and the contract with it."""
    filled = forms.read(CodeForm(), WORDS, secret=frozenset({"code"}))
    if not filled.is_good:
        return _code_page(filled), HTTPStatus.UNPROCESSABLE_ENTITY
    turn = idempotency.form_turn()
    try:
        with transaction() as session:
            again = idempotency.earlier(session, turn)
            application = journey.mine(session)
            if again is not None or application.status not in OPEN:
                return again or journey.onward()
            answer = _try_and_sign(session, application, filled.values["code"])
            if answer is CodeAnswer.ACCEPTED:
                return idempotency.keep(session, turn, _done(), at=now())
        codes.require(answer)
    except contracts.NotReadYet as refused:
        return _code_page(filled.with_fault("code", *_still(refused.seconds_left))), refused.status
    except _TOLD_AT_THE_FIELD as refused:
        return _code_page(
            filled.with_fault("code", refused.title_zh, refused.title)
        ), refused.status
    raise AssertionError("a code is accepted or refused")


_TOLD_AT_THE_FIELD: tuple[type[Refused], ...] = (
    codes.CodeMalformed,
    codes.CodeWrong,
    codes.CodeDead,
    contracts.GlyphMissing,
    offers.OfferExpired,
)


def _try_and_sign(session: Session, application: Application, code: str) -> CodeAnswer:
    answer = contracts.check_code(session, application, code, by=actor(), at=now())
    if answer is CodeAnswer.ACCEPTED:
        contracts.sign(session, application, evidence=journey.evidence(), by=actor(), at=now())
    return answer


def _done() -> Response:
    return make_response(journey.to("debtor.progress.show"))


def _send_at_once(response: Response) -> Response:
    """Send the message now that what the page did is committed."""
    front_jobs.send_at_once(surroundings())
    return response


def _still(seconds: int) -> tuple[str, str]:
    return (
        f"请先阅读方案和合同，大约还需要 {seconds} 秒，然后再签署",
        f"Please read the offer and the contract first, for about {seconds} more seconds",
    )


def _code_page(filled: Filled) -> str:
    return render_template(
        "origination/sign.html",
        form=filled,
        minutes=int(codes.LIFETIME.total_seconds() // 60),
        seconds=int(codes.RESEND_GAP.total_seconds()),
    )


def _contract_page(
    session: Session,
    application: Application,
    offer: Offer,
    filled: Filled,
    *,
    signed: Contract | None = None,
) -> str:
    paper = contract_drafts.of(
        session,
        application,
        offer,
        signed_at=signed.signed_at if signed is not None else None,
        by=actor(),
        at=now(),
    )
    locale = journey.spoken()
    return render_template(
        "origination/contract.html",
        form=filled,
        title=paper.text.label("title", locale),
        prevails=paper.text.label("prevails", locale),
        number=paper.number,
        clauses=contract_paper.clauses(paper, locale),
        offer=offer_view.of(paper.disclosure),
        signed=signed,
        is_open=offer.status is OfferStatus.OPEN,
        valid_until=offer.valid_until,
    )
