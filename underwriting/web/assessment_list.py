"""Assessments as the console reads them: the list with its filters, and one decision whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.orm import Session

from kernel.clock import shanghai
from kernel.web.lists import Part, Place, cut
from underwriting import askings, assessments, decisions, dossier, review_queue, reviews
from underwriting.askings import Asking
from underwriting.canonical import Unreadable
from underwriting.decisions import Decision, Outcome
from underwriting.dossier import Dossier
from underwriting.records.assessments import Assessment, Review, SourceAnswer
from underwriting.reversals import Reversal
from underwriting.review_queue import WaitingProposal

ANSWERS_MAX: Final = 100


class Pile(StrEnum):
    """The piles of assessments that risk staff look at."""

    WAITING = "waiting"
    APPROVE = "approve"
    DECLINE = "decline"
    REVIEW = "review"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which assessments a list is to show."""

    pile: Pile = Pile.ALL
    first: date | None = None
    last: date | None = None
    """Days in Shanghai, both included."""

    @property
    def is_oldest_first(self) -> bool:
        """Whether those that have waited longest come first."""
        return self.pile is Pile.WAITING


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentRow:
    """An assessment as the list shows it."""

    id: UUID
    application_ref: UUID
    decided_at: datetime
    outcome: Outcome
    reviewed: Outcome | None
    pd: Decimal | None
    policy_version: str
    decision: Decision | None
    """None when what is stored cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentWhole:
    """One decision with everything it rests on."""

    kept: Assessment
    decision: Decision | None
    dossier: Dossier | None
    answers: Sequence[SourceAnswer]
    review: Review | None
    proposal: WaitingProposal | None
    """A word against the model that waits for a second officer."""
    newest_id: UUID
    """The newest assessment of the application."""
    waits_for_review: bool
    """Whether a person is still to decide on it."""
    askings: tuple[Asking, ...]
    """Who had the application assessed anew, oldest first."""
    given_up: Asking | None
    """Who wants another assessment in the place of this one."""
    turned: tuple[Reversal, ...]
    """What an approval of this one would turn round of earlier ones."""


def listed(
    session: Session, wanted: Wanted, *, after: Place | None, limit: int
) -> Part[AssessmentRow]:
    """List assessments, at most `limit` after a place."""
    query = (
        select(
            Assessment.id,
            Assessment.application_ref,
            Assessment.decided_at,
            Assessment.outcome,
            Review.outcome.label("reviewed"),
            Assessment.pd,
            Assessment.policy_version,
            Assessment.decision,
        )
        .outerjoin(Review, _is_its_review())
        .where(*_conditions(wanted))
    )
    order = (Assessment.decided_at, Assessment.id)
    if after is not None:
        here, there = tuple_(*order), tuple_(after.at, after.id)
        query = query.where(here > there if wanted.is_oldest_first else here < there)
    query = query.order_by(*(order if wanted.is_oldest_first else [one.desc() for one in order]))
    found = [_row(row) for row in session.execute(query.limit(limit + 1))]
    return cut(found, limit, lambda row: Place(row.decided_at, row.id))


def waiting(session: Session) -> int:
    """Count the assessments that wait for a person."""
    query = select(func.count()).select_from(Assessment).outerjoin(Review, _is_its_review())
    return session.scalar(query.where(*_conditions(Wanted(pile=Pile.WAITING)))) or 0


def counts(session: Session, first: date, last: date) -> dict[Outcome, int]:
    """Count the assessments of some days by outcome."""
    found = session.execute(
        select(Assessment.outcome, func.count())
        .where(*_conditions(Wanted(first=first, last=last)))
        .group_by(Assessment.outcome)
    )
    return dict.fromkeys(Outcome, 0) | {row[0]: row[1] for row in found}


def whole(session: Session, assessment_id: UUID) -> AssessmentWhole:
    """Read one decision with everything it rests on.

    Raises:
        NoSuchAssessment: there is none.
    """
    kept = assessments.get(session, assessment_id)
    newest = assessments.latest(session, kept.application_ref)
    waits = review_queue.waits(session, kept)
    try:
        told = dossier.from_bytes(kept.dossier.encode())
    except Unreadable:
        told = None
    return AssessmentWhole(
        kept=kept,
        decision=_decision(kept.decision),
        dossier=told,
        answers=session.scalars(
            select(SourceAnswer)
            .where(SourceAnswer.assessment_id == kept.id)
            .order_by(SourceAnswer.asked_at, SourceAnswer.source)
            .limit(ANSWERS_MAX)
        ).all(),
        review=reviews.of(session, kept),
        proposal=next(iter(review_queue.proposals(session, kept)), None),
        waits_for_review=waits,
        askings=askings.listed(session, kept.application_ref),
        given_up=askings.of(session, kept),
        turned=_turned(session, kept) if waits else (),
        newest_id=kept.id if newest is None else newest.id,
    )


def _turned(session: Session, kept: Assessment) -> tuple[Reversal, ...]:
    try:
        return reviews.turned(session, kept, Outcome.APPROVE)
    except Unreadable:
        return ()


def _is_its_review() -> ColumnElement[bool]:
    return Review.assessment_id == Assessment.id


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.pile is Pile.WAITING:
        found.append(review_queue.is_open())
    elif wanted.pile is not Pile.ALL:
        found.append(Assessment.outcome == Outcome(wanted.pile))
    if wanted.first is not None:
        found.append(Assessment.decided_at >= shanghai(wanted.first))
    if wanted.last is not None:
        found.append(Assessment.decided_at < shanghai(wanted.last + timedelta(days=1)))
    return found


def _row(row: Any) -> AssessmentRow:  # noqa: ANN401 - a row of our own query
    return AssessmentRow(
        id=row.id,
        application_ref=row.application_ref,
        decided_at=row.decided_at,
        outcome=row.outcome,
        reviewed=row.reviewed,
        pd=row.pd,
        policy_version=row.policy_version,
        decision=_decision(row.decision),
    )


def _decision(text: str) -> Decision | None:
    try:
        return decisions.from_bytes(text.encode())
    except Unreadable:
        return None
