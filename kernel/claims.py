"""Claims on rows of work: two workers never take the same row, and a dead one's row comes free.

A worker claims in one short transaction, calls outside with nothing open, and records in another
that first checks that the claim is still its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, false, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from kernel.clock import require_aware

CLAIM_LIMIT_MAX: Final = 500
RETRY_SECONDS_MAX: Final = 6 * 3600


class ClaimLost(RuntimeError):
    """The claim ran out and another worker took the row over: nothing of ours may be recorded."""


class Claimable:
    """Columns of a row that workers claim; mix it into a mapped class."""

    id: Mapped[UUID] = mapped_column(primary_key=True)
    claimed_by: Mapped[str | None]
    claimed_until: Mapped[datetime | None]
    """While it is claimed, or while it waits for its next try."""
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    parked: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Nobody tries again until a person says so."""


C = TypeVar("C", bound=Claimable)


def claim(
    session: Session,
    model: type[C],
    *where: ColumnElement[bool],
    worker: str,
    now: datetime,
    seconds: int,
    limit: int,
) -> Sequence[C]:
    """Claim up to `limit` rows for `seconds`; rows that others claim or hold locked are passed by.

    Rows never tried come first, then those that have waited longest.
    """
    rows = session.scalars(
        select(model)
        .where(
            *where,
            model.parked.is_(False),
            or_(model.claimed_until.is_(None), model.claimed_until <= require_aware(now)),
        )
        .order_by(model.claimed_until.nulls_first(), model.id)
        .limit(min(limit, CLAIM_LIMIT_MAX))
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        row.claimed_by = worker
        row.claimed_until = now + timedelta(seconds=seconds)
    session.flush()
    return rows


def held(session: Session, model: type[C], identity: UUID, *, worker: str) -> C:
    """Lock a row that this worker claimed, to record what came of it.

    Raises:
        ClaimLost: the row is gone, released, or another worker's.
    """
    row = session.scalars(
        select(model)
        .where(model.id == identity, model.claimed_by == worker)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise ClaimLost(f"{model.__name__.lower()} {identity} is not claimed by {worker}")
    return row


def release(row: Claimable) -> None:
    """Give a row back after a success; its failures are forgotten."""
    row.claimed_by = None
    row.claimed_until = None
    row.failures = 0


def fail(row: Claimable, *, now: datetime, retry_seconds: int, park_after: int) -> bool:
    """Give a row back after a failure, to wait before its next try; tell whether it is parked.

    The wait doubles with each failure in a row, up to six hours.
    """
    row.failures += 1
    wait = min(retry_seconds * 2 ** min(row.failures - 1, 20), RETRY_SECONDS_MAX)
    row.claimed_by = None
    row.claimed_until = require_aware(now) + timedelta(seconds=wait)
    row.parked = row.failures >= park_after
    return row.parked


def unpark(row: Claimable) -> None:
    """Let workers try a parked row again from the beginning."""
    row.parked = False
    release(row)
