"""Applications: started from an opened referral, filled in step by step, submitted once."""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from kernel import events, ids, moves
from kernel.actors import Actor, Role
from kernel.refusals import FieldFault, Refused
from origination import applicants, cards, consents, invitations
from origination.records.applications import (
    APPLICATION_MOVES,
    CLOSED,
    FILLING_IN,
    Application,
    ApplicationStatus,
)
from origination.records.consents import REQUIRED, Purpose
from origination.records.debtors import Debtor, Ownership
from origination.records.referrals import Locale, Referral, ReferralStatus
from underwriting import assessments, reviews
from underwriting.records.service import ReviewCause

DECLINE_PAUSE_DAYS: Final = 30
"""After a decline a review is asked for, not a second query of the bureau."""
REVIEW_DAYS: Final = 30
"""How long after a decline a person's review may be asked for."""
_NEW_AGAIN: Final = frozenset(
    {ApplicationStatus.WITHDRAWN, ApplicationStatus.EXPIRED, ApplicationStatus.FAILED}
)


class ReferralNotOpen(Refused):
    """The referral's link has not been opened, or its time is over."""

    status = HTTPStatus.CONFLICT
    code = "referral_not_open"
    title = "This invitation cannot be used"
    title_zh = "该邀请链接无法使用"


class DecidedAlready(Refused):
    """The referral led to a decision that stands."""

    status = HTTPStatus.CONFLICT
    code = "decided_already"
    title = "This application has been decided; you may ask for a person to review it"
    title_zh = "该申请已有结果；您可以申请人工复核"


class AlreadyApplying(Refused):
    """The debtor has a live application already."""

    status = HTTPStatus.CONFLICT
    code = "already_applying"
    title = "You have an application under way; please go on with that one"
    title_zh = "您已有正在办理的申请，请继续办理该申请"


class OtherPerson(Refused):
    """The application belongs to another person."""

    status = HTTPStatus.CONFLICT
    code = "other_person"
    title = "This application belongs to another person"
    title_zh = "该申请属于其他人"


