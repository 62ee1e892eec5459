"""What a decision means for an application: an offer, a decline with reasons, or a person's look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final, assert_never

from sqlalchemy.orm import Session

from kernel import claims, events, moves
from kernel.actors import Actor, Role
from kernel.refusals import Refused
from origination import applicants, closing, consents, offering, parking
from origination.offering import Approval, QuotesExpired
from origination.records.applications import APPLICATION_MOVES, Application, ApplicationStatus
from underwriting import askings, assessments, exploration, reviews
from underwriting.decisions import Decision, Outcome
from underwriting.exploration import Explored
from underwriting.inquiries import Gathered
from underwriting.obstacles import Obstacle
from underwriting.records.assessments import Assessment
from underwriting.records.service import ReviewCause, ReviewEnd

MAY_UNPARK: Final = frozenset({Role.RISK_OFFICER, Role.OPERATOR})


class OnlyARiskOfficer(Refused):
    """Only risk officers, and operators for what is parked, may have an application assessed again."""

    status = HTTPStatus.FORBIDDEN
    code = "only_a_risk_officer"
    title = "Only a risk officer may do this"
    title_zh = "仅风控人员可执行此操作"


class NotParked(Refused):
    """The application is not parked, or somebody released it before."""

    status = HTTPStatus.CONFLICT
    code = "application_not_parked"
    title = "This application is not parked"
    title_zh = "该申请未被挂起"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessed:
    """What was gathered about an application and what was decided on it."""

    gathered: Gathered
    decision: Decision
    explored: Explored | None = None
    """The approval at random that takes a decline's place while the month has budget left."""


def begin(session: Session, application: Application, *, by: Actor, at: datetime) -> bool:
    """Mark a claimed application as being assessed; False when it waits no more.

    An application whose worker died is assessing already. One whose consents were taken back is
    withdrawn.
    """
    if application.status is ApplicationStatus.SUBMITTED:
        if consents.missing(session, application, needed=consents.NEEDED_TO_DECIDE):
            to = ApplicationStatus.WITHDRAWN
            closing.close(session, application, to, reason="consent taken back", by=by, at=at)
            return False
        moves.advance(
            session, application, ApplicationStatus.ASSESSING, table=APPLICATION_MOVES, by=by, at=at
        )
    return application.status is ApplicationStatus.ASSESSING


def put_off(
    session: Session, application: Application, *, parked: Obstacle | None, by: Actor, at: datetime
) -> None:
    """Let an application that could not be decided wait again; nothing of it is lost.

    `parked` is what stood in the way of one that nobody tries again until a person says so. One that
    a person had assessed anew goes back to him instead: what he had before him is still there.
    """
    if parked is not None and _goes_back(session, application, parked, by=by, at=at):
        return
    if application.status is ApplicationStatus.ASSESSING:
        moves.advance(
            session,
            application,
            ApplicationStatus.SUBMITTED,
            table=APPLICATION_MOVES,
            by=by,
            at=at,
            reason="no decision could be made",
        )
    if parked is not None:
        parking.keep(session, application, parked, at=at)


def _goes_back(
    session: Session, application: Application, obstacle: Obstacle, *, by: Actor, at: datetime
) -> bool:
    if application.assessment_id is None:
        return False
    kept = assessments.get(session, application.assessment_id)
    if askings.of(session, kept) is None:
        return False
    claims.unpark(application)
    for to in (ApplicationStatus.ASSESSING, ApplicationStatus.REVIEW):
        if application.status is not to:
            reason = "" if to is ApplicationStatus.ASSESSING else "no other decision could be made"
            moves.advance(
                session, application, to, table=APPLICATION_MOVES, by=by, at=at, reason=reason
            )
    askings.fail(session, kept, obstacle, at=at)
    return True


def settle(
    session: Session, application: Application, assessed: Assessed, *, by: Actor, at: datetime
) -> bool:
    """Record an assessment and do what it says; False when the debtor withdrew meanwhile.

    One that was made anew turns nothing round by itself: see `_outcome`.

    Raises:
        QuotesExpired: an approved card's quote holds no longer; nothing is recorded.
    """
    if application.status is not ApplicationStatus.ASSESSING:
        return False
    before = application.assessment_id
    kept = exploration.record(
        session, assessed.gathered, assessed.decision, explored=assessed.explored, by=by, at=at
    )
    application.assessment_id = kept.id
    session.flush()
    is_anew = before is not None
    outcome = _outcome(session, application, assessed.decision, kept) if is_anew else kept.outcome
    if outcome is Outcome.APPROVE and kept.outcome is Outcome.REVIEW:
        # The queue is told that a person's word stands, so that it waits for nobody.
        reviews.owe(session, kept, cause=ReviewCause.RULES, at=at)
        reviews.close(session, application.id, how=ReviewEnd.CARRIED, at=at)
    elif is_anew and outcome is not Outcome.REVIEW:
        # A person who was to look before need not any more: the new decision answers.
        reviews.close(session, application.id, how=ReviewEnd.ASSESSED_ANEW, at=at)
    _do(session, application, kept, outcome, by=by, at=at)
    goes_on = is_anew and outcome is Outcome.REVIEW
    _tell(session, application, kept, outcome, goes_on=goes_on, at=at)
    return True


