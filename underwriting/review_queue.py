"""The queue of reviews: what waits for a person, how long, and whether answers come in time.

What the console reads: `queue` (frozen `OpenReview`s, what is due first comes first), `standing`
(one frozen `Standing`), `proposals` (words against the model that wait for a second officer).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, func, select, text, tuple_, union_all
from sqlalchemy.orm import Session, aliased

from kernel import events
from kernel.clock import require_aware
from underwriting.decisions import Outcome
from underwriting.records.assessments import Assessment, Review
from underwriting.records.service import (
    ReviewBreach,
    ReviewCause,
    ReviewClosing,
    ReviewProposal,
    ReviewProposalEnd,
    ReviewRequest,
)

QUEUE_MAX: Final = 200
TOLD_MAX: Final = 200
"""Overdue reviews that one run tells; the next run tells the others."""
MEASURED_DAYS: Final = 90
OVERDUE: Final = "review.overdue"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenReview:
    """An assessment that waits for a person."""

    assessment_id: UUID
    application_ref: UUID
    cause: ReviewCause
    outcome: Outcome
    """Of the assessment: a decline that the debtor objects to, or what the rules left open."""
    opened_at: datetime
    warn_at: datetime | None
    due_at: datetime | None
    """None where no time was promised."""
    proposed: Outcome | None
    """What a first officer would decide against the model."""
    proposed_by: str | None
    at: datetime
    """When the queue was read."""

    @property
    def hours(self) -> Decimal:
        """Give its age in hours."""
        seconds = Decimal((self.at - self.opened_at) // timedelta(seconds=1))
        return (seconds / 3600).quantize(Decimal("0.1"))

    @property
    def is_overdue(self) -> bool:
        """Whether the promised time is over."""
        return self.due_at is not None and self.at > self.due_at

    @property
    def stands_out(self) -> bool:
        """Whether it is to be seen to before others."""
        return self.warn_at is not None and self.at >= self.warn_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How reviews stand at one moment, and how they were answered lately."""

    at: datetime
    open: int
    overdue: int
    """Of the open ones."""
    oldest_hours: Decimal | None
    answered: int
    """Within MEASURED_DAYS, by a person's word or by a new assessment."""
    in_time: int
    median_hours: Decimal | None
    """From the request to the answer."""
    share_in_time: Decimal | None
    """Of those answered and those overdue, where a time was promised; None where there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingProposal:
    """A word against the model that waits for a second officer."""

    assessment_id: UUID
    outcome: Outcome
    note: str
    proposed_by: str
    proposed_at: datetime


def is_open() -> ColumnElement[bool]:
    """Select the assessments that a person owes an answer; for use in a query on `Assessment`.

    An assessment of before there were requests waits by its outcome alone.
    """
    later = aliased(Assessment)
    newer = exists().where(
        later.application_ref == Assessment.application_ref,
        tuple_(later.decided_at, later.id) > tuple_(Assessment.decided_at, Assessment.id),
    )
    return and_(
        Assessment.id.in_(union_all(_requested(), _before_requests())),
        ~newer.correlate(Assessment),
    )


def _requested() -> Select[UUID]:
    """Select what was asked for and not answered; requests are few beside assessments."""
    answered = exists().where(Review.assessment_id == ReviewRequest.assessment_id)
    ended = exists().where(ReviewClosing.assessment_id == ReviewRequest.assessment_id)
    return select(ReviewRequest.assessment_id).where(
        ~answered.correlate(ReviewRequest), ~ended.correlate(ReviewRequest)
    )


def _before_requests() -> Select[UUID]:
    """Select what the rules left to a person before the first request was kept.

    Since then whatever is left to a person has a request, so younger assessments are not read.
    """
    old = aliased(Assessment)
    first = select(func.coalesce(func.min(ReviewRequest.opened_at), text("'infinity'")))
    asked = exists().where(ReviewRequest.assessment_id == old.id)
    answered = exists().where(Review.assessment_id == old.id)
    return select(old.id).where(
        old.outcome == Outcome.REVIEW,
        old.decided_at < first.scalar_subquery(),
        ~asked.correlate(old),
        ~answered.correlate(old),
    )


def waits(session: Session, assessment: Assessment) -> bool:
    """Tell whether an assessment waits for a person."""
    found = session.scalar(select(Assessment.id).where(Assessment.id == assessment.id, is_open()))
    return found is not None


def queue(session: Session, *, at: datetime, limit: int = QUEUE_MAX) -> tuple[OpenReview, ...]:
    """List what waits for a person: what is due first, then what waited longest."""
    opened_at = func.coalesce(ReviewRequest.opened_at, Assessment.decided_at)
    rows = session.execute(
        _waiting_with_proposals(opened_at)
        .order_by(ReviewRequest.due_at.nulls_last(), opened_at, Assessment.id)
        .limit(min(limit, QUEUE_MAX))
    )
    return tuple(
        OpenReview(
            assessment_id=row.id,
            application_ref=row.application_ref,
            cause=row.cause or ReviewCause.RULES,
            outcome=row.outcome,
            opened_at=row.opened_at,
            warn_at=row.warn_at,
            due_at=row.due_at,
            proposed=row.proposed,
            proposed_by=row.proposed_by,
            at=at,
        )
        for row in rows
    )


def proposals(session: Session, assessment: Assessment) -> tuple[WaitingProposal, ...]:
    """List the words on an assessment that wait for a second officer: one or none."""
    rows = session.scalars(
        select(ReviewProposal).where(
            ReviewProposal.assessment_id == assessment.id, _is_pending_proposal()
        )
    )
    return tuple(
        WaitingProposal(
            assessment_id=row.assessment_id,
            outcome=row.outcome,
            note=row.note,
            proposed_by=row.proposed_by,
            proposed_at=row.proposed_at,
        )
        for row in rows
    )


_ENDED: Final = """
    SELECT request.opened_at, request.due_at,
           coalesce(review.reviewed_at, closing.closed_at) AS ended_at
      FROM review_request AS request
      LEFT JOIN review ON review.assessment_id = request.assessment_id
      LEFT JOIN review_closing AS closing ON closing.assessment_id = request.assessment_id
     WHERE (review.id IS NOT NULL OR closing.how = 'assessed_anew')