class Incomplete(Refused):
    """Something is missing; every missing part is named."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "application_incomplete"
    title = "The application is not complete"
    title_zh = "申请尚未填写完整"

    def __init__(self, faults: tuple[FieldFault, ...]) -> None:
        super().__init__(f"{len(faults)} parts are missing", faults=faults)


class ReviewTooLate(Refused):
    """The time to ask for a review is over."""

    status = HTTPStatus.GONE
    code = "review_too_late"
    title = f"A review can be asked for within {REVIEW_DAYS} days"
    title_zh = f"人工复核须在{REVIEW_DAYS}天内提出"


def start(
    session: Session, referral: Referral, *, locale: Locale, by: Actor, at: datetime
) -> Application:
    """Begin an application from an opened referral; a live one is gone on with.

    A debtor who withdrew, or let an offer expire, may begin again through the same link.

    Raises:
        InvitationOver: the link lapsed, or another referral owns the debtor.
        ReferralNotOpen: the link was not opened, or the time in which it owned the debtor is over.
        DecidedAlready: the last application was declined lately or became a loan.
        OnlyTheDebtor: somebody else tries to begin for him.
    """
    if by.role is not Role.DEBTOR:
        raise applicants.OnlyTheDebtor()
    session.refresh(referral, with_for_update=True)
    last = latest(session, referral)
    if last is not None and last.is_live:
        return last
    _require_open(session, referral, at=at)
    if last is not None and not _may_begin_again(last, at=at):
        raise DecidedAlready()
    application = Application(
        id=ids.new(),
        referral_id=referral.id,
        debtor_id=None,
        status=ApplicationStatus.STARTED,
        locale=locale,
        started_at=at,
        touched_at=at,
    )
    moves.begin(session, application, table=APPLICATION_MOVES, by=by, at=at)
    return application


def latest(session: Session, referral: Referral) -> Application | None:
    """Find the newest application of a referral."""
    return session.scalars(
        select(Application)
        .where(Application.referral_id == referral.id)
        .order_by(Application.started_at.desc(), Application.id.desc())
        .limit(1)
    ).one_or_none()


def identify(
    session: Session, application: Application, debtor: Debtor, *, by: Actor, at: datetime
) -> None:
    """Tie an application to the debtor whose identity was proven; once is enough.

    Raises:
        OnlyTheDebtor: somebody else tries.
        ConsentMissing: the debtor has not agreed to the identity check.
        OtherPerson: it is tied to another person already.
        AlreadyApplying: the debtor has a live application through another referral.
        MoveRefused: the application is closed.
    """
    applicants.require_debtor(application, by)
    applicants.lock(session, application)
    if application.debtor_id is not None:
        if application.debtor_id != debtor.id:
            raise OtherPerson()
        return
    consents.require(session, application, needed=frozenset({Purpose.IDENTITY_CHECK}))
    try:
        with session.begin_nested():
            application.debtor_id = debtor.id
            application.touched_at = at
            session.flush()
    except IntegrityError as fault:
        if "uq_application_debtor_live" not in str(fault.orig):
            raise
        raise AlreadyApplying() from None
    moves.advance(
        session, application, ApplicationStatus.IDENTIFIED, table=APPLICATION_MOVES, by=by, at=at
    )


def speak(session: Session, application: Application, locale: Locale, *, by: Actor) -> None:
    """Change the language the debtor is spoken to in, until he has submitted.

    Raises:
        OnlyTheDebtor: somebody else tries.
        MoveRefused: what he was shown is fixed in its language already.
    """
    applicants.require_debtor(application, by)
    applicants.lock(session, application)
    if application.status not in FILLING_IN:
        raise moves.MoveRefused("application", application.status, f"spoken in {locale}")
    application.locale = locale
    session.flush()


def submit(session: Session, application: Application, *, by: Actor, at: datetime) -> None:
    """Hand the application in for assessment; handed in twice is handed in once.

    Raises:
        OnlyTheDebtor: somebody else tries.
        Incomplete: identity, consents, cards or budget are missing.
        MoveRefused: the application is closed.
    """
    applicants.require_debtor(application, by)
    applicants.lock(session, application)
    if application.submitted_at is not None and application.is_live:
        return
    if application.status in CLOSED:
        raise moves.MoveRefused("application", application.status, ApplicationStatus.SUBMITTED)
    _require_complete(session, application)
    application.submitted_at = at
    application.touched_at = at
    session.flush()
    moves.advance(
        session, application, ApplicationStatus.SUBMITTED, table=APPLICATION_MOVES, by=by, at=at
    )
    events.append(
        session,
        "application.submitted",
        subject=application.id,
        at=at,
        body={"referral_id": str(application.referral_id)},
    )


def request_review(session: Session, application: Application, *, by: Actor, at: datetime) -> None:
    """Have a person look at a decline, which a debtor may always ask for; asked twice is once.

    Source: 个人信息保护法 24, the right to refuse a decision made by automation alone.

    Raises:
        OnlyTheDebtor: somebody else asks.
        ReviewTooLate: the decline is more than thirty days old.
        ConsentMissing: a consent without which nobody may look was taken back.
        CardInUse: a card stands in another application meanwhile.
        MoveRefused: there is no decline to review.
    """
    applicants.require_debtor(application, by)
    applicants.lock(session, application)
    if application.status is ApplicationStatus.REVIEW:
        return
    if not APPLICATION_MOVES.allows(application.status, ApplicationStatus.REVIEW):
        raise moves.MoveRefused("application", application.status, ApplicationStatus.REVIEW)
    if application.reviewed_at is not None:
        raise DecidedAlready("a person has decided on this application")
    if at - _decided_at(session, application) > timedelta(days=REVIEW_DAYS):
        raise ReviewTooLate()
    consents.require(session, application, needed=consents.NEEDED_TO_DECIDE)
    cards.hold_again(session, application)
    try:
        with session.begin_nested():
            moves.advance(
                session,
                application,
                ApplicationStatus.REVIEW,
                table=APPLICATION_MOVES,
                by=by,
                at=at,
                reason="asked for by the debtor",
            )
    except IntegrityError as fault:
        if "_live" not in str(fault.orig):
            raise
        raise AlreadyApplying() from None
    assert application.assessment_id is not None, "a decline has its assessment"
    declined = assessments.get(session, application.assessment_id)
    reviews.owe(session, declined, cause=ReviewCause.DEBTOR, at=at)
    events.append(session, "application.review_requested", subject=application.id, at=at)


def _require_open(session: Session, referral: Referral, *, at: datetime) -> None:
    invitations.require_usable(referral, at=at)
    if referral.status is ReferralStatus.OPENED:
        return
    owned = session.scalar(select(Ownership).where(Ownership.referral_id == referral.id))
    if owned is None or owned.until_at <= at:
        raise ReferralNotOpen()


def _decided_at(session: Session, application: Application) -> datetime:
    steps = moves.history(session, application, table=APPLICATION_MOVES)
    last: datetime = steps[-1].at
    return last


def _may_begin_again(last: Application, *, at: datetime) -> bool:
    if last.status in _NEW_AGAIN:
        return True
    pause_over = at - last.touched_at > timedelta(days=DECLINE_PAUSE_DAYS)
    return last.status is ApplicationStatus.DECLINED and pause_over


def _require_complete(session: Session, application: Application) -> None:
    faults = []
    if application.debtor_id is None:
        faults.append(FieldFault("/identity", "prove who you are"))
    faults.extend(
        FieldFault(f"/consents/{purpose}", "read and decide")
        for purpose in consents.missing(session, application, needed=REQUIRED)
    )
    if not cards.listed(session, application):
        faults.append(FieldFault("/cards", "enter at least one credit card"))
    if application.stated_monthly_income is None or application.essential_costs is None:
        faults.append(FieldFault("/budget", "enter income and essential costs"))
    if faults:
        raise Incomplete(tuple(faults))
