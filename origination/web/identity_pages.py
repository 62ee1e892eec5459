"""Proving who the debtor is: name and ID number, checked with the mobile he signed in by."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from flask import Blueprint, make_response, render_template
from flask.typing import ResponseReturnValue
from marshmallow import Schema
from sqlalchemy.orm import Session

from kernel import sealing
from kernel.actors import Role
from kernel.db import transaction
from kernel.personal import NationalId, PersonName
from kernel.refusals import Refused
from kernel.web import access, debtor_session, forms, idempotency
from kernel.web.access import actor
from kernel.web.around import now, surroundings
from kernel.web.fields import PersonalField
from kernel.web.forms import Filled
from origination import applicants, applications, debtors, identification
from origination.debtors import Entered, IdentityFaulty
from origination.records.applications import Application, ApplicationStatus
from origination.records.referrals import Referral
from origination.web import journey

blueprint = Blueprint("identity", __name__, url_prefix="/apply")

WORDS = {
    "name": ("请填写您身份证上的姓名", "Enter your name as on your ID card"),
    "national_id": (
        "请核对身份证号：18位，最后一位可以是X",
        "Check your ID number: 18 places, the last may be X",
    ),
}
NOT_INVITED = (
    "邀请的不是这个姓名。请填写您本人的姓名；若邀请的不是您，请关闭本页",
    "The invitation is for another name. Enter your own; if it is not for you, close this page",
)


class IdentityForm(Schema):
    """Who the debtor says he is."""

    name = PersonalField(PersonName, required=True)
    national_id = PersonalField(NationalId, required=True)


@blueprint.get("/identity")
@access.allow(Role.DEBTOR)
@journey.seen(ApplicationStatus.STARTED)
def ask(session: Session, application: Application) -> ResponseReturnValue:
    """Ask for name and ID number, once the check was agreed to."""
    if journey.next_consent(session, application) is not None:
        return journey.onward()
    return _page(Filled())


@blueprint.post("/identity")
@access.allow(Role.DEBTOR)
@idempotency.repeatable("the partner is asked outside the transaction; the answer is kept once")
def prove() -> ResponseReturnValue:
    """Ask the identity partner, with nothing open, and tie the application to the debtor."""
    filled = forms.read(IdentityForm(), WORDS)
    turn = idempotency.form_turn()
    with transaction() as session:
        again = idempotency.earlier(session, turn)
        application = journey.mine(session)
        if again is not None or application.status is not ApplicationStatus.STARTED:
            return again or journey.onward()
        if journey.next_consent(session, application) is not None:
            return journey.onward()
        entered = _entered(session, application, filled) if filled.is_good else None
    if entered is None:
        return _page(filled), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        return _prove(application.id, application.referral_id, entered, turn)
    except IdentityFaulty:
        return _page(filled.with_fault("name", *NOT_INVITED)), HTTPStatus.UNPROCESSABLE_ENTITY
    except _TOLD_ON_THE_PAGE as refused:
        again_filled = filled.with_fault("name", refused.title_zh, refused.title)
        return _page(again_filled), refused.status


_TOLD_ON_THE_PAGE: tuple[type[Refused], ...] = (
    debtors.IdentityNotConfirmed,
    debtors.TooManyIdentityTries,
    identification.IdentityCheckSilent,
    applications.OtherPerson,
    applications.AlreadyApplying,
)


def _prove(
    application_id: UUID, referral_id: UUID, entered: Entered, turn: idempotency.Turn
) -> ResponseReturnValue:
    debtor = identification.identify(surroundings(), referral_id, entered)
    with transaction() as session:
        again = idempotency.earlier(session, turn)
        application = applicants.get(session, application_id)
        applications.identify(session, application, debtor, by=actor(), at=now())
        debtor_session.identify(debtor.id)
        if again is not None:
            return again
        return idempotency.keep(session, turn, make_response(journey.onward()), at=now())


def _entered(session: Session, application: Application, filled: Filled) -> Entered:
    """Put together what is to be checked; the mobile is the one he signed in by."""
    referral = session.get_one(Referral, application.referral_id)
    mobile = sealing.reveal(
        session,
        referral.mobile,
        subject=referral.id,
        purpose="check the identity",
        by=actor(),
        at=now(),
    )
    return Entered(
        name=filled.values["name"].plain,
        national_id=filled.values["national_id"].plain,
        mobile=mobile.plain,
    )


def _page(filled: Filled) -> str:
    return render_template("origination/identity.html", form=filled, steps=journey.STEPS)
