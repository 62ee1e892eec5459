"""What a decision means for an application: an offer, a decline with reasons, or a person's look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import assert_never

from sqlalchemy.orm import Session

from kernel import claims, events, moves
from kernel.actors import Actor, Role
from kernel.refusals import Refused
from origination import applicants, closing, consents, offering
from origination.offering import Approval, QuotesExpired
from origination.records.applications import APPLICATION_MOVES, Application, ApplicationStatus
from underwriting import assessments, exploration, reviews
from underwriting.decisions import Decision, Outcome
from underwriting.exploration import Explored
from underwriting.inquiries import Gathered
from underwriting.records.assessments import Assessment
from underwriting.records.service import ReviewCause, ReviewEnd


class OnlyARiskOfficer(Refused):
    """Only a risk officer may have an application assessed anew."""

    status = HTTPStatus.FORBIDDEN
    code = "only_a_risk_officer"
    title = "Only a risk officer may do this"
    title_zh = "仅风控人员可执行此操作"


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
    session: Session, application: Application, *, parked: bool, by: Actor, at: datetime
) -> None:
    """Let an application that could not be decided wait again; nothing of it is lost."""
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
    if parked:
        events.append(session, "application.parked", subject=application.id, at=at)


def settle(
    session: Session, application: Application, assessed: Assessed, *, by: Actor, at: datetime
) -> bool:
    """Record an assessment and do what it says; False when the debtor withdrew meanwhile.

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
    outcome = kept.outcome
    if outcome is Outcome.REVIEW and _was_cleared(session, application, assessed.decision):
        outcome = Outcome.APPROVE
        # The queue is told that his word stands, so that it waits for nobody.
        reviews.owe(session, kept, cause=ReviewCause.RULES, at=at)
        reviews.close(session, application.id, how=ReviewEnd.CARRIED, at=at)
    elif before is not None and outcome is not Outcome.REVIEW:
        # A person who was to look before need not any more: the new decision answers.
        reviews.close(session, application.id, how=ReviewEnd.ASSESSED_ANEW, at=at)
    _do(session, application, kept, outcome, by=by, at=at)
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
    """
    if by.role not in {Role.RISK_OFFICER, Role.OPERATOR}:
        raise OnlyARiskOfficer()
    applicants.lock(session, application)
    claims.unpark(application)
    events.append(
        session, "application.unparked", subject=application.id, at=at, body={"by": str(by)}
    )


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
    events.append(
        session,
        "application.decided",
        subject=application.id,
        at=at,
        body={"outcome": outcome.value, "assessment_id": str(kept.id)},
    )


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