def conclude(
    session: Session, application: Application, outcome: Outcome, *, by: Actor, at: datetime
) -> None:
    """Do what a person decided on an application in review.

    An approval whose quotes hold no longer is assessed anew; where the same things come up again,
    the person's word stands.

    Raises:
        MoveRefused: the application is not in review.
    """
    if application.status is not ApplicationStatus.REVIEW or application.assessment_id is None:
        raise moves.MoveRefused("application", application.status, outcome)
    kept = assessments.get(session, application.assessment_id)
    application.reviewed_at = at
    session.flush()
    try:
        with session.begin_nested():
            _do(session, application, kept, outcome, by=by, at=at)
            _tell(session, application, kept, outcome, goes_on=False, at=at)
    except QuotesExpired:
        session.refresh(application)
        _again(session, application, reason="the quotes held no longer", by=by, at=at)


def look_again(
    session: Session, application: Application, *, reason: str, by: Actor, at: datetime
) -> None:
    """Have an application in review assessed anew, as with data that were corrected.

    Raises:
        OnlyARiskOfficer: somebody else asks for it.
        MoveRefused: the application is not in review.
    """
    if by.role is not Role.RISK_OFFICER:
        raise OnlyARiskOfficer()
    applicants.lock(session, application)
    _again(session, application, reason=reason, by=by, at=at)


def unpark(session: Session, application: Application, *, by: Actor, at: datetime) -> None:
    """Have a parked application assessed again, when a person has seen to what stood in the way.

    Raises:
        OnlyARiskOfficer: neither a risk officer nor an operator asks for it.
        NotParked: it is not parked, or waits for no assessment any more.
    """
    if by.role not in MAY_UNPARK:
        raise OnlyARiskOfficer()
    applicants.lock(session, application)
    if not application.parked or application.status not in parking.WAITING:
        raise NotParked()
    claims.unpark(application)
    events.append(session, parking.UNPARKED, subject=application.id, at=at, body={"by": str(by)})


def _again(
    session: Session, application: Application, *, reason: str, by: Actor, at: datetime
) -> None:
    claims.unpark(application)
    moves.advance(
        session,
        application,
        ApplicationStatus.SUBMITTED,
        table=APPLICATION_MOVES,
        by=by,
        at=at,
        reason=reason,
    )


def _do(
    session: Session,
    application: Application,
    kept: Assessment,
    outcome: Outcome,
    *,
    by: Actor,
    at: datetime,
) -> None:
    match outcome:
        case Outcome.APPROVE:
            approval = Approval(
                assessment_id=kept.id,
                decision=assessments.decision_of(kept),
                dossier=assessments.dossier_of(kept),
            )
            offering.make(session, application, approval, by=by, at=at)
        case Outcome.DECLINE:
            to = ApplicationStatus.DECLINED
            closing.close(session, application, to, reason="declined", by=by, at=at)
        case Outcome.REVIEW:
            to = ApplicationStatus.REVIEW
            moves.advance(session, application, to, table=APPLICATION_MOVES, by=by, at=at)
            reviews.owe(session, kept, cause=ReviewCause.RULES, at=at)
        case _:
            assert_never(outcome)


def _tell(
    session: Session,
    application: Application,
    kept: Assessment,
    outcome: Outcome,
    *,
    goes_on: bool,
    at: datetime,
) -> None:
    """Tell what was decided; `goes_on` where the debtor knows already that a person looks at it."""
    events.append(
        session,
        "application.decided",
        subject=application.id,
        at=at,
        body={
            "outcome": outcome.value,
            "assessment_id": str(kept.id),
            "goes_on": goes_on,
        },
    )


def _outcome(
    session: Session, application: Application, decision: Decision, kept: Assessment
) -> Outcome:
    """Say what an assessment means where others, or a person, have spoken before.

    An offer or a decline that turns an earlier assessment round is put before two officers, and so
    is a decline that the debtor could not object to, or with which a machine would answer his
    request for a person.
    """
    wanted = kept.outcome
    if wanted is Outcome.REVIEW and _was_cleared(session, application, decision):
        wanted = Outcome.APPROVE
    if reviews.turned(session, kept, wanted):
        return Outcome.REVIEW
    if wanted is Outcome.DECLINE and (
        application.reviewed_at is not None or reviews.is_owed_to_debtor(session, application.id)
    ):
        return Outcome.REVIEW
    return wanted


def _was_cleared(session: Session, application: Application, decision: Decision) -> bool:
    """Tell whether a person has approved this application with the same things before him.

    What counts is the assessment that he approved, not one that came up since and nobody looked at;
    and each rule against fraud by its name, for several share one reason.
    """
    if application.reviewed_at is None or not decision.has_terms:
        return False
    seen = reviews.approved(session, application.id)
    return seen is not None and findings(decision) <= findings(assessments.decision_of(seen))


def findings(decision: Decision) -> frozenset[tuple[str, str]]:
    """Name what a decision leaves to a person: its reasons, and the rules against fraud."""
    hits = () if decision.workings is None else decision.workings.fraud
    return frozenset(
        [("reason", reason.value) for reason in decision.reasons]
        + [("rule", hit.rule) for hit in hits]
    )
