"""Make applications at any step for tests; every person and card is made up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session
from stdnum import luhn

from disbursement import issuing_banks
from kernel import db
from kernel.actors import Actor, Role, system
from kernel.clock import shanghai
from kernel.money import Money
from kernel.personal import CardNumber, Mobile, NationalId, PersonName
from origination import applicants, applications, budgets, cards, consents, debtors, invitations
from origination.budgets import Budget
from origination.partners import Identity, IdentityAnswer
from origination.records.applications import Application, IncomeSource
from origination.records.consents import REQUIRED, Purpose
from origination.records.debtors import Debtor
from origination.records.referrals import Locale, Referral
from tests.conftest import TODAY
from tests.origination.front import builders as front

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


def again(application_id: UUID) -> Application:
    """Read an application anew, in a transaction of its own."""
    with db.transaction() as session:
        return applicants.get(session, application_id)


def later(**apart: int) -> datetime:
    return NOON + timedelta(**apart)
