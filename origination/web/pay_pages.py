"""Paying: what is due, a part before its time, or the whole; each confirmed on a page of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from http import HTTPStatus
from typing import Final
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from sqlalchemy.orm import Session

from disbursement import debit_orders, repayment_cards, servicing
from disbursement.loan_views import NotAPrepayment
from disbursement.records.debits import DebitPurpose
from disbursement.schedule.events import NotApplicable, Strategy
from kernel import ids
from kernel.actors import Role
from kernel.clock import business_day
from kernel.money import Money
from kernel.refusals import Refused
from kernel.web import access, forms
from kernel.web.access import actor
from kernel.web.around import now
from kernel.web.fields import TypedMoneyField
from kernel.web.forms import Filled
from kernel.web.idempotency import FORM_FIELD
from origination import repaying
from origination.records.applications import Application
from origination.repaying import Repaying
from origination.web import journey
from origination.web.loan_pages import RUNNING

blueprint = Blueprint("pay", __name__, url_prefix="/loan/pay")

QUOTE_DAYS: Final = 5
"""Days for which the amount that closes the loan is shown, today with them."""
WORDS: Final = {
    "amount": (
        "请填写提前还款金额，例如 2000",
        "Enter the amount to prepay, such as 2000",
    ),
    "strategy": ("请选择提前还款后的方式", "Choose what becomes of the plan"),
}
STRATEGIES: Final = {
    Strategy.SHORTEN: ("缩短期限，月供不变", "Shorter term, same instalment"),
    Strategy.LOWER: ("减少月供，期限不变", "Lower instalments, same term"),
}
_TOLD_AT_THE_FIELD: tuple[type[Refused], ...] = (
    NotAPrepayment,
    debit_orders.NotCollectable,
    debit_orders.DebitUndecided,
    repayment_cards.NoRepaymentCard,
)


class AmountForm(Schema):
    """The amount that was shown and is now confirmed."""

    amount = TypedMoneyField(required=True, at_least=Money(1))


class PartForm(AmountForm):
    """How much to prepay, and what is to become of the plan."""

    strategy = fields.Enum(Strategy, by_value=True, required=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What closes the loan on one day."""

    on: date
    total: Money


@blueprint.get("")
@access.allow(Role.DEBTOR)
@journey.seen(RUNNING)
def choose(session: Session, application: Application) -> ResponseReturnValue:
    """Show the ways to pay, each with its amount."""
    found = _found(session, application)
    if found is None:
        return journey.to("debtor.loan.show")
    return render_template("origination/pay.html", found=found, view=found.view)


@blueprint.get("/due")
@access.allow(Role.DEBTOR)
@journey.seen(RUNNING)
def ask_due(session: Session, application: Application) -> ResponseReturnValue:
    """Show what is due by its parts, to be confirmed."""
    found = _found(session, application)
    if found is None or not found.payable:
        return journey.to("debtor.loan.show")
    return _due_page(found, Filled())


@blueprint.post("/due")
@access.allow(Role.DEBTOR)
@journey.acted(RUNNING)
def pay_due(session: Session, application: Application) -> ResponseReturnValue:
    """Have what is due collected, the amount being the one that was shown."""
    found = _found(session, application)
    if found is None:
        return journey.to("debtor.loan.show")
    filled = forms.read(AmountForm(), {"amount": WORDS["amount"]})
    if not filled.is_good:
        return _due_page(found, filled), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        _ask(session, application, DebitPurpose.INSTALMENT, filled.values["amount"])
    except _TOLD_AT_THE_FIELD as refused:
        return _due_page(found, _at(filled, "amount", refused)), refused.status
    return journey.to("debtor.loan.show")


@blueprint.get("/part")
@access.allow(Role.DEBTOR)
@journey.seen(RUNNING)
def ask_part(session: Session, application: Application) -> ResponseReturnValue:
    """Ask how much to prepay, and what is to become of the plan."""
    found = _found(session, application)
    if found is None or found.view.payoff is None:
        return journey.to("debtor.loan.show")
    return _part_page(found, Filled())


@blueprint.post("/part")
@access.allow(Role.DEBTOR)
@journey.acted(RUNNING)
def preview_part(session: Session, application: Application) -> ResponseReturnValue:
    """Show what the prepayment would make of the plan, to be confirmed; nothing is booked."""
    found = _found(session, application)
    if found is None or found.view.payoff is None:
        return journey.to("debtor.loan.show")
    filled = forms.read(PartForm(), WORDS)
    if not filled.is_good:
        return _part_page(found, filled), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        return _preview_page(session, application, found, filled)
    except NotAPrepayment as refused:
        return _part_page(found, _at(filled, "amount", refused)), refused.status


