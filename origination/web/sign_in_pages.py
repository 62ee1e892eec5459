"""Signing in by a one-time code, through an invitation or to come back later."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from flask import Blueprint, make_response, render_template, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields

from kernel.actors import Role
from kernel.db import transaction
from kernel.personal import Mobile
from kernel.refusals import Refused
from kernel.web import access, debtor_session, forms, idempotency
from kernel.web.around import client_ip, now, surroundings
from kernel.web.fields import PersonalField
from kernel.web.forms import Filled
from origination import codes, front_jobs, returning
from origination.codes import CodeAnswer
from origination.records.applications import Application
from origination.records.codes import NetworkAddress
from origination.records.referrals import Referral
from origination.web import journey, pending
from origination.web.pending import Asked

blueprint = Blueprint("sign_in", __name__)

DOOR = "nobody can have signed in before the page for it"
MOBILE_WORDS = {
    "mobile": ("请输入11位手机号，例如 139 0000 0001", "Enter the 11 digits of your mobile number")
}
CODE_WORDS = {"code": ("请输入短信中的6位数字", "Enter the 6 digits from the message")}


class MobileForm(Schema):
    """The mobile a code is to be sent to."""

    mobile = PersonalField(Mobile, required=True)


class CodeForm(Schema):
    """The code that came."""

    code = fields.String(required=True)


@blueprint.get("/enter")
@access.public(DOOR)
def ask_mobile() -> ResponseReturnValue:
    """Ask for the mobile that the invitation came to."""
    return _mobile_page(Filled())


@blueprint.get("/resume")
@access.public(DOOR)
def come_back() -> ResponseReturnValue:
    """Ask for the mobile of somebody who comes back and is not signed in."""
    if debtor_session.current() is not None:
        return journey.onward()
    pending.forget_invitation()
    return _mobile_page(Filled())


@blueprint.post("/enter", endpoint="send_code")
@blueprint.post("/resume", endpoint="send_code_again")
@access.public(DOOR)
def send_code() -> ResponseReturnValue:
    """Send a code; the answer is the same whether the number is known or not."""
    filled = forms.read(MobileForm(), MOBILE_WORDS)
    if not filled.is_good:
        return _mobile_page(filled), HTTPStatus.UNPROCESSABLE_ENTITY
    mobile: Mobile = filled.values["mobile"]
    refused = _send(mobile, referral_id=pending.invited())
    if refused is not None and not _was_asked_for(mobile):
        again = filled.with_fault("mobile", refused.title_zh, refused.title)
        return _mobile_page(again), refused.status
    return journey.to("debtor.sign_in.ask_code")


@blueprint.get("/code")
@access.public(DOOR)
def ask_code() -> ResponseReturnValue:
    """Ask for the code."""
    asked = pending.asked()
    if asked is None:
        return journey.to("debtor.sign_in.come_back")
    return _code_page(asked, Filled())


@blueprint.get("/code/again")
@access.public(DOOR)
def to_the_code() -> ResponseReturnValue:
    """Lead back to the page of the code, as after a change of language."""
    return journey.to("debtor.sign_in.ask_code")


@blueprint.post("/code/again")
@access.public(DOOR)
def resend() -> ResponseReturnValue:
    """Send another code to the same number."""
    asked = pending.asked()
    if asked is None:
        return journey.to("debtor.sign_in.come_back")
    with transaction() as session:
        mobile = pending.mobile(session, asked)
    refused = _send(mobile, referral_id=asked.referral_id)
    if refused is not None:
        filled = Filled().with_fault("code", refused.title_zh, refused.title)
        return _code_page(asked, filled), refused.status
    return journey.to("debtor.sign_in.ask_code")


@blueprint.post("/code")
@access.public(DOOR)
@idempotency.repeatable("a code is used up once; the same form is let in again")
def enter_code() -> ResponseReturnValue:
    """Begin the debtor's session when the code is right."""
    asked = pending.asked()
    if asked is None:
        return journey.to("debtor.sign_in.come_back")
    filled = forms.read(CodeForm(), CODE_WORDS, secret=frozenset({"code"}))
    if not filled.is_good:
        return _code_page(asked, filled), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        codes.require(_tried(asked, filled.values["code"]))
    except (codes.CodeMalformed, codes.CodeWrong, codes.CodeDead) as refused:
        again = filled.with_fault("code", refused.title_zh, refused.title)
        return _code_page(asked, again), refused.status
    application = _let_in(asked)
    debtor_session.begin(referral_id=application.referral_id, debtor_id=application.debtor_id)
    pending.forget()
    return journey.onward()


@blueprint.post("/leave")
@access.allow(Role.DEBTOR)
@idempotency.repeatable("leaving twice is leaving once")
def leave() -> ResponseReturnValue:
    """End the session in this browser; what was entered stays."""
    debtor_session.end()
    return journey.to("debtor.entrance.home")


def _tried(asked: Asked, entered: str) -> CodeAnswer:
    """Try the code once per form: a double click uses up one code and is let in both times."""
    turn = idempotency.form_turn()
    with transaction() as session:
        if idempotency.earlier(session, turn) is not None:
            return CodeAnswer.ACCEPTED
        mobile = pending.mobile(session, asked)
        answer = codes.check(session, mobile, entered, use=codes.SIGN_IN, at=now())
        if answer is CodeAnswer.ACCEPTED:
            idempotency.keep(session, turn, make_response(journey.onward()), at=now())
        return answer


def _let_in(asked: Asked) -> Application:
    with transaction() as session:
        invited = None
        if asked.referral_id is not None:
            invited = session.get_one(Referral, asked.referral_id)
        mobile = pending.mobile(session, asked)
        return returning.let_in(session, mobile, invited, locale=journey.spoken(), at=now())


def _send(mobile: Mobile, *, referral_id: UUID | None) -> Refused | None:
    try:
        with transaction() as session:
            codes.send(
                session,
                mobile,
                codes.SIGN_IN,
                address=NetworkAddress(client_ip()),
                locale=journey.spoken(),
                at=now(),
            )
    except codes.TooManyCodes as refused:
        return refused
    pending.ask(mobile, referral_id=referral_id)
    front_jobs.send_at_once(surroundings())
    return None


def _was_asked_for(mobile: Mobile) -> bool:
    """Tell whether this browser asked for a code to this mobile just now, as by a double click."""
    asked = pending.asked()
    if asked is None or asked.referral_id != pending.invited():
        return False
    with transaction() as session:
        return (
            pending.mobile(session, asked) == mobile and now() - asked.asked_at < codes.RESEND_GAP
        )


def _has_expired() -> bool:
    """Tell whether this browser had a debtor's session that idled away or grew too old."""
    had_one = any(name.endswith("debtor") for name in request.cookies)
    return had_one and debtor_session.current() is None


def _mobile_page(filled: Filled) -> str:
    return render_template(
        "origination/mobile.html",
        form=filled,
        is_invited=pending.invited() is not None,
        has_expired=_has_expired(),
    )


def _code_page(asked: Asked, filled: Filled) -> str:
    with transaction() as session:
        masked = pending.mobile(session, asked).masked
    return render_template(
        "origination/code.html",
        form=filled,
        masked=masked,
        resend_at=asked.asked_at + codes.RESEND_GAP,
        minutes=int(codes.LIFETIME.total_seconds() // 60),
        seconds=int(codes.RESEND_GAP.total_seconds()),
    )
