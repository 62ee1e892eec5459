"""What an agency may know of its own case: seven words and nothing more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import assert_never

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from origination import consents
from origination.records.applications import Application, ApplicationStatus, ApplicationStep
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
    if application.status is ApplicationStatus.FAILED and _was_active(session, application):
        return AgencyState.RETURNED
    return of_application(application)


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


def _was_active(session: Session, application: Application) -> bool:
    step = exists().where(
        ApplicationStep.subject_id == application.id,
        ApplicationStep.to_status == ApplicationStatus.ACTIVE,
    )
    return bool(session.scalar(select(step)))


def _would_lapse_at(referral: Referral) -> datetime:
    return referral.lapses_at or referral.received_at + timedelta(days=LAPSE_DAYS)
