"""Consents: one page for each, yes and no side by side, and a page to take them back."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from kernel.actors import Role
from kernel.clock import business_day
from kernel.web import access
from kernel.web.access import actor
from kernel.web.around import now
from kernel.web.forms import Filled
from origination import consents
from origination.consents import ConsentTextChanged
from origination.records.applications import FILLING_IN, Application, ApplicationStatus
from origination.records.consents import REQUIRED, Purpose
from origination.web import journey

blueprint = Blueprint("consents", __name__)

AFTER_IDENTITY: Final = tuple(p for p in Purpose if p is not Purpose.IDENTITY_CHECK)
CHOOSE: Final = ("请选择“同意”或“不同意”", "Choose “I agree” or “I do not agree”")
CHANGED: Final = (
    "授权文本已更新，请重新阅读后选择",
    "The text has changed; please read it again and choose",
)


@blueprint.get("/apply/consents/<slug>")
@access.allow(Role.DEBTOR)
@journey.seen(*FILLING_IN)
def ask(_: Session, application: Application, slug: str) -> ResponseReturnValue:
    """Show one text and ask for a yes or a no."""
    purpose = _purpose(slug)
    if _is_too_early(application, purpose):
        return journey.onward()
    return _page(purpose, Filled())


@blueprint.post("/apply/consents/<slug>")
@access.allow(Role.DEBTOR)
@journey.acted(*FILLING_IN)
def decide(session: Session, application: Application, slug: str) -> ResponseReturnValue:
    """Write a yes down; a no to what is needed leads to what that means."""
    purpose = _purpose(slug)
    if _is_too_early(application, purpose):
        return journey.onward()
    match request.form.get("answer"):
        case "agree":
            return _agree(session, application, purpose)
        case "refuse" if purpose in REQUIRED:
            return journey.to("debtor.consents.refused", slug=slug)
        case "refuse":
            return journey.onward()
        case _:
            filled = Filled().with_fault("agree", *CHOOSE)
            return _page(purpose, filled), HTTPStatus.UNPROCESSABLE_ENTITY


@blueprint.get("/apply/consents/<slug>/refused")
@access.allow(Role.DEBTOR)
@journey.seen(*FILLING_IN)
def refused(_: Session, __: Application, slug: str) -> ResponseReturnValue:
    """Tell what a no means, with the way back and the way out."""
    purpose = _purpose(slug)
    text = consents.text(purpose, on=business_day(now()))
    return render_template(
        "origination/consent_refused.html", title=text.title[journey.spoken()], slug=slug
    )


@blueprint.get("/consents")
@access.allow(Role.DEBTOR)
@journey.seen()
def listed(session: Session, application: Application) -> ResponseReturnValue:
    """List what was agreed to, each to be taken back as easily as it was given."""
    return render_template(
        "origination/my_consents.html",
        rows=[
            (given, consents.text(given.purpose, on=business_day(given.given_at)))
            for given in consents.listed(session, application)
        ],
        locale=journey.spoken(),
        needed=consents.NEEDED_TO_DECIDE,
        is_filling_in=application.status in FILLING_IN,
        is_live=application.is_live,
    )


@blueprint.post("/consents")
@access.allow(Role.DEBTOR)
@journey.acted(*ApplicationStatus)
def take_back(session: Session, application: Application) -> ResponseReturnValue:
    """Take one consent back."""
    purpose = _purpose(request.form.get("purpose", ""))
    if purpose in consents.in_force(session, application):
        consents.withdraw(session, application, purpose, by=actor(), at=now())
    return journey.to("debtor.consents.listed")


def _agree(session: Session, application: Application, purpose: Purpose) -> ResponseReturnValue:
    was = application.status
    try:
        consents.give(
            session,
            application,
            purpose,
            shown_sha256=request.form.get("shown_sha256", ""),
            evidence=journey.evidence(),
            by=actor(),
            at=now(),
        )
    except ConsentTextChanged:
        return _page(purpose, Filled().with_fault("agree", *CHANGED)), HTTPStatus.CONFLICT
    just_complete = application.status is ApplicationStatus.CONSENTED and was is not (
        ApplicationStatus.CONSENTED
    )
    if just_complete:
        return journey.to("debtor.consents.ask", slug=journey.slug(Purpose.MARKETING))
    return journey.onward()


def _page(purpose: Purpose, filled: Filled) -> str:
    locale = journey.spoken()
    text = consents.text(purpose, on=business_day(now()))
    before_identity = purpose is Purpose.IDENTITY_CHECK
    part = 0 if before_identity else AFTER_IDENTITY.index(purpose) + 1
    return render_template(
        "origination/consent.html",
        form=filled,
        title=text.title[locale],
        words=text.words[locale],
        version=text.version,
        source=text.source,
        shown_sha256=text.sha256(locale),
        is_required=text.is_required,
        step=2 if before_identity else 3,
        steps=journey.STEPS,
        part=part,
        parts=len(AFTER_IDENTITY),
        before=journey.slug(AFTER_IDENTITY[part - 2]) if part > 1 else "",
    )


def _is_too_early(application: Application, purpose: Purpose) -> bool:
    is_first = purpose is Purpose.IDENTITY_CHECK
    return application.status is ApplicationStatus.STARTED and not is_first


def _purpose(slug: str) -> Purpose:
    try:
        return Purpose(slug.replace("-", "_"))
    except ValueError:
        abort(HTTPStatus.NOT_FOUND)
