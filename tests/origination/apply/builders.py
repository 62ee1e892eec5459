"""Make applications at any step for tests; every person and card is made up."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from stdnum import luhn

from disbursement import funders, issuing_banks, positions, products, schedule
from disbursement.records.funders import LicenceType
from kernel import db, moves, sealing
from kernel.actors import Actor, Role, system
from kernel.clock import business_day, shanghai
from kernel.money import Money
from kernel.personal import CardNumber, Mobile, NationalId, PersonName
from kernel.rates import Rate
from origination import (
    applicants,
    applications,
    budgets,
    cards,
    codes,
    consents,
    contracts,
    debtors,
    invitations,
    offering,
    offers,
)
from origination.budgets import Budget
from origination.identities import Identity, IdentityAnswer
from origination.offering import Approval
from origination.records.applications import (
    APPLICATION_MOVES,
    Application,
    ApplicationStatus,
    IncomeSource,
)
from origination.records.codes import NetworkAddress
from origination.records.consents import REQUIRED, Purpose
from origination.records.debtors import Debtor
from origination.records.messages import Message
from origination.records.referrals import Locale, Referral
from tests.conftest import TODAY
from tests.origination.front import builders as front
from underwriting import assessments, better_off
from underwriting.better_off import Comparison, Cost
from underwriting.decisions import ChosenCard, Decision, Outcome
from underwriting.dossier import AccountType, CardDebt, Dossier, LenderTerms, Quote
from underwriting.dossier import Purpose as DebtPurpose
from underwriting.inquiries import Gathered

NOON = shanghai(TODAY, 12)
SYSTEM = system("test-setup")
PUBLIC_URL = "http://127.0.0.1:8900"


@dataclass(frozen=True)
class Person:
    """Somebody who never was."""

    number: int = 1
    telephone: int = 0
    """Another telephone of the same person has another number here."""

    @property
    def mobile(self) -> Mobile:
        return Mobile.parse(f"139{self.telephone:02d}{self.number:06d}")

    @property
    def national_id(self) -> NationalId:
        return front.national_id(self.number)

    @property
    def name(self) -> PersonName:
        return PersonName.parse("张小明")

    def card(self, position: int = 0, issuer: str = "CMB") -> CardNumber:
        first = issuing_banks.credit_bins(issuer)[0]
        return card_number(f"{first}{self.number:05d}{position:04d}")

    @property
    def identity(self) -> Identity:
        return Identity(name=self.name, national_id=self.national_id, mobile=self.mobile)


def card_number(first_15: str) -> CardNumber:
    return CardNumber.parse(first_15 + luhn.calc_check_digit(first_15))


def by_debtor(application: Application) -> Actor:
    return Actor(Role.DEBTOR, str(application.debtor_id or application.referral_id))


def referral(
    session: Session, person: Person = Person(), *, agency: str = "beichen", at: datetime = NOON
) -> Referral:
    """Refer, invite and let the person open the link."""
    from origination.records.agencies import Agency

    of = session.query(Agency).filter_by(code=agency).one_or_none() or front.agency(session, agency)
    made = front.referral(
        session,
        of,
        case_no=f"{agency}-{person.number:04d}",
        mobile=person.mobile.plain,
        card_last4=person.card().last4,
        at=at,
    )
    invitations.invite(session, made, public_url=PUBLIC_URL, by=SYSTEM, at=at)
    invitations.open_by_debtor(session, made, by=front.debtor_actor(made), at=at)
    return made


def started(
    session: Session,
    person: Person = Person(),
    *,
    locale: Locale = Locale.ZH,
    agency: str = "beichen",
    at: datetime = NOON,
) -> Application:
    opened = referral(session, person, agency=agency, at=at)
    return applications.start(session, opened, locale=locale, by=front.debtor_actor(opened), at=at)


def debtor(session: Session, opened: Referral, person: Person, *, at: datetime = NOON) -> Debtor:
    """Let the identity partner say yes."""
    tried = debtors.prepare(session, opened, person.identity, at=at)
    answer = IdentityAnswer(check_no=f"ID{person.number}", matches=True, deceased=False)
    return debtors.require(debtors.record(session, tried.id, person.identity, answer, at=at))


def consent(
    session: Session, application: Application, purpose: Purpose, *, at: datetime = NOON
) -> None:
    text = consents.text(purpose, on=TODAY)
    consents.give(
        session,
        application,
        purpose,
        shown_sha256=text.sha256(application.locale),
        evidence={"page": "consents"},
        by=by_debtor(application),
        at=at,
    )


def identified(
    session: Session, person: Person = Person(), *, at: datetime = NOON, **more: Any
) -> Application:
    application = started(session, person, at=at, **more)
    consent(session, application, Purpose.IDENTITY_CHECK, at=at)
    opened = session.get_one(Referral, application.referral_id)
    known = debtor(session, opened, person, at=at)
    applications.identify(session, application, known, by=by_debtor(application), at=at)
    return application


def consented(
    session: Session, person: Person = Person(), *, at: datetime = NOON, **more: Any
) -> Application:
    application = identified(session, person, at=at, **more)
    for purpose in Purpose:
        if purpose in REQUIRED - {Purpose.IDENTITY_CHECK}:
            consent(session, application, purpose, at=at)
    return application


def budget(income: str = "8000.00", costs: str = "2500.00") -> Budget:
    return Budget(
        monthly_income=Money.yuan(income),
        income_source=IncomeSource.SALARY,
        employment_months=40,
        essential_costs=Money.yuan(costs),
    )


def filled_in(
    session: Session,
    person: Person = Person(),
    *,
    numbers: tuple[CardNumber, ...] | None = None,
    household: Budget | None = None,
    at: datetime = NOON,
    **more: Any,
) -> Application:
    application = consented(session, person, at=at, **more)
    for number in numbers or (person.card(),):
        cards.enter(session, application, number, by=by_debtor(application), at=at)
    budgets.enter(session, application, household or budget(), by=by_debtor(application), at=at)
    return application


def submitted(session: Session, person: Person = Person(), **more: Any) -> Application:
    application = filled_in(session, person, **more)
    applications.submit(session, application, by=by_debtor(application), at=more.get("at", NOON))
    return application


def lender(session: Session) -> None:
    """A lender with one product; the same again changes nothing."""
    lender = funders.add(
        session,
        code="huaxin",
        name="华信消费金融有限公司",
        licence=LicenceType.CONSUMER_FINANCE,
        issuer_code=None,
        at=NOON,
    )
    products.publish(
        session,
        funder_code="huaxin",
        months=(6, 12, 24),
        principal_min=Money.yuan("1000.00"),
        principal_max=Money.yuan("200000.00"),
        at=NOON,
    )
    positions.state_opening(session, lender, Money.yuan("100000000.00"), by=SYSTEM, at=NOON)


def quote(amount: str, *, valid_until: datetime | None = None, at: datetime = NOON) -> Quote:
    owed = Money.yuan(amount)
    return Quote(
        amount=owed,
        as_of=at,
        valid_until=valid_until or at + timedelta(days=3),
        per_diem=owed.times(Decimal("0.0005")),
        minimum_due=owed.times(Decimal("0.10")),
        past_due=owed.times(Decimal("0.10")),
        days_past_due=45,
        credit_limit=owed.times(2),
        daily_rate=Decimal("0.0005"),
        reference="Q1",
    )


def dossier(application: Application, debts: dict[UUID, Quote], *, at: datetime = NOON) -> Dossier:
    return Dossier(
        application_ref=application.id,
        as_of=at,
        age=36,
        purpose=DebtPurpose.CARD_DEBT,
        stated_monthly_income=application.stated_monthly_income,
        verified_monthly_income=Money.yuan("8000.00"),
        income_source="payroll",
        employment_months=40,
        essential_costs=Money.yuan("2500.00"),
        identity_matches=True,
        deceased=False,
        watchlist_hits=(),
        has_bureau_file=True,
        figures={},
        cards=tuple(
            CardDebt(
                card_ref=card_ref,
                issuer_code="CMB",
                account_type=AccountType.CREDIT,
                payable=True,
                name_matches=True,
                quote=owed,
                offer=None,
            )
            for card_ref, owed in debts.items()
        ),
        lender=LenderTerms(
            funder_code="huaxin",
            issuer_code=None,
            product_version=1,
            annual_cap=Rate.percent("24.00"),
            months=(6, 12, 24),
            principal_min=Money.yuan("1000.00"),
            principal_max=Money.yuan("200000.00"),
        ),
    )


def approval(
    session: Session,
    application: Application,
    *,
    amounts: tuple[str, ...] = ("9000.00",),
    outcome: Outcome = Outcome.APPROVE,
    valid_until: datetime | None = None,
    at: datetime = NOON,
) -> Approval:
    """An approval at 12 % over 12 months, with five days of interest as buffer on each card."""
    entered = cards.listed(session, application)
    debts = {
        card.id: quote(amount, valid_until=valid_until, at=at)
        for card, amount in zip(entered, amounts, strict=True)
    }
    chosen = tuple(
        ChosenCard(card_ref=ref, amount=owed.amount, ceiling=owed.amount + owed.per_diem.times(5))
        for ref, owed in debts.items()
    )
    principal = Money.total(card.ceiling for card in chosen)
    plan = schedule.annuity(
        principal, annual_rate=Rate.percent("12.00"), months=12, value_date=business_day(at)
    )
    staying = Cost(monthly=principal.times(Decimal("0.10")), total=principal.times(2), months=52)
    decision = Decision(
        application_ref=application.id,
        as_of=at,
        outcome=outcome,
        reasons=(),
        policy_version="2026-08",
        policy_sha256="0" * 64,
        counted_income=Money.yuan("8000.00"),
        income_is_verified=True,
        left_out=(),
        chosen=chosen,
        principal=principal,
        months=12,
        annual_rate=Rate.percent("12.00"),
        instalment=plan.instalment,
        total_interest=plan.total_interest,
        comparison=Comparison(staying=staying, offers=None, loan=better_off.of_loan(plan)),
    )
    whole = dossier(application, debts, at=at)
    gathered = Gathered(dossier=whole, evidence=(), quotes=())
    kept = assessments.record(session, gathered, decision, by=SYSTEM, at=at)
    return Approval(assessment_id=kept.id, dossier=whole, decision=decision)


def offered(
    session: Session,
    person: Person = Person(),
    *,
    amounts: tuple[str, ...] = ("9000.00",),
    valid_until: datetime | None = None,
    at: datetime = NOON,
    **more: Any,
) -> Application:
    lender(session)
    numbers = tuple(person.card(position) for position in range(len(amounts)))
    application = submitted(session, person, numbers=numbers, at=at, **more)
    moves.advance(
        session,
        application,
        ApplicationStatus.ASSESSING,
        table=APPLICATION_MOVES,
        by=SYSTEM,
        at=at,
    )
    made = approval(session, application, amounts=amounts, valid_until=valid_until, at=at)
    offering.make(session, application, made, by=SYSTEM, at=at)
    return application


def code_in_message(session: Session, template: str = "sign_contract_code") -> str:
    """Read the digits of the latest code from the outbox, as its owner would from his phone."""
    newest = max(
        session.scalars(select(Message).where(Message.template == template)),
        key=lambda m: m.created_at,
    )
    words = sealing.reveal(
        session, newest.text, subject=newest.id, purpose="test", by=SYSTEM, at=NOON
    )
    found = re.search(r"(?<![0-9])[0-9]{6}(?![0-9])", words.plain)
    assert found is not None
    return found[0]


def ready_to_sign(session: Session, application: Application, *, at: datetime = NOON) -> datetime:
    """Open the offer, wait, ask for the code and enter it; tell when it may be signed."""
    by = by_debtor(application)
    offers.begin_reading(session, application, by=by, at=at)
    then = at + timedelta(minutes=2)
    contracts.send_code(session, application, address=NetworkAddress("192.0.2.1"), by=by, at=then)
    codes.require(
        contracts.check_code(session, application, code_in_message(session), by=by, at=then)
    )
    return then


def signed(session: Session, person: Person = Person(), **more: Any) -> Application:
    application = offered(session, person, **more)
    then = ready_to_sign(session, application, at=more.get("at", NOON))
    contracts.sign(session, application, evidence={}, by=by_debtor(application), at=then)
    return application


def again(application_id: UUID) -> Application:
    """Read an application anew, in a transaction of its own."""
    with db.transaction() as session:
        return applicants.get(session, application_id)


def later(**apart: int) -> datetime:
    return NOON + timedelta(**apart)
