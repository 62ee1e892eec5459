"""The way in: the plain page at the address, the invitation, help and complaints."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from kernel.actors import Actor, Role
from kernel.db import transaction
from kernel.web import access
from kernel.web.around import now
from origination import invitations
from origination.invitations import DeclineReason
from origination.records.agencies import Agency
from origination.web import journey, pending

blueprint = Blueprint("entrance", __name__)

LINK = "the link in the message is the key, and it shows nobody's data"
OPEN = "the page tells what this is, to everybody"


@blueprint.get("/")
@access.public(OPEN)
def home() -> ResponseReturnValue:
    """Tell what this is and how to begin."""
    return render_template("origination/home.html")


@blueprint.get("/help")
@access.public(OPEN)
def help_and_complaints() -> ResponseReturnValue:
    """Tell where to ask and where to complain."""
    return render_template("origination/help.html")


@blueprint.get("/i/<token>")
@access.public(LINK)
def invitation(token: str) -> ResponseReturnValue:
    """Show who referred the debtor and who would lend."""
    with transaction() as session:
        referral = invitations.open_link(session, token, at=now())
        agency = session.get_one(Agency, referral.agency_id)
        return render_template(
            "origination/invitation.html",
            agency=agency.name,
            addressed_to=referral.masked_name,
            lapses_at=referral.lapses_at,
        )


@blueprint.post("/i/<token>")
@access.public(LINK)
def answer(token: str) -> ResponseReturnValue:
    """Take up the invitation, or take the person's no."""
    reasons = {reason.value: reason for reason in DeclineReason}
    reason = reasons.get(request.form.get("answer", ""))
    with transaction() as session:
        referral = invitations.open_link(session, token, at=now())
        if reason is None:
            pending.come_by(referral.id)
            return journey.to("debtor.sign_in.ask_mobile")
        by = Actor(Role.DEBTOR, str(referral.id))
        invitations.decline(session, referral, reason=reason, by=by, at=now())
    return journey.to("debtor.entrance.declined")


@blueprint.get("/declined")
@access.public(OPEN)
def declined() -> ResponseReturnValue:
    """Confirm that nobody will be written to about this again."""
    return render_template("origination/declined.html")
