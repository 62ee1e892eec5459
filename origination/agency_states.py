"""What an agency may know of its own case: seven words and nothing more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import assert_never

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from disbursement import legs
from disbursement.records.payouts import LegStatus
from origination import consents
from origination.records.applications import (
    Application,
    ApplicationCard,
    ApplicationStatus,
    ApplicationStep,
)
from origination.records.consents import Purpose
from origination.records.referrals import LAPSE_DAYS, Referral, ReferralStatus
from origination.records.webhooks import AgencyState


def present(session: Session, referral: Referral, *, at: datetime) -> AgencyState:
    """Tell the state of a case; why it ended is not the agency's business.

    A debtor who takes back that his agency may be told leaves it with the word that he applied.
    """
    if referral.status is not ReferralStatus.CONSENTED:
        return of_referral(referral, at=at)
    application = session.scalar(
        select(Application)
        .where(Application.referral_id == referral.id)
        .order_by(Application.started_at.desc(), Application.id.desc())
        .limit(1)
    )
    needed = frozenset({Purpose.AGENCY_STATUS})
    if application is None or consents.missing(session, application, needed=needed):
        return AgencyState.APPLIED
    if _came_back(session, application, referral):
        return AgencyState.RETURNED
    return of_application(application)


def case_card(
    session: Session, application: Application, referral: Referral
) -> ApplicationCard | None:
    """Find the card that the agency referred among those that the loan clears."""
    if application.loan_id is None:
        return None
    paid = [leg.card_ref for leg in legs.of_loan(session, application.loan_id)]
    cards = session.scalars(
        select(ApplicationCard).where(
            ApplicationCard.id.in_(paid),
            ApplicationCard.last4 == referral.card_last4,
        )
    )
    return next((card for card in cards if referral.card_bin.startswith(card.bin)), None)


def of_referral(referral: Referral, *, at: datetime) -> AgencyState:
    """Tell the state of a case as far as the referral alone decides it.

    A superseded one looks like an invitation that nobody takes up until its time is over:
    otherwise the agency would learn that another one owns the person.
    """
    match referral.status:
        case ReferralStatus.RECEIVED:
            return AgencyState.RECEIVED
        case ReferralStatus.INVITED | ReferralStatus.OPENED:
            return AgencyState.INVITED
        case ReferralStatus.CONSENTED:
            return AgencyState.APPLIED
        case ReferralStatus.SUPERSEDED if at < _would_lapse_at(referral):
            return AgencyState.INVITED
        case ReferralStatus.LAPSED | ReferralStatus.SUPERSEDED | ReferralStatus.DECLINED:
            return AgencyState.DECLINED_OR_WITHDRAWN
        case _:
            assert_never(referral.status)


def of_application(application: Application) -> AgencyState:
    """Tell the state of a case whose debtor has consented and applied.

    It is paid off by the issuer's own word, as the webhook says it, not because a loan runs.
    """
    match application.status:
        case ApplicationStatus.ACTIVE if application.paid_off_at is not None:
            return AgencyState.PAID_OFF
        case (
            ApplicationStatus.OFFERED
            | ApplicationStatus.SIGNED
            | ApplicationStatus.PAYING
            | ApplicationStatus.REQUOTE
            | ApplicationStatus.ACTIVE
        ):
            return AgencyState.APPROVED
        case (
            ApplicationStatus.DECLINED
            | ApplicationStatus.FAILED
            | ApplicationStatus.EXPIRED
            | ApplicationStatus.WITHDRAWN
        ):
            return AgencyState.DECLINED_OR_WITHDRAWN
        case _:
            return AgencyState.APPLIED


def _came_back(session: Session, application: Application, referral: Referral) -> bool:
    """Tell whether the money for the case came back: all of the loan, or its own card's."""
    if application.status is ApplicationStatus.FAILED:
        return _was_active(session, application)
    if application.status is not ApplicationStatus.ACTIVE or application.loan_id is None:
        return False
    of_loan = legs.of_loan(session, application.loan_id)
    newest = {leg.card_ref: leg.status for leg in of_loan}
    card = case_card(session, application, referral)
    concerned = newest.values() if card is None else (newest[card.id],)
    return LegStatus.RETURNED in concerned


def _was_active(session: Session, application: Application) -> bool:
    step = exists().where(
        ApplicationStep.subject_id == application.id,
        ApplicationStep.to_status == ApplicationStatus.ACTIVE,
    )
    return bool(session.scalar(select(step)))


def _would_lapse_at(referral: Referral) -> datetime:
    return referral.lapses_at or referral.received_at + timedelta(days=LAPSE_DAYS)
