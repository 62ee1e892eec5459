"""Reviews: a person decides where the rules leave it to one or the debtor asks for one.

Source: 个人信息保护法 24, the right to refuse a decision made by automation alone.
"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from kernel import events, ids
from kernel.actors import Actor, Role
from kernel.refusals import FieldFault, Refused
from underwriting import assessments
from underwriting.decisions import Outcome
from underwriting.records.assessments import Assessment, Review

NOTE_LENGTH_MAX: Final = 2_000


class AlreadyReviewed(Refused):
    """A person has decided on this assessment before."""

    status = HTTPStatus.CONFLICT
    code = "already_reviewed"
    title = "This assessment was reviewed before"
    title_zh = "该评估已完成人工审核"


class NothingToApprove(Refused):
    """The assessment found no loan that could be offered, so there is none to approve."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "nothing_to_approve"
    title = "The assessment holds no terms to approve; assess anew with corrected data"
    title_zh = "该评估没有可批准的方案，请更正资料后重新评估"


class NoReviewer(Refused):
    """Only a risk officer reviews."""

    status = HTTPStatus.FORBIDDEN
    code = "no_reviewer"
    title = "Only a risk officer may review"
    title_zh = "仅风控人员可进行人工审核"


class ReviewFaulty(Refused):
    """A review ends in an approval or a decline, with a note why."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "review_faulty"
    title = "The review lacks its outcome or its reason"
    title_zh = "审核缺少结论或理由"


def resolve(
    session: Session,
    assessment: Assessment,
    *,
    outcome: Outcome,
    note: str,
    by: Actor,
    at: datetime,
) -> Review:
    """Decide as a person: approve the terms the assessment found, or decline.

    Appends the fact `assessment.reviewed`.

    Raises:
        NoReviewer: the actor is no risk officer.
        ReviewFaulty: no approval and no decline, or no note.
        NothingToApprove: an approval without terms.
        AlreadyReviewed: a person decided before.
    """
    if by.role is not Role.RISK_OFFICER:
        raise NoReviewer()
    _require_whole(outcome, note)
    if outcome is Outcome.APPROVE and not assessments.decision_of(assessment).has_terms:
        raise NothingToApprove()
    session.refresh(assessment, with_for_update=True)
    if of(session, assessment) is not None:
        raise AlreadyReviewed()
    review = Review(
        id=ids.derived(assessment.id, "review"),
        assessment_id=assessment.id,
        outcome=outcome,
        note=note.strip(),
        reviewed_by=str(by),
        reviewed_at=at,
    )
    session.add(review)
    events.append(
        session,
        "assessment.reviewed",
        subject=assessment.id,
        at=at,
        body={
            "application_ref": str(assessment.application_ref),
            "outcome": outcome.value,
        },
    )
    session.flush()
    return review


def of(session: Session, assessment: Assessment) -> Review | None:
    """Find the review of an assessment."""
    return session.scalar(select(Review).where(Review.assessment_id == assessment.id))


def _require_whole(outcome: Outcome, note: str) -> None:
    faults = []
    if outcome is Outcome.REVIEW:
        faults.append(FieldFault("/outcome", "must be approve or decline"))
    if not 0 < len(note.strip()) <= NOTE_LENGTH_MAX:
        faults.append(FieldFault("/note", f"must have 1 to {NOTE_LENGTH_MAX} characters"))
    if faults:
        raise ReviewFaulty(faults=tuple(faults))
