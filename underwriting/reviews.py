"""Reviews: a person decides where the rules leave it to one or the debtor asks for one.

A word against what the model came to needs a second officer: declining a debtor for whom terms
were found, approving one whom the model declined, or setting aside what a fraud rule found. The
first officer's word is a proposal then, and another officer's same word makes it the review.

The same holds for a word that turns round what an earlier assessment of the application found, for
asking anew until the answer fits is no way past the second officer.

The time within which a person answers is the policy's; a new assessment of the same application
goes on with the time of the review it takes over.

Source: 个人信息保护法 24, the right to refuse a decision made by automation alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from disbursement.breaks import SamePerson
from kernel import events, ids
from kernel.actors import Actor, Role
from kernel.clock import business_day, require_aware
from kernel.refusals import FieldFault, Refused
from underwriting import askings, assessments, policy, reversals
from underwriting.decisions import Decision, Outcome
from underwriting.policy_rules import ReviewRules
from underwriting.records.assessments import Assessment, Review
from underwriting.records.service import (
    ReviewCause,
    ReviewClosing,
    ReviewEnd,
    ReviewProposal,
    ReviewProposalEnd,
    ReviewRequest,
)
from underwriting.reversals import Reversal

NOTE_LENGTH_MAX: Final = 2_000
EARLIER_MAX: Final = 50
"""Earlier assessments that are looked at, the newest ones; `anew` allows far fewer."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What one officer says on an assessment."""

    outcome: Outcome
    note: str
    by: Actor
    at: datetime


def resolve(
    session: Session,
    assessment: Assessment,
    *,
    outcome: Outcome,
    note: str,
    by: Actor,
    at: datetime,
) -> Review | ReviewProposal:
    """Decide as a person: approve the terms the assessment found, or decline.

    Gives the review, or the proposal where the word is against the model and no other officer has
    said the same before. A word that needs no second officer sets an open proposal aside.
    Appends the fact `assessment.reviewed`, or `assessment.override_proposed`.

    Raises:
        NoReviewer: the actor is no risk officer.
        ReviewFaulty: no approval and no decline, or no note.
        NothingToApprove: an approval without terms.
        AlreadyReviewed: a person decided before.
        BeingAssessedAnew: somebody had it assessed anew instead.
        SamePerson: who proposed it says it once more.
    """
    if by.role is not Role.RISK_OFFICER:
        raise NoReviewer()
    _require_whole(outcome, note)
    decision = assessments.decision_of(assessment)
    if outcome is Outcome.APPROVE and not decision.has_terms:
        raise NothingToApprove()
    # Whoever comes second waits here, and sees what the first one did.
    session.refresh(assessment, with_for_update=True)
    if of(session, assessment) is not None:
        raise AlreadyReviewed()
    if askings.of(session, assessment) is not None:
        raise askings.BeingAssessedAnew()
    word = Word(outcome=outcome, note=note.strip(), by=by, at=require_aware(at))
    proposal = proposed(session, assessment)
    if not is_override(decision, outcome) and not turned(session, assessment, outcome):
        return _reviewed(session, assessment, word, proposal)
    if proposal is None or proposal.outcome is not outcome:
        return _proposed(session, assessment, word, proposal)
    if proposal.proposed_by == str(by):
        raise SamePerson("whoever proposed it does not confirm it")
    return _reviewed(session, assessment, word, proposal)


def is_override(decision: Decision, outcome: Outcome) -> bool:
    """Tell whether a word is against what the model or a fraud rule came to."""
    if outcome is Outcome.DECLINE:
        return decision.has_terms
    found_fraud = decision.workings is not None and bool(decision.workings.fraud)
    return decision.outcome is Outcome.DECLINE or found_fraud


def turned(session: Session, assessment: Assessment, outcome: Outcome) -> tuple[Reversal, ...]:
    """Name what an outcome would turn round of the assessments since a person last approved one."""
    place = tuple_(Assessment.decided_at, Assessment.id)
    query = select(Assessment).where(
        Assessment.application_ref == assessment.application_ref,
        place < (assessment.decided_at, assessment.id),
    )
    seen = approved(session, assessment.application_ref)
    if seen is not None:
        query = query.where(place > (seen.decided_at, seen.id))
    earlier = session.scalars(
        query.order_by(Assessment.decided_at.desc(), Assessment.id.desc()).limit(EARLIER_MAX)
    ).all()
    if not earlier:
        return ()
    return reversals.of(outcome, _found(assessment), [_found(each) for each in earlier])


def of(session: Session, assessment: Assessment) -> Review | None:
    """Find the review of an assessment."""
    return session.scalar(select(Review).where(Review.assessment_id == assessment.id))


def approved(session: Session, application_ref: UUID) -> Assessment | None:
    """Find the assessment of an application that a person approved; None where his last word is no."""
    found = session.execute(
        select(Review.outcome, Assessment)
        .join(Assessment, Assessment.id == Review.assessment_id)
        .where(Assessment.application_ref == application_ref)
        .order_by(Review.reviewed_at.desc(), Review.id.desc())
        .limit(1)
    ).first()
    return None if found is None or found[0] is not Outcome.APPROVE else found[1]


def proposed(session: Session, assessment: Assessment) -> ReviewProposal | None:
    """Find the proposal that waits for a second officer."""
    return session.scalar(
        select(ReviewProposal)
        .outerjoin(ReviewProposalEnd, ReviewProposalEnd.proposal_id == ReviewProposal.id)
        .where(
            ReviewProposal.assessment_id == assessment.id, ReviewProposalEnd.proposal_id.is_(None)
        )
        .order_by(ReviewProposal.proposed_at.desc(), ReviewProposal.id.desc())
        .limit(1)
    )


