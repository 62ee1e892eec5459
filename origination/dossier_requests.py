"""What an application brings to its assessment, opened for the sources' eyes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement.products import NoSuchProduct
from disbursement.records.funders import Funder
from kernel import sealing
from kernel.actors import Actor
from kernel.personal import Personal
from kernel.sealing import Sealed
from origination import cards, consents, sharing
from origination.records.applications import Application, ApplicationCard
from origination.records.consents import Purpose
from origination.records.debtors import Debtor
from underwriting import lenders
from underwriting.dossier import LenderTerms
from underwriting.dossier import Purpose as LoanPurpose
from underwriting.inquiries import AskedCard, AssessmentRequest, Person

P = TypeVar("P", bound=Personal)

AUTHORISED_FOR: Final = timedelta(days=30)
"""As long as the text of the consent to a bureau query says."""
UNKNOWN_ISSUER: Final = "UNKNOWN"
"""No issuer has this code, so a card that nobody recognised is answered as unknown."""
WHY: Final = "assess the application"


class NoLender(Exception):
    """No funder has a product that could clear cards: an operator must set one up."""


def make(
    session: Session, application: Application, *, by: Actor, at: datetime
) -> AssessmentRequest:
    """Open what the sources need, leaving an audit row for each look.

    Raises:
        ConsentMissing: a consent without which nobody may look is not in force, or too old.
        NoLender: there is nobody who lends.
    """
    assert application.debtor_id is not None, "a submitted application knows its debtor"
    assert application.essential_costs is not None, "a submitted application has a budget"
    debtor = session.get_one(Debtor, application.debtor_id)
    entered = cards.listed(session, application)
    return AssessmentRequest(
        application_ref=application.id,
        person=_person(session, debtor, by=by, at=at),
        identity_matches=True,
        deceased=debtor.deceased,
        authorisation_no=_authorisation(session, application, at=at),
        purpose=LoanPurpose.CARD_DEBT if len(entered) == 1 else LoanPurpose.CONSOLIDATION,
        stated_monthly_income=application.stated_monthly_income,
        employment_months=application.employment_months,
        essential_costs=application.essential_costs,
        cards=tuple(_asked(session, card, by=by, at=at) for card in entered),
        lender=_lender(session, {card.issuer_code for card in entered}, at=at),
        links=sharing.keys(session, application, entered),
        case=sharing.case(session, application, entered),
    )


def _person(session: Session, debtor: Debtor, *, by: Actor, at: datetime) -> Person:
    def opened(sealed: Sealed[P]) -> P:
        return sealing.reveal(session, sealed, subject=debtor.id, purpose=WHY, by=by, at=at)

    return Person(
        national_id=opened(debtor.national_id),
        name=opened(debtor.name),
        mobile=opened(debtor.mobile),
    )


def _asked(session: Session, card: ApplicationCard, *, by: Actor, at: datetime) -> AskedCard:
    return AskedCard(
        card_ref=card.id,
        issuer_code=card.issuer_code or UNKNOWN_ISSUER,
        number=sealing.reveal(session, card.number, subject=card.id, purpose=WHY, by=by, at=at),
    )


def _authorisation(session: Session, application: Application, *, at: datetime) -> str:
    """Give the number of the consent to a bureau query, which every query names.

    Source: 征信业管理条例 18.
    """
    consents.require(session, application, needed=consents.NEEDED_TO_DECIDE)
    given = consents.in_force(session, application)[Purpose.BUREAU_QUERY]
    if at - given.given_at > AUTHORISED_FOR:
        raise consents.ConsentMissing((Purpose.BUREAU_QUERY,))
    return given.id.hex


def _lender(session: Session, issuers: set[str | None], *, at: datetime) -> LenderTerms:
    """Choose who lends: the first funder with a product that issued none of the cards.

    Where every funder issued one of them, the first is asked, and its own card is left out.
    """
    known = session.scalars(select(Funder).order_by(Funder.created_at, Funder.code)).all()
    others = [funder for funder in known if funder.issuer_code not in issuers - {None}]
    for funder in (*others, *known):
        try:
            return lenders.terms(session, funder.code, at=at)
        except NoSuchProduct:
            continue
    raise NoLender("no funder has a balance-transfer product")
