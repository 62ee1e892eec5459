"""Parked applications: what could not be decided and waits until a person has seen to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from kernel import events
from kernel.events import Event
from origination.records.applications import Application, ApplicationStatus
from underwriting import obstacles
from underwriting.obstacles import Obstacle

WAITING: Final = (ApplicationStatus.SUBMITTED, ApplicationStatus.ASSESSING)
"""In which an application waits for its assessment."""
PARKED: Final = "application.parked"
UNPARKED: Final = "application.unparked"
SHOWN_MAX: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedApplication:
    """An application that nobody tries to assess until a person says so."""

    id: UUID
    submitted_at: datetime | None
    parked_at: datetime | None
    obstacle: Obstacle
    tries: int


def keep(session: Session, application: Application, obstacle: Obstacle, *, at: datetime) -> None:
    """Append the fact that an application was parked, and why."""
    events.append(session, PARKED, subject=application.id, at=at, body=obstacle.body())


def listed(session: Session, *, limit: int = SHOWN_MAX) -> tuple[ParkedApplication, ...]:
    """List the parked applications, those that were submitted first before others."""
    found = session.scalars(
        select(Application)
        .where(Application.status.in_(WAITING), Application.parked)
        .order_by(Application.submitted_at, Application.id)
        .limit(min(limit, SHOWN_MAX))
    ).all()
    facts = session.scalars(
        select(Event)
        .where(Event.subject.in_([each.id for each in found]), Event.kind == PARKED)
        .order_by(Event.id)
    )
    newest = {fact.subject: fact for fact in facts}
    return tuple(_read(each, newest.get(each.id)) for each in found)


def _read(application: Application, fact: Event | None) -> ParkedApplication:
    return ParkedApplication(
        id=application.id,
        submitted_at=application.submitted_at,
        parked_at=None if fact is None else fact.at,
        obstacle=obstacles.read({} if fact is None else fact.body),
        tries=application.failures,
    )
