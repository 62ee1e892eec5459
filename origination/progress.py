"""What is shown of an application: frozen values in the debtor's language, with nothing personal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import issuing_banks, legs, loans
from disbursement.records.loans import LoanStatus
from disbursement.records.payouts import LegStatus, PayoutLeg
from kernel import moves
from kernel.clock import business_day
from kernel.money import Money
from origination import applications, cards, consents, offers
from origination.records.applications import (
    APPLICATION_MOVES,
    CLOSED,
    FILLING_IN,
    Application,
    ApplicationCard,
    ApplicationStatus,
)
from origination.records.consents import Purpose
from origination.records.contracts import Contract
from origination.records.offers import Offer, OfferStatus
from origination.records.referrals import Locale
from underwriting import assessments, reasons


class Task(StrEnum):
    """The one thing the debtor may do next."""

    PROVE_IDENTITY = "prove_identity"
    DECIDE_ON_CONSENTS = "decide_on_consents"
    ENTER_CARDS = "enter_cards"
    ENTER_BUDGET = "enter_budget"
    CHECK_AND_SUBMIT = "check_and_submit"
    WAIT = "wait"
    READ_OFFER = "read_offer"
    ANSWER_REQUOTE = "answer_requote"
    NOTHING = "nothing"


class Payment(StrEnum):
    """How far the payment to one card is, as a debtor sees it."""

    WAITING = "waiting"
    UNDER_WAY = "under_way"
    ASKED_AGAIN = "asked_again"
    PAID = "paid"
    CLEARED = "cleared"
    """The issuer said that the card is clear."""
    RETURNED = "returned"
    NOT_PAID = "not_paid"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardView:
    """One card, masked."""

    id: UUID
    masked: str
    last4: str
    issuer_code: str | None
    issuer_name: str | None
    needs_verification: bool
    payment: Payment | None
    """None while there is no loan, or when the loan leaves the card out."""
    paid: Money | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentView:
    """One purpose, its text, and whether the debtor has agreed."""

    purpose: Purpose
    title: str
    words: str
    sha256: str
    """What the form sends back, so that the consent binds to the text that was read."""
    is_required: bool
    given_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferView:
    """An offer with everything that must be shown; `shown` is the disclosure to the letter."""

    id: UUID
    version: int
    status: OfferStatus
    made_at: datetime
    valid_until: datetime
    read_from_at: datetime | None
    shown: Mapping[str, Any]
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractView:
    """A signed contract; the paper itself is opened by its own verb, which leaves an audit row."""

    id: UUID
    sha256: str
    signed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DueView:
    """One instalment of the loan as it was booked."""

    number: int
    due_on: date
    principal: Money
    interest: Money
    total: Money
    balance: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanView:
    """The loan as it stands."""

    status: LoanStatus
    principal: Money
    value_date: date | None
    dues: tuple[DueView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """One step the application took."""

    status: ApplicationStatus
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressView:
    """Everything that is shown of one application."""

    application_id: UUID
    locale: Locale
    status: ApplicationStatus
    task: Task
    started_at: datetime
    submitted_at: datetime | None
    stated_monthly_income: Money | None
    essential_costs: Money | None
    consents: tuple[ConsentView, ...]
    cards: tuple[CardView, ...]
    reasons: tuple[str, ...]
    """Why it was declined, or does not clear every card, in plain words."""
    offer: OfferView | None
    contract: ContractView | None
    loan: LoanView | None
    steps: tuple[StepView, ...]
    may_withdraw: bool
    may_ask_for_review: bool


_ANSWERS: Final[Mapping[ApplicationStatus, Task]] = {
    ApplicationStatus.OFFERED: Task.READ_OFFER,
    ApplicationStatus.REQUOTE: Task.ANSWER_REQUOTE,
}
_PAYMENTS: Final[Mapping[LegStatus, Payment]] = {
    LegStatus.PLANNED: Payment.WAITING,
    LegStatus.APPROVED: Payment.WAITING,
    LegStatus.REQUOTE_NEEDED: Payment.ASKED_AGAIN,
    LegStatus.SUBMITTED: Payment.UNDER_WAY,
    LegStatus.ACCEPTED: Payment.UNDER_WAY,
    LegStatus.UNKNOWN: Payment.UNDER_WAY,
    LegStatus.PAID: Payment.PAID,
    LegStatus.MATCHED: Payment.PAID,
    LegStatus.PAYOFF_VERIFIED: Payment.CLEARED,
    LegStatus.RETURNED: Payment.RETURNED,
    LegStatus.FAILED: Payment.NOT_PAID,
    LegStatus.CANCELLED: Payment.NOT_PAID,
}


def view(session: Session, application: Application, *, at: datetime) -> ProgressView:
    """Show an application as it stands at an instant."""
    offer = offers.latest(session, application)
    steps = moves.history(session, application, table=APPLICATION_MOVES)
    return ProgressView(
        application_id=application.id,
        locale=application.locale,
        status=application.status,
        task=task(session, application),
        started_at=application.started_at,
        submitted_at=application.submitted_at,
        stated_monthly_income=application.stated_monthly_income,
        essential_costs=application.essential_costs,
        consents=_consents(session, application, on=at),
        cards=_cards(session, application),
        reasons=_reasons(session, application),
        offer=None if offer is None else _offer(offer),
        contract=_contract(session, application),
        loan=_loan(session, application),
        steps=tuple(
            StepView(status=ApplicationStatus(step.to_status), at=step.at) for step in steps
        ),
        may_withdraw=_may_withdraw(session, application),
        may_ask_for_review=applications.may_ask_for_review(session, application, at=at),
    )


def task(session: Session, application: Application) -> Task:
    """Tell the one thing the debtor may do next: the first step that is not done."""
    if application.status not in FILLING_IN:
        otherwise = Task.NOTHING if application.status in CLOSED else Task.WAIT
        return _ANSWERS.get(application.status, otherwise)
    steps = (
        (Task.PROVE_IDENTITY, application.debtor_id is not None),
        (Task.DECIDE_ON_CONSENTS, not consents.missing(session, application)),
        (Task.ENTER_CARDS, bool(cards.listed(session, application))),
        (Task.ENTER_BUDGET, application.essential_costs is not None),
    )
    return next((step for step, is_done in steps if not is_done), Task.CHECK_AND_SUBMIT)


def _consents(
    session: Session, application: Application, *, on: datetime
) -> tuple[ConsentView, ...]:
    given = consents.in_force(session, application)
    return tuple(
        ConsentView(
            purpose=text.purpose,
            title=text.title[application.locale],
            words=text.words[application.locale],
            sha256=text.sha256(application.locale),
            is_required=text.is_required,
            given_at=given[text.purpose].given_at if text.purpose in given else None,
        )
        for text in consents.texts(on=business_day(on))
    )


def _cards(session: Session, application: Application) -> tuple[CardView, ...]:
    newest = _newest_legs(session, application)
    return tuple(
        _card(card, newest.get(card.id), application.locale)
        for card in cards.listed(session, application)
    )


def _card(card: ApplicationCard, leg: PayoutLeg | None, locale: Locale) -> CardView:
    payment = None if leg is None else _PAYMENTS[leg.status]
    return CardView(
        id=card.id,
        masked=card.masked,
        last4=card.last4,
        issuer_code=card.issuer_code,
        issuer_name=issuer_name(card.issuer_code, locale),
        needs_verification=card.needs_verification,
        payment=payment,
        paid=leg.amount if leg is not None and payment in {Payment.PAID, Payment.CLEARED} else None,
    )


def issuer_name(code: str | None, locale: Locale) -> str | None:
    """Name an issuing bank in a language; None for one nobody knows."""
    bank = issuing_banks.banks().get(code or "")
    if bank is None:
        return None
    return bank.name_zh if locale is Locale.ZH else bank.name


def _newest_legs(session: Session, application: Application) -> dict[UUID, PayoutLeg]:
    if application.loan_id is None:
        return {}
    # First attempts come first, so a later attempt takes the place of the one it follows.
    return {leg.card_ref: leg for leg in legs.of_loan(session, application.loan_id)}


def _reasons(session: Session, application: Application) -> tuple[str, ...]:
    if application.assessment_id is None or application.status is ApplicationStatus.REVIEW:
        return ()
    decision = assessments.decision_of(assessments.get(session, application.assessment_id))
    sentences = [reasons.BOOK[reason] for reason in decision.reasons]
    return tuple(s.zh if application.locale is Locale.ZH else s.en for s in sentences)


def _offer(offer: Offer) -> OfferView:
    return OfferView(
        id=offer.id,
        version=offer.version,
        status=offer.status,
        made_at=offer.made_at,
        valid_until=offer.valid_until,
        read_from_at=offer.read_from_at,
        shown=offers.shown(offer),
        sha256=offer.disclosure_sha256,
    )


def _contract(session: Session, application: Application) -> ContractView | None:
    signed = session.execute(
        select(Contract.id, Contract.sha256, Contract.signed_at)
        .where(Contract.application_id == application.id)
        .order_by(Contract.signed_at.desc())
        .limit(1)
    ).one_or_none()
    if signed is None:
        return None
    return ContractView(id=signed.id, sha256=signed.sha256, signed_at=signed.signed_at)


def _loan(session: Session, application: Application) -> LoanView | None:
    if application.loan_id is None:
        return None
    loan = loans.get(session, application.loan_id)
    return LoanView(
        status=loan.status,
        principal=loan.principal,
        value_date=loan.value_date,
        dues=tuple(
            DueView(
                number=due.number,
                due_on=due.due_on,
                principal=due.principal,
                interest=due.interest,
                total=due.principal + due.interest,
                balance=due.balance,
            )
            for due in loans.instalments(session, loan)
        ),
    )


def _may_withdraw(session: Session, application: Application) -> bool:
    if not APPLICATION_MOVES.allows(application.status, ApplicationStatus.WITHDRAWN):
        return False
    on_their_way = legs.LIVE | legs.IN_FLIGHT
    return all(
        leg.status not in on_their_way for leg in _newest_legs(session, application).values()
    )
