"""How far it is: signed, paying, posted, and the dates of repayment."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from kernel.actors import Role
from kernel.clock import business_day
from kernel.web import access
from kernel.web.around import now
from origination import contracts, progress
from origination.progress import CardState
from origination.records.applications import Application, ApplicationStatus
from origination.web import journey
from origination.web.card_pages import bank_name

blueprint = Blueprint("progress", __name__)

STATES = {
    CardState.WAITING: ("待付款", "Waiting to be paid", ""),
    CardState.ASKED: ("等您确认", "Waiting for your answer", "warning"),
    CardState.ON_ITS_WAY: ("付款中", "Payment under way", "warning"),
    CardState.PAID: ("已付款，待发卡行确认", "Paid, issuer to confirm", "good"),
    CardState.CLEARED: ("发卡行已入账，欠款已结清", "Posted by the issuer, debt cleared", "good"),
    CardState.LEFT_OUT: ("未付款", "Left out", ""),
    CardState.FAILED: ("付款未成功", "Payment did not succeed", "bad"),
    CardState.RETURNED: ("款项被退回，欠款未结清", "Payment came back, debt not cleared", "bad"),
}


@blueprint.get("/my")
@access.allow(Role.DEBTOR)
@journey.seen()
def go_on(session: Session, application: Application) -> ResponseReturnValue:
    """Send the debtor to the first step he has not finished."""
    return redirect(journey.first_unfinished(session, application))


@blueprint.get("/progress")
@access.allow(Role.DEBTOR)
@journey.seen(
    ApplicationStatus.SIGNED,
    ApplicationStatus.PAYING,
    ApplicationStatus.ACTIVE,
    ApplicationStatus.FAILED,
    ApplicationStatus.REQUOTE,
)
def show(session: Session, application: Application) -> ResponseReturnValue:
    """Show each card with its state, and the plan once the loan runs."""
    found = progress.of(session, application)
    assert found is not None, "a signed application has a loan"
    cleared = all(card.state is CardState.CLEARED for card in found.cards)
    return render_template(
        "origination/progress.html",
        status=application.status.value,
        stage=_stage(application.status, is_cleared=cleared),
        contract=contracts.latest(session, application),
        progress=found,
        next_due=next((due for due in found.due if due.due_on >= business_day(now())), None),
        states=STATES,
        bank_name=bank_name,
        may_withdraw=application.status is ApplicationStatus.SIGNED,
    )


def _stage(status: ApplicationStatus, *, is_cleared: bool) -> int:
    """Tell how many of the stages are behind: signed, paying, posted, repaying."""
    if status is ApplicationStatus.ACTIVE:
        return 4 if is_cleared else 3
    return 1 if status is ApplicationStatus.SIGNED else 2
