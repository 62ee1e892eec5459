"""Throwing away what has served its time: old replies, nonces, tries and ended sessions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, select, tuple_
from sqlalchemy.orm import Session

from kernel.clock import require_aware
from kernel.db import transaction
from kernel.jobs import Job
from kernel.records import GivenReply, SignInTry, StaffSession, UsedNonce
from kernel.surroundings import Surroundings

REPLIES_KEPT: Final = timedelta(days=7)
NONCES_KEPT: Final = timedelta(minutes=15)
TRIES_KEPT: Final = timedelta(days=1)
SESSIONS_KEPT: Final = timedelta(days=30)
ROWS_MAX: Final = 5_000
"""Rows of one table thrown away in one transaction."""


def throw_away(session: Session, *, at: datetime, limit: int = ROWS_MAX) -> int:
    """Delete up to `limit` rows of each kind that have served their time, and count them."""
    require_aware(at)
    outlived: tuple[tuple[type[Any], ColumnElement[bool]], ...] = (
        (GivenReply, GivenReply.given_at < at - REPLIES_KEPT),
        (UsedNonce, UsedNonce.used_at < at - NONCES_KEPT),
        (SignInTry, SignInTry.at < at - TRIES_KEPT),
        (StaffSession, StaffSession.seen_at < at - SESSIONS_KEPT),
    )
    return sum(_delete(session, table, condition, limit) for table, condition in outlived)


def _delete(session: Session, table: type[Any], condition: ColumnElement[bool], limit: int) -> int:
    keys = tuple(table.__table__.primary_key.columns)
    chosen = select(*keys).where(condition).limit(limit).with_for_update(skip_locked=True)
    gone = session.execute(
        delete(table)
        .where(tuple_(*keys).in_(chosen))
        .returning(*keys)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())


def run(surroundings: Surroundings) -> int:
    """Throw away in small transactions until nothing is left to throw."""
    total = 0
    while True:
        with transaction() as session:
            done = throw_away(session, at=surroundings.clock.now())
        total += done
        if done < ROWS_MAX:
            return total


JOBS: Final = (Job(name="housekeeping", every_seconds=600, run=run),)
