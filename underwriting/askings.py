"""What persons asked for: applications in review to be assessed anew, kept in the event log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from kernel import events
from kernel.actors import Actor
from kernel.events import Event
from kernel.refusals import Refused
from underwriting import obstacles
from underwriting.obstacles import Obstacle
from underwriting.records.assessments import Assessment

ASKED: Final = "assessment.asked_anew"
FAILED: Final = "assessment.anew_failed"
FACTS_MAX: Final = 200


class BeingAssessedAnew(Refused):
    """The assessment is given up for a new one, so nobody decides on it any more."""

    status = HTTPStatus.CONFLICT
    code = "being_assessed_anew"
    title = "This application is being assessed anew"
    title_zh = "该申请正在重新评估"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One person's wish to have an application assessed anew."""

    assessment_id: UUID
    """The one that waited for a person then."""
    by: str
    reason: str
    at: datetime
    failed: Obstacle | None = None
    """What stood in the way; the assessment waited for a person again then."""


def keep(
    session: Session, assessment: Assessment, *, reason: str, by: Actor, at: datetime
) -> Asking:
    """Append the fact that somebody wants an application assessed anew."""
    body = {
        "application_ref": str(assessment.application_ref),
        "reason": reason,
        "by": str(by),
    }
    events.append(session, ASKED, subject=assessment.id, at=at, body=body)
    session.flush()
    return Asking(assessment_id=assessment.id, by=str(by), reason=reason, at=at)


def fail(session: Session, assessment: Assessment, obstacle: Obstacle, *, at: datetime) -> None:
    """Append the fact that no other assessment could be made, so that a person decides on this one."""
    body = {"application_ref": str(assessment.application_ref), **obstacle.body()}
    events.append(session, FAILED, subject=assessment.id, at=at, body=body)
    session.flush()


def of(session: Session, assessment: Assessment) -> Asking | None:
    """Find who wants another assessment in the place of this one; None when that failed."""
    found = _read(session.scalars(_facts().where(Event.subject == assessment.id)).all())
    return found[-1] if found and found[-1].failed is None else None


def listed(session: Session, application_ref: UUID) -> tuple[Asking, ...]:
    """List what was asked about one application, oldest first."""
    its = select(Assessment.id).where(Assessment.application_ref == application_ref)
    return _read(session.scalars(_facts().where(Event.subject.in_(its))).all())


def _facts() -> Select[Event]:
    kinds = Event.kind.in_((ASKED, FAILED))
    return select(Event).where(kinds).order_by(Event.id).limit(FACTS_MAX)


def _read(facts: Sequence[Event]) -> tuple[Asking, ...]:
    """Read the facts in their order: a failure is the end of what was asked last."""
    found: list[Asking] = []
    for fact in facts:
        if fact.kind == ASKED:
            body = fact.body
            found.append(
                Asking(assessment_id=fact.subject, by=body["by"], reason=body["reason"], at=fact.at)
            )
        elif found:
            found[-1] = replace(found[-1], failed=obstacles.read(fact.body))
    return tuple(found)
