"""The debtor's running loan: what is owed, the plan, what was paid, and the paper at its end."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from marshmallow.validate import Length
from sqlalchemy.orm import Session

from disbursement import credit_disputes
from disbursement.loan_views import EventRow
from disbursement.records.debits import DebitPurpose
from disbursement.records.life import EventKind
from kernel import law
from kernel.actors import Role
from kernel.clock import business_day
from kernel.web import access, forms
from kernel.web.access import actor
from kernel.web.around import now
from kernel.web.forms import Filled
from origination import repaying
from origination.records.applications import Application, ApplicationStatus
from origination.web import journey

blueprint = Blueprint("loan", __name__, url_prefix="/loan")

RUNNING: Final = ApplicationStatus.ACTIVE
PAYMENTS: Final = frozenset(
    {EventKind.REPAID, EventKind.PREPAID, EventKind.PAID_OFF, EventKind.RECOVERED}
)
PAYMENT_WORDS: Final = {
    EventKind.REPAID: ("还款", "Payment"),
    EventKind.RECOVERED: ("还款", "Payment"),
    EventKind.PREPAID: ("提前还款", "Prepayment"),
    EventKind.PAID_OFF: ("结清", "Payoff"),
}
PURPOSES: Final = {
    DebitPurpose.INSTALMENT: ("应还金额", "what is due"),
    DebitPurpose.PREPAY_SHORTEN: ("提前还款（缩短期限）", "a prepayment (shorter term)"),
    DebitPurpose.PREPAY_LOWER: ("提前还款（减少月供）", "a prepayment (lower instalments)"),
    DebitPurpose.PAYOFF: ("结清贷款", "the payoff"),
}
WORDS: Final = {
    "reason": ("请写明哪里不对，1至500字", "Say what is not right, in 1 to 500 characters")
}


class ObjectionForm(Schema):
    """What is not right."""

    reason = fields.String(required=True, validate=Length(1, 2_000))


@blueprint.get("")
@access.allow(Role.DEBTOR)
@journey.seen(RUNNING)
def show(session: Session, application: Application) -> ResponseReturnValue:
    """Show what is owed, the plan with what was paid of it, and every payment."""
    found = repaying.of(session, application, at=now())
    if found is None:
        return journey.to("debtor.progress.show")
    rule = law.rule("credit_reporting", on=business_day(now())).values
    return render_template(
        "origination/loan.html",
        found=found,
        view=found.view,
        owing=found.view.owing,
        payments=_payments(found.view.events),
        payment_words=PAYMENT_WORDS,
        purposes=PURPOSES,
        grace_days=found.view.loan.penalty_grace_days,
        notice_days=rule["notice_days"],
        today=business_day(now()),
    )


@blueprint.post("/letter")
@access.allow(Role.DEBTOR)
@journey.acted(RUNNING)
def issue_letter(session: Session, application: Application) -> ResponseReturnValue:
    """Issue the letter of settlement."""
    repaying.letter(session, application, by=actor(), at=now())
    return journey.to("debtor.loan.show")


@blueprint.get("/letter.pdf")
@access.allow(Role.DEBTOR)
@journey.seen(RUNNING)
def letter(session: Session, application: Application) -> ResponseReturnValue:
    """Give the letter of settlement as it was issued, to the byte."""
    content = repaying.letter_pdf(session, application, by=actor(), at=now())
    response = Response(content, mimetype="application/pdf")
    response.headers["Content-Disposition"] = 'inline; filename="settlement.pdf"'
    return response


@blueprint.get("/objection")
@access.allow(Role.DEBTOR)
@journey.seen(RUNNING)
def ask_objection(_: Session, __: Application) -> ResponseReturnValue:
    """Ask what is not right."""
    return _objection_page(Filled())


@blueprint.post("/objection")
@access.allow(Role.DEBTOR)
@journey.acted(RUNNING)
def make_objection(session: Session, application: Application) -> ResponseReturnValue:
    """Write an objection down; from now on the loan is reported as disputed."""
    filled = forms.read(ObjectionForm(), WORDS)
    if not filled.is_good:
        return _objection_page(filled), 422
    try:
        repaying.object_(session, application, reason=filled.values["reason"], by=actor(), at=now())
    except (credit_disputes.DisputeWordless, repaying.ObjectionHoldsNumbers) as refused:
        again = filled.with_fault("reason", refused.title_zh, refused.title)
        return _objection_page(again), refused.status
    return journey.to("debtor.loan.show")


def _payments(events: tuple[EventRow, ...]) -> list[EventRow]:
    """List the payments, the latest first."""
    return [event for event in reversed(events) if event.kind in PAYMENTS]


def _objection_page(filled: Filled) -> str:
    days = law.rule("credit_reporting", on=business_day(now())).values["answer_days"]
    return render_template("origination/objection.html", form=filled, days=days)