"""
_ANSWERED: Final = text(
    f"""
    SELECT count(*) AS answered,
           count(*) FILTER (WHERE ended_at <= due_at) AS in_time,
           count(*) FILTER (WHERE due_at IS NOT NULL) AS promised,
           percentile_cont(0.5) WITHIN GROUP
               (ORDER BY extract(epoch FROM ended_at - opened_at)) AS median_seconds
      FROM ({_ENDED}) AS ended
     WHERE ended_at > :since AND ended_at <= :at
    """  # noqa: S608 - of constants
)


def standing(session: Session, *, at: datetime) -> Standing:
    """Measure the reviews: open, overdue, median hours, and the share that was answered in time.

    What is overdue and still open counts as not in time, so that leaving it alone helps no figure.
    """
    opened_at = func.coalesce(ReviewRequest.opened_at, Assessment.decided_at)
    waiting = session.execute(
        select(
            func.count().label("open"),
            func.count().filter(ReviewRequest.due_at < at).label("overdue"),
            func.min(opened_at).label("oldest"),
        )
        .select_from(Assessment)
        .outerjoin(ReviewRequest, ReviewRequest.assessment_id == Assessment.id)
        .where(is_open())
    ).one()
    done = session.execute(
        _ANSWERED, {"at": require_aware(at), "since": at - timedelta(days=MEASURED_DAYS)}
    ).one()
    promised = done.promised + waiting.overdue
    return Standing(
        at=at,
        open=waiting.open,
        overdue=waiting.overdue,
        oldest_hours=None if waiting.oldest is None else _hours(at - waiting.oldest),
        answered=done.answered,
        in_time=done.in_time,
        median_hours=None
        if done.median_seconds is None
        else _hours(timedelta(seconds=int(done.median_seconds))),
        share_in_time=None
        if not promised
        else (Decimal(done.in_time) / promised).quantize(Decimal("0.0001")),
    )


def tell_overdue(session: Session, *, at: datetime) -> tuple[UUID, ...]:
    """Tell the reviews whose time is over, each once, as the fact `review.overdue`.

    Two workers take different ones.
    """
    late = session.execute(
        select(ReviewRequest.assessment_id, ReviewRequest.due_at)
        .join(Assessment, Assessment.id == ReviewRequest.assessment_id)
        .where(
            ReviewRequest.due_at < at,
            ~exists().where(ReviewBreach.assessment_id == ReviewRequest.assessment_id),
            is_open(),
        )
        .order_by(ReviewRequest.due_at)
        .limit(TOLD_MAX)
        .with_for_update(skip_locked=True, of=ReviewRequest)
    ).all()
    for assessment_id, due_at in late:
        assert due_at is not None, "the query asked for those that are due"
        session.add(ReviewBreach(assessment_id=assessment_id, due_at=due_at, told_at=at))
        events.append(
            session, OVERDUE, subject=assessment_id, at=at, body={"due_at": due_at.isoformat()}
        )
    session.flush()
    return tuple(assessment_id for assessment_id, _ in late)


def _waiting_with_proposals(opened_at: ColumnElement[datetime]) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Assessment.id,
            Assessment.application_ref,
            Assessment.outcome,
            ReviewRequest.cause,
            opened_at.label("opened_at"),
            ReviewRequest.warn_at,
            ReviewRequest.due_at,
            ReviewProposal.outcome.label("proposed"),
            ReviewProposal.proposed_by,
        )
        .outerjoin(ReviewRequest, ReviewRequest.assessment_id == Assessment.id)
        .outerjoin(
            ReviewProposal,
            and_(ReviewProposal.assessment_id == Assessment.id, _is_pending_proposal()),
        )
        .where(is_open())
    )


def _is_pending_proposal() -> ColumnElement[bool]:
    return ~exists().where(ReviewProposalEnd.proposal_id == ReviewProposal.id).correlate(
        ReviewProposal
    )


def _hours(age: timedelta) -> Decimal:
    return (Decimal(age // timedelta(seconds=1)) / 3600).quantize(Decimal("0.1"))