@blueprint.get("/part/confirm")
@access.allow(Role.DEBTOR)
def back_to_part() -> ResponseReturnValue:
    """Lead back to the question, as after a change of language."""
    return journey.to("debtor.pay.ask_part")


@blueprint.post("/part/confirm")
@access.allow(Role.DEBTOR)
@journey.acted(RUNNING)
def pay_part(session: Session, application: Application) -> ResponseReturnValue:
    """Have the prepayment collected that was shown."""
    found = _found(session, application)
    if found is None or found.view.payoff is None:
        return journey.to("debtor.loan.show")
    filled = forms.read(PartForm(), WORDS)
    if not filled.is_good:
        return _part_page(found, filled), HTTPStatus.UNPROCESSABLE_ENTITY
    purpose = repaying.PREPAYING[filled.values["strategy"]]
    try:
        _ask(session, application, purpose, filled.values["amount"])
    except _TOLD_AT_THE_FIELD as refused:
        return _part_page(found, _at(filled, "amount", refused)), refused.status
    return journey.to("debtor.loan.show")


@blueprint.get("/payoff")
@access.allow(Role.DEBTOR)
@journey.seen(RUNNING)
def ask_payoff(session: Session, application: Application) -> ResponseReturnValue:
    """Show what closes the loan today by its parts, and on the next days."""
    found = _found(session, application)
    if found is None or found.view.payoff is None:
        return journey.to("debtor.loan.show")
    return _payoff_page(session, found, Filled())


@blueprint.post("/payoff")
@access.allow(Role.DEBTOR)
@journey.acted(RUNNING)
def pay_off(session: Session, application: Application) -> ResponseReturnValue:
    """Have the amount collected that closes the loan today."""
    found = _found(session, application)
    if found is None or found.view.payoff is None:
        return journey.to("debtor.loan.show")
    filled = forms.read(AmountForm(), {"amount": WORDS["amount"]})
    if not filled.is_good:
        return _payoff_page(session, found, filled), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        _ask(session, application, DebitPurpose.PAYOFF, filled.values["amount"])
    except _TOLD_AT_THE_FIELD as refused:
        return _payoff_page(session, found, _at(filled, "amount", refused)), refused.status
    return journey.to("debtor.loan.show")


def _found(session: Session, application: Application) -> Repaying | None:
    return repaying.of(session, application, at=now())


def _ask(session: Session, application: Application, purpose: DebitPurpose, amount: Money) -> None:
    repaying.ask(
        session,
        application,
        purpose=purpose,
        amount=amount,
        key=_key(application.id),
        by=actor(),
        at=now(),
    )


def _key(application_id: UUID) -> UUID:
    """Make the collection's key from the form's, so that one form collects once."""
    return ids.derived(application_id, "pay", request.form.get(FORM_FIELD, ""))


def _at(filled: Filled, field: str, refused: Refused) -> Filled:
    return filled.with_fault(field, refused.title_zh, refused.title)


def _due_page(found: Repaying, filled: Filled) -> str:
    return render_template("origination/pay_due.html", form=filled, found=found, view=found.view)


def _part_page(found: Repaying, filled: Filled) -> str:
    return render_template(
        "origination/pay_part.html",
        form=filled,
        found=found,
        view=found.view,
        strategies=STRATEGIES,
    )


def _preview_page(
    session: Session, application: Application, found: Repaying, filled: Filled
) -> str:
    shown = repaying.preview(
        session,
        application,
        amount=filled.values["amount"],
        strategy=filled.values["strategy"],
        on=business_day(now()),
    )
    return render_template(
        "origination/pay_preview.html",
        form=filled,
        found=found,
        shown=shown,
        strategies=STRATEGIES,
    )


def _payoff_page(session: Session, found: Repaying, filled: Filled) -> str:
    return render_template(
        "origination/pay_off.html",
        form=filled,
        found=found,
        view=found.view,
        quote=found.view.payoff,
        next_days=_quotes(session, found),
    )


def _quotes(session: Session, found: Repaying) -> list[Quote]:
    """Quote the days after today, for who would rather wait."""
    quotes = []
    today = business_day(now())
    for days in range(1, QUOTE_DAYS):
        on = today + timedelta(days=days)
        try:
            quoted = servicing.payoff_quote(session, found.view.loan.id, on=on)
        except NotApplicable:
            break
        quotes.append(Quote(on=on, total=quoted.total))
    return quotes
