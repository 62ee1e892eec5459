"""What came of it: declined with reasons, before a person, withdrawn or expired."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from kernel import moves
from kernel.actors import Role
from kernel.web import access
from kernel.web.access import actor
from kernel.web.around import now, say
from origination import applications, closing
from origination.applications import REVIEW_DAYS
from origination.records.applications import APPLICATION_MOVES, Application, ApplicationStatus
from origination.records.referrals import Referral
from origination.web import journey
from underwriting import assessments, reasons

blueprint = Blueprint("result", __name__)

WITHDRAWABLE = tuple(
    status
    for status in ApplicationStatus
    if APPLICATION_MOVES.allows(status, ApplicationStatus.WITHDRAWN)
)


@blueprint.get("/apply/result")
@access.allow(Role.DEBTOR)
@journey.seen(ApplicationStatus.DECLINED, ApplicationStatus.REVIEW)
def show(session: Session, application: Application) -> ResponseReturnValue:
    """Tell the decision in plain words, what can be done, and how a person looks at it."""
    if application.status is ApplicationStatus.REVIEW:
        return render_template("origination/in_review.html")
    decided_at = moves.history(session, application, table=APPLICATION_MOVES)[-1].at
    until = decided_at + timedelta(days=REVIEW_DAYS)
    return render_template(
        "origination/declined_result.html",
        reasons=_reasons(session, application),
        may_ask=application.reviewed_at is None and now() < until,
        was_reviewed=application.reviewed_at is not None,
        until=until,
        pause=applications.DECLINE_PAUSE_DAYS,
    )


@blueprint.post("/apply/review")
@access.allow(Role.DEBTOR)
@journey.acted(ApplicationStatus.DECLINED)
def ask_for_review(session: Session, application: Application) -> ResponseReturnValue:
    """Put the application before a person."""
    applications.request_review(session, application, by=actor(), at=now())
    return journey.onward()


@blueprint.get("/ended")
@access.allow(Role.DEBTOR)
@journey.seen(ApplicationStatus.WITHDRAWN, ApplicationStatus.EXPIRED)
def ended(_: Session, application: Application) -> ResponseReturnValue:
    """Confirm that the application is over and cost nothing."""
    return render_template(
        "origination/ended.html",
        is_withdrawn=application.status is ApplicationStatus.WITHDRAWN,
    )


@blueprint.post("/apply/again")
@access.allow(Role.DEBTOR)
@journey.acted(
    ApplicationStatus.WITHDRAWN,
    ApplicationStatus.EXPIRED,
    ApplicationStatus.FAILED,
    ApplicationStatus.DECLINED,
)
def begin_again(session: Session, application: Application) -> ResponseReturnValue:
    """Begin a new application through the same invitation."""
    referral = session.get_one(Referral, application.referral_id)
    applications.start(session, referral, locale=journey.spoken(), by=actor(), at=now())
    return journey.onward()


@blueprint.get("/withdraw")
@access.allow(Role.DEBTOR)
@journey.seen(*WITHDRAWABLE)
def confirm_withdrawal(_: Session, application: Application) -> ResponseReturnValue:
    """Ask once whether the application shall end."""
    return render_template("origination/withdraw.html", is_signed=application.loan_id is not None)


@blueprint.post("/withdraw")
@access.allow(Role.DEBTOR)
@journey.acted(*WITHDRAWABLE)
def withdraw(session: Session, application: Application) -> ResponseReturnValue:
    """Withdraw for nothing, as long as no money is on its way."""
    closing.withdraw(session, application, reason="withdrawn on the page", by=actor(), at=now())
    return journey.onward()


def _reasons(session: Session, application: Application) -> list[str]:
    if application.assessment_id is None:
        return []
    decision = assessments.decision_of(assessments.get(session, application.assessment_id))
    return [
        say(reasons.BOOK[r].zh, reasons.BOOK[r].en) for r in reasons.first_few(decision.reasons)
    ]
