"""What an agency may know of its own case: seven words and nothing more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import assert_never

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from origination.records.applications import Application, ApplicationStatus, ApplicationStep
from origination.records.referrals import LAPSE_DAYS, Referral, ReferralStatus
from origination.records.webhooks import AgencyState


def present(session: Session, referral: Referral, *, at: datetime) -> AgencyState:
    """Tell the state of a case; why it ended is not the agency's business."""
    if referral.status is not ReferralStatus.CONSENTED:
        return of_referral(referral, at=at)
    application = session.scalar(
        select(Application)
        .where(Application.referral_id == referral.id)
        .order_by(Application.started_at.desc(), Application.id.desc())
        .limit(1)
    )
    if application is None:
        return AgencyState.APPLIED
    was_active = application.status is ApplicationStatus.FAILED and bool(
        session.scalar(
            select(
                exists().where(
                    ApplicationStep.subject_id == application.id,
                    ApplicationStep.to_status == ApplicationStatus.ACTIVE,
                )
            )
        )
    )
    return AgencyState.RETURNED if was_active else of_application(application.status)


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


def of_application(status: ApplicationStatus) -> AgencyState:
    """Tell the state of a case whose debtor has consented and applied."""
    match status:
        case ApplicationStatus.OFFERED | ApplicationStatus.SIGNED:
            return AgencyState.APPROVED
        case ApplicationStatus.PAYING | ApplicationStatus.REQUOTE:
            return AgencyState.APPROVED
        case ApplicationStatus.ACTIVE:
            return AgencyState.PAID_OFF
        case ApplicationStatus.DECLINED | ApplicationStatus.FAILED:
            return AgencyState.DECLINED_OR_WITHDRAWN
        case ApplicationStatus.EXPIRED | ApplicationStatus.WITHDRAWN:
            return AgencyState.DECLINED_OR_WITHDRAWN
        case _:
            return AgencyState.APPLIED


def _would_lapse_at(referral: Referral) -> datetime:
    return referral.lapses_at or referral.received_at + timedelta(days=LAPSE_DAYS)
