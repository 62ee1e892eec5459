"""What one debtor of the demo does, through the same verbs as the pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from demo.people import Person
from demo.town import Town
from kernel.actors import Actor, Role
from kernel.clock import business_day
from kernel.db import transaction
from kernel.money import ZERO
from kernel.surroundings import Surroundings
from origination import (
    applicants,
    applications,
    budgets,
    cards,
    codes,
    consents,
    contracts,
    front_jobs,
    identification,
    invitations,
    offers,
    signing,
)
from origination.budgets import Budget
from origination.debtors import Entered
from origination.records.applications import ApplicationStatus, IncomeSource
from origination.records.codes import NetworkAddress
from origination.records.consents import REQUIRED, Purpose
from origination.records.debtors import Debtor
from origination.records.referrals import Locale, Referral

LINK: Final = re.compile(r"https?://\S+?/i/([\w-]+)")
SIGN_IN_CODE: Final = re.compile(r"验证码 (\d{6})，.*登录")
CONTRACT_CODE: Final = re.compile(r"验证码 (\d{6})，.*签署")
EVIDENCE: Final = {"page": "demo"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicant:
    """A person with his open application and the telephone he reads messages on."""

    person: Person
    referral_id: UUID
    application_id: UUID
    actor: Actor
    address: NetworkAddress


def address(number: int) -> NetworkAddress:
    """Give each debtor a network address of the range kept for documentation (RFC 3849)."""
    return NetworkAddress(f"2001:db8::{number:x}")


def apply(surroundings: Surroundings, town: Town, person: Person, *, number: int) -> Applicant:
    """Open the invitation, sign in, prove the identity, fill everything in and submit."""
    referral_id = _open_invitation(surroundings, town, person, number=number)
    application_id = _begin(surroundings, referral_id)
    debtor = _identify(surroundings, referral_id, application_id, person)
    applicant = Applicant(
        person=person,
        referral_id=referral_id,
        application_id=application_id,
        actor=Actor(Role.DEBTOR, str(debtor.id)),
        address=address(number),
    )
    _fill_in(surroundings, applicant)
    return applicant


def sign(surroundings: Surroundings, town: Town, applicant: Applicant) -> bool:
    """Sign the offer, if there is one, by the code that comes to the telephone."""
    at = surroundings.clock.now()
    with transaction() as session:
        application = applicants.get(session, applicant.application_id)
        if application.status is not ApplicationStatus.OFFERED:
            return False
        contracts.send_code(
            session, application, address=applicant.address, by=applicant.actor, at=at
        )
    deliver(surroundings)
    code = town.wait_for_message(applicant.person, CONTRACT_CODE)
    signing.sign(
        surroundings, applicant.application_id, code, evidence=EVIDENCE, by=applicant.actor
    )
    return True


def begin_reading(surroundings: Surroundings, applicant: Applicant) -> bool:
    """Open the offer, so that its reading time begins; tell whether there is one."""
    with transaction() as session:
        application = applicants.get(session, applicant.application_id)
        if application.status is not ApplicationStatus.OFFERED:
            return False
        offers.begin_reading(session, application, by=applicant.actor, at=surroundings.clock.now())
    return True


def deliver(surroundings: Surroundings) -> None:
    """Let the messages that are due go out."""
    front_jobs.send_messages(surroundings)


def _open_invitation(
    surroundings: Surroundings, town: Town, person: Person, *, number: int
) -> UUID:
    token = town.wait_for_message(person, LINK)
    at = surroundings.clock.now()
    with transaction() as session:
        referral = invitations.open_link(session, token, at=at)
        codes.send(
            session,
            person.mobile,
            codes.SIGN_IN,
            address=address(number),
            locale=Locale.ZH,
            at=at,
        )
    deliver(surroundings)
    code = town.wait_for_message(person, SIGN_IN_CODE)
    with transaction() as session:
        answer = codes.check(session, person.mobile, code, use=codes.SIGN_IN, at=at)
    codes.require(answer)
    with transaction() as session:
        referral = session.get_one(Referral, referral.id)
        invitations.open_by_debtor(session, referral, by=_before_identity(referral.id), at=at)
    return referral.id


def _begin(surroundings: Surroundings, referral_id: UUID) -> UUID:
    by = _before_identity(referral_id)
    at = surroundings.clock.now()
    with transaction() as session:
        referral = session.get_one(Referral, referral_id)
        application = applications.start(session, referral, locale=Locale.ZH, by=by, at=at)
        text = consents.text(Purpose.IDENTITY_CHECK, on=business_day(at))
        consents.give(
            session,
            application,
            Purpose.IDENTITY_CHECK,
            shown_sha256=text.sha256(Locale.ZH),
            evidence=EVIDENCE,
            by=by,
            at=at,
        )
        return application.id


def _identify(
    surroundings: Surroundings, referral_id: UUID, application_id: UUID, person: Person
) -> Debtor:
    entered = Entered(
        name=person.name.plain,
        national_id=person.national_id.plain,
        mobile=person.mobile.plain,
        card_number=None,
    )
    debtor = identification.identify(surroundings, referral_id, entered)
    with transaction() as session:
        applications.identify(
            session,
            applicants.get(session, application_id),
            debtor,
            by=_before_identity(referral_id),
            at=surroundings.clock.now(),
        )
    return debtor


def _fill_in(surroundings: Surroundings, applicant: Applicant) -> None:
    at, by, person = surroundings.clock.now(), applicant.actor, applicant.person
    with transaction() as session:
        application = applicants.get(session, applicant.application_id)
        for purpose in sorted(REQUIRED - {Purpose.IDENTITY_CHECK}):
            text = consents.text(purpose, on=business_day(at))
            consents.give(
                session,
                application,
                purpose,
                shown_sha256=text.sha256(Locale.ZH),
                evidence=EVIDENCE,
                by=by,
                at=at,
            )
        for card in person.cards:
            cards.enter(
                session, application, card.number, stated_issuer=card.issuer_code, by=by, at=at
            )
        budgets.enter(session, application, _budget(person), by=by, at=at)
        applications.submit(session, application, by=by, at=at)


def _budget(person: Person) -> Budget:
    has_income = person.monthly_income is not None
    return Budget(
        monthly_income=person.monthly_income or ZERO,
        income_source=IncomeSource.SALARY if has_income else IncomeSource.NONE,
        employment_months=person.employment_months if has_income else None,
        essential_costs=person.essential_costs,
    )


def _before_identity(referral_id: UUID) -> Actor:
    return Actor(Role.DEBTOR, str(referral_id))