def owe(session: Session, assessment: Assessment, *, cause: ReviewCause, at: datetime) -> None:
    """Begin to owe an answer to an assessment; opened twice is opened once.

    The clock begins to run at the debtor's request, or with the assessment that a person must see.
    """
    session.refresh(assessment, with_for_update=True)
    if session.get(ReviewRequest, assessment.id) is not None:
        return
    before = _open_before(session, assessment)
    if before is not None:
        _close(session, before, ReviewEnd.CARRIED, at=at)
        times = (before.opened_at, before.warn_at, before.due_at)
        cause = before.cause if before.cause is ReviewCause.DEBTOR else cause
    else:
        rules = _times(at)
        times = (
            at,
            None if rules is None else at + timedelta(hours=rules.warn_after_hours),
            None if rules is None else at + timedelta(hours=rules.hours),
        )
    opened_at, warn_at, due_at = times
    session.add(
        ReviewRequest(
            assessment_id=assessment.id,
            application_ref=assessment.application_ref,
            cause=cause,
            opened_at=require_aware(opened_at),
            warn_at=warn_at,
            due_at=due_at,
        )
    )
    session.flush()


def is_owed_to_debtor(session: Session, application_ref: UUID) -> bool:
    """Tell whether a debtor's own request for a person is not answered yet."""
    before = _unanswered(session, application_ref)
    return before is not None and before.cause is ReviewCause.DEBTOR


def close(session: Session, application_ref: UUID, *, how: ReviewEnd, at: datetime) -> None:
    """End the open review of an application whose assessment no person answers any more."""
    before = _unanswered(session, application_ref)
    if before is not None:
        _close(session, before, how, at=at)


def _found(assessment: Assessment) -> reversals.Found:
    funder_code = assessments.dossier_of(assessment).lender.funder_code
    return reversals.Found(assessments.decision_of(assessment), funder_code)


def _times(at: datetime) -> ReviewRules | None:
    try:
        return policy.in_force(business_day(at)).review
    except policy.NoSuchPolicy:
        return None


def _open_before(session: Session, assessment: Assessment) -> ReviewRequest | None:
    before = _unanswered(session, assessment.application_ref)
    return None if before is None or before.assessment_id == assessment.id else before


def _unanswered(session: Session, application_ref: UUID) -> ReviewRequest | None:
    return session.scalar(
        select(ReviewRequest)
        .outerjoin(Review, Review.assessment_id == ReviewRequest.assessment_id)
        .outerjoin(ReviewClosing, ReviewClosing.assessment_id == ReviewRequest.assessment_id)
        .where(
            ReviewRequest.application_ref == application_ref,
            Review.id.is_(None),
            ReviewClosing.assessment_id.is_(None),
        )
        .order_by(ReviewRequest.opened_at.desc(), ReviewRequest.assessment_id.desc())
        .limit(1)
    )


def _close(session: Session, request: ReviewRequest, how: ReviewEnd, *, at: datetime) -> None:
    session.add(
        ReviewClosing(assessment_id=request.assessment_id, how=how, closed_at=require_aware(at))
    )
    session.flush()


def _proposed(
    session: Session, assessment: Assessment, word: Word, before: ReviewProposal | None
) -> ReviewProposal:
    if before is not None:
        _end(session, before, word, is_confirmed=False)
    proposal = ReviewProposal(
        id=ids.new(),
        assessment_id=assessment.id,
        outcome=word.outcome,
        note=word.note,
        proposed_by=str(word.by),
        proposed_at=word.at,
    )
    session.add(proposal)
    _tell(session, "assessment.override_proposed", assessment, word)
    return proposal


def _reviewed(
    session: Session, assessment: Assessment, word: Word, proposal: ReviewProposal | None
) -> Review:
    confirms = proposal is not None and proposal.outcome is word.outcome
    if proposal is not None:
        _end(session, proposal, word, is_confirmed=confirms)
    review = Review(
        id=ids.derived(assessment.id, "review"),
        assessment_id=assessment.id,
        outcome=word.outcome,
        note=word.note,
        reviewed_by=str(word.by),
        reviewed_at=word.at,
        proposed_by=proposal.proposed_by if proposal is not None and confirms else None,
    )
    session.add(review)
    _tell(session, "assessment.reviewed", assessment, word)
    return review


def _end(session: Session, proposal: ReviewProposal, word: Word, *, is_confirmed: bool) -> None:
    session.add(
        ReviewProposalEnd(
            proposal_id=proposal.id, is_confirmed=is_confirmed, by=str(word.by), at=word.at
        )
    )


def _tell(session: Session, kind: str, assessment: Assessment, word: Word) -> None:
    events.append(
        session,
        kind,
        subject=assessment.id,
        at=word.at,
        body={
            "application_ref": str(assessment.application_ref),
            "outcome": word.outcome.value,
        },
    )
    session.flush()


def _require_whole(outcome: Outcome, note: str) -> None:
    faults = []
    if outcome is Outcome.REVIEW:
        faults.append(FieldFault("/outcome", "must be approve or decline"))
    if not 0 < len(note.strip()) <= NOTE_LENGTH_MAX:
        faults.append(FieldFault("/note", f"must have 1 to {NOTE_LENGTH_MAX} characters"))
    if faults:
        raise ReviewFaulty(faults=tuple(faults))
