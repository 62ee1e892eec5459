"""Reading the event log: each fact acted on once, and none that fails blocks the others for ever.

A few facts and the cursor commit together, each fact in a savepoint of its own. A failing fact is tried again a few times, since the ones
after it may depend on it, and is then parked in a row of its own and passed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from kernel import events, ids, logs
from kernel.actors import Actor, Role, system
from kernel.db import transaction
from kernel.events import Event
from kernel.refusals import Refused
from kernel.surroundings import Surroundings
from origination.reactions import REACTIONS
from origination.records.facts import StuckFact
from origination.tellings import News

READER: Final = "origination"
TRIES_MAX: Final = 5
BATCH: Final = 25
"""Facts that one transaction reads: few, for what they touch stays locked until its end."""
ROUNDS_MAX: Final = 50
"""Transactions of one run before it lets others have the worker."""
BY: Final = system("followers")

log = logs.logger(__name__)


class NoSuchStuckFact(Refused):
    """No parked fact has this identity."""

    status = HTTPStatus.NOT_FOUND
    code = "no_such_stuck_fact"
    title = "There is no such parked fact"
    title_zh = "没有该挂起事件"


class OnlyAnOperator(Refused):
    """Only an operator may try a parked fact again."""

    status = HTTPStatus.FORBIDDEN
    code = "only_an_operator"
    title = "Only an operator may do this"
    title_zh = "仅运维人员可执行此操作"


@dataclass(frozen=True, slots=True)
class _Step:
    """What one transaction of reading came to."""

    acted: int
    goes_on: bool


def run(surroundings: Surroundings) -> int:
    """Act on the unread facts, a few in each transaction, and count them."""
    done = 0
    for _ in range(ROUNDS_MAX):
        step = _step(surroundings)
        done += step.acted
        if not step.goes_on:
            break
    return done


def parked(session: Session, *, limit: int = 50) -> list[StuckFact]:
    """List the parked facts that nobody has settled, oldest first."""
    return list(
        session.scalars(
            select(StuckFact)
            .where(StuckFact.parked_at.is_not(None), StuckFact.settled_at.is_(None))
            .order_by(StuckFact.parked_at)
            .limit(min(limit, 500))
        )
    )


def retry(surroundings: Surroundings, stuck_id: UUID, *, by: Actor) -> None:
    """Act on a parked fact once more; what goes wrong now is raised.

    Raises:
        OnlyAnOperator: somebody else tries.
        NoSuchStuckFact: it is not parked, or settled already.
    """
    if by.role is not Role.OPERATOR:
        raise OnlyAnOperator()
    at = surroundings.clock.now()
    with transaction() as session:
        stuck = session.get(StuckFact, stuck_id, with_for_update=True)
        if stuck is None or stuck.parked_at is None or stuck.settled_at is not None:
            raise NoSuchStuckFact()
        fact = session.get_one(Event, stuck.event_id)
        REACTIONS[fact.kind](_news(surroundings, session, fact, at=at))
        stuck.settled_at = at


def _step(surroundings: Surroundings) -> _Step:
    """Act on a few facts in order, up to one that must be tried again, and move the cursor."""
    at = surroundings.clock.now()
    acted = 0
    with transaction() as session:
        facts = events.read(session, READER, limit=BATCH)
        passed: Event | None = None
        for fact in facts:
            if fact.kind in REACTIONS:
                if not _act(surroundings, session, fact, at=at):
                    _mark(session, passed)
                    return _Step(acted=acted, goes_on=False)
                acted += 1
            passed = fact
        _mark(session, passed)
        return _Step(acted=acted, goes_on=len(facts) == BATCH)


def _mark(session: Session, passed: Event | None) -> None:
    if passed is not None:
        events.mark_read(session, READER, passed)


def _act(surroundings: Surroundings, session: Session, fact: Event, *, at: datetime) -> bool:
    """Act on a fact; True when the cursor may pass it, done or parked."""
    # Kept before the attempt: a rollback to the savepoint forgets what the session had read.
    event_id, kind, subject = fact.id, fact.kind, fact.subject
    try:
        with session.begin_nested():
            REACTIONS[kind](_news(surroundings, session, fact, at=at))
            session.flush()
    except Exception as fault:
        session.expire_all()
        log.exception("fact.failed", kind=kind, event_id=event_id, subject=str(subject))
        return _stuck(session, fact, fault, at=at)
    _settle(session, event_id, at=at)
    return True


def _news(surroundings: Surroundings, session: Session, fact: Event, *, at: datetime) -> News:
    return News(
        session=session,
        fact=fact,
        public_url=surroundings.settings.public_url,
        by=BY,
        at=at,
    )


def _stuck(session: Session, fact: Event, fault: Exception, *, at: datetime) -> bool:
    stuck = _row(session, fact.id)
    if stuck is None:
        stuck = StuckFact(
            id=ids.derived(fact.subject, "stuck", READER, fact.id),
            reader=READER,
            event_id=fact.id,
            kind=fact.kind,
            subject=fact.subject,
            tries=0,
            fault="",
            first_at=at,
        )
        session.add(stuck)
    stuck.tries += 1
    stuck.fault = type(fault).__name__
    if stuck.tries < TRIES_MAX:
        session.flush()
        return False
    stuck.parked_at = at
    events.append(session, "fact.parked", subject=fact.subject, at=at, body={"kind": fact.kind})
    session.flush()
    return True


def _settle(session: Session, event_id: int, *, at: datetime) -> None:
    stuck = _row(session, event_id)
    if stuck is not None:
        stuck.settled_at = at
        session.flush()


def _row(session: Session, event_id: int) -> StuckFact | None:
    return session.scalar(
        select(StuckFact).where(StuckFact.reader == READER, StuckFact.event_id == event_id)
    )
