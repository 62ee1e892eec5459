"""Repaying: what a debtor sees of his running loan, and the payments he asks for himself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from disbursement import (
    credit_disputes,
    credit_notices,
    debit_amounts,
    debit_orders,
    loan_views,
    repayment_cards,
    repayment_references,
    settlement_letters,
)
from disbursement.loan_views import LoanView, Preview
from disbursement.records.credit import CreditDispute
from disbursement.records.debits import DebitOrder, DebitPurpose, RepaymentCard
from disbursement.records.letters import LoanLetter
from disbursement.records.loans import LoanStatus
from disbursement.schedule.events import Strategy
from disbursement.settlement_letters import NoSuchLetter
from kernel.actors import Actor
from kernel.clock import business_day
from kernel.money import Money
from kernel.refusals import Refused
from origination import applicants, minimal_data
from origination.records.applications import Application

PREPAYING: Final[Mapping[Strategy, DebitPurpose]] = {
    Strategy.SHORTEN: DebitPurpose.PREPAY_SHORTEN,
    Strategy.LOWER: DebitPurpose.PREPAY_LOWER,
}


class ObjectionHoldsNumbers(Refused):
    """The words hold a number of a card, a mobile or an ID card, which must not stand there."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "objection_holds_numbers"
    title = "Leave out card, mobile and ID numbers; we know them"
    title_zh = "请不要填写卡号、手机号或身份证号，我们已有记录"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaying:
    """A running loan as its debtor sees it."""

    view: LoanView
    reference: str
    """What he writes on a bank transfer."""
    payable: Money
    """What the card would be debited by for what is due, today's instalment with it."""
    card: RepaymentCard | None
    """None when none is named, or the bank refused it for good."""
    undecided: DebitOrder | None
    """A collection of which nobody knows yet what became of it."""
    letter: LoanLetter | None
    told_on: date | None
    """When the debtor was told of the present arrears."""
    dispute: CreditDispute | None

    @property
    def is_settled(self) -> bool:
        """Whether nothing is owed."""
        return self.view.loan.status is LoanStatus.SETTLED

    @property
    def is_collectable(self) -> bool:
        """Whether the card may be debited for it: a loan given up is repaid by transfer alone."""
        return self.view.loan.status is LoanStatus.ACTIVE


def of(session: Session, application: Application, *, at: datetime) -> Repaying | None:
    """Tell how an application's loan stands; None before it began."""
    on = business_day(at)
    if application.loan_id is None:
        return None
    view = loan_views.of(session, application.loan_id, on=on)
    if view is None:
        return None
    loan, since = view.loan, view.owing.overdue_since
    card = repayment_cards.in_use(session, loan.debtor_ref)
    orders = debit_orders.of_loan(session, loan.id)
    return Repaying(
        view=view,
        reference=repayment_references.of(session, loan.id, at=at),
        payable=debit_amounts.due(session, loan.id, on=on),
        card=card if card is not None and card.refused_code is None else None,
        undecided=next((one for one in orders if one.status in debit_orders.UNDECIDED), None),
        letter=_letter(session, loan.id),
        told_on=None
        if since is None
        else credit_notices.told_on(session, loan.id, overdue_since=since),
        dispute=credit_disputes.of_loan(session, loan.id),
    )


def preview(
    session: Session, application: Application, *, amount: Money, strategy: Strategy, on: date
) -> Preview:
    """Show what a prepayment would make of the plan.

    Raises:
        NotAPrepayment: it is no more than what is due, or as much as pays the loan off.
    """
    return loan_views.preview(
        session, _loan_id(application), amount=amount, strategy=strategy, on=on
    )


def ask(
    session: Session,
    application: Application,
    *,
    purpose: DebitPurpose,
    amount: Money,
    key: UUID,
    by: Actor,
    at: datetime,
) -> DebitOrder:
    """Have an amount collected from the debtor's card as he asks; the same key is one collection.

    Raises:
        OnlyTheDebtor: somebody else asks.
        Refused: for the reasons of `debit_orders.request`.
    """
    applicants.require_debtor(application, by)
    return debit_orders.request(
        session,
        loan_id=_loan_id(application),
        amount=amount,
        purpose=purpose,
        key=key,
        by=by,
        at=at,
    )


def letter(session: Session, application: Application, *, by: Actor, at: datetime) -> LoanLetter:
    """Issue the letter of settlement to the debtor; once for each settling.

    Raises:
        OnlyTheDebtor: somebody else asks.
        Refused: for the reasons of `settlement_letters.issue`.
    """
    applicants.require_debtor(application, by)
    return settlement_letters.issue(session, _loan_id(application), by=by, at=at)


def letter_pdf(session: Session, application: Application, *, by: Actor, at: datetime) -> bytes:
    """Open the debtor's latest letter of settlement.

    Raises:
        OnlyTheDebtor: somebody else asks.
        NoSuchLetter: none was issued, or it does not stand any more.
    """
    applicants.require_debtor(application, by)
    found = settlement_letters.of_loan(session, _loan_id(application))
    if settlement_letters.standing(session, found) is settlement_letters.Standing.VOID:
        raise NoSuchLetter("the loan was opened again")
    return settlement_letters.pdf(session, found, by=by, at=at)


def object_(
    session: Session, application: Application, *, reason: str, by: Actor, at: datetime
) -> CreditDispute:
    """Write the debtor's objection to what is reported of his loan down.

    Raises:
        OnlyTheDebtor: somebody else objects.
        ObjectionHoldsNumbers: it holds a number of a card, a mobile or an ID card.
        DisputeWordless: no reason is given, or too long a one.
    """
    applicants.require_debtor(application, by)
    if minimal_data.forbidden_kind(reason):
        raise ObjectionHoldsNumbers()
    return credit_disputes.open_(session, _loan_id(application), reason=reason, by=by, at=at)


def _letter(session: Session, loan_id: UUID) -> LoanLetter | None:
    """Give the letter that stands."""
    try:
        found = settlement_letters.of_loan(session, loan_id)
    except NoSuchLetter:
        return None
    stands = settlement_letters.standing(session, found) is settlement_letters.Standing.STANDS
    return found if stands else None


def _loan_id(application: Application) -> UUID:
    assert application.loan_id is not None, "only a running loan is repaid"
    return application.loan_id
