"""Check what was entered, hand it in, and wait for the answer."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from kernel import sealing
from kernel.actors import Role
from kernel.web import access
from kernel.web.access import actor
from kernel.web.around import now
from origination import applications, cards, devices
from origination.applications import Incomplete
from origination.records.applications import Application, ApplicationStatus
from origination.records.debtors import Debtor
from origination.web import device_cookie, journey
from origination.web.budget_pages import source_name
from origination.web.card_pages import CardView

blueprint = Blueprint("check", __name__, url_prefix="/apply")

REFRESH_SECONDS: Final = 5
REFRESHES_MAX: Final = 24
"""Two minutes; after that the message comes, and the page may be opened again."""


@blueprint.get("/check")
@access.allow(Role.DEBTOR)
@journey.seen(ApplicationStatus.BUDGET_ENTERED)
def answers(session: Session, application: Application) -> ResponseReturnValue:
    """Show everything that was entered, each with the way to change it."""
    debtor = session.get_one(Debtor, application.debtor_id)
    name = sealing.reveal(
        session, debtor.name, subject=debtor.id, purpose="check the answers", by=actor(), at=now()
    )
    assert application.income_source is not None, "a budget was entered"
    return render_template(
        "origination/check.html",
        name=name.masked,
        cards=[CardView.of(card) for card in cards.listed(session, application)],
        source=source_name(application.income_source),
        application=application,
        steps=journey.STEPS,
    )


@blueprint.post("/check")
@access.allow(Role.DEBTOR)
@journey.acted(ApplicationStatus.BUDGET_ENTERED)
def submit(session: Session, application: Application) -> ResponseReturnValue:
    """Hand the application in; what is missing is asked for next."""
    try:
        applications.submit(session, application, by=actor(), at=now())
    except Incomplete:
        return journey.onward()
    number = device_cookie.current()
    if number is not None:
        devices.note(session, application, number, at=now())
    return journey.to("debtor.check.waiting")


@blueprint.get("/waiting")
@access.allow(Role.DEBTOR)
@journey.seen(ApplicationStatus.SUBMITTED, ApplicationStatus.ASSESSING)
def waiting(_: Session, application: Application) -> ResponseReturnValue:
    """Wait for the answer; the page asks again by itself for two minutes, unless told not to.

    Whoever was told that a person looks at it is told so as long as that is true, though his
    sources are being asked anew.
    """
    if application.assessment_id is not None and application.reviewed_at is None:
        return render_template("origination/in_review.html")
    asked = request.args.get("n", "0")
    times = int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= 3 else 0
    goes_on = "still" not in request.args and times < REFRESHES_MAX and not application.parked
    response = make_response(
        render_template(
            "origination/waiting.html",
            goes_on=goes_on,
            seconds=REFRESH_SECONDS,
            is_late=application.failures > 0,
        )
    )
    if goes_on:
        # A header, not a tag: it is one thing of this response, and the page offers to stop it.
        following = url_for("debtor.check.waiting", n=times + 1)
        response.headers["Refresh"] = f"{REFRESH_SECONDS}; url={following}"
    return response
