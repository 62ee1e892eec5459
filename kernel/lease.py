"""A lease row: one process leads at a time, and a later term fences off an earlier one."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import case, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from kernel.clock import require_aware
from kernel.records import Lease


class LeaseLost(RuntimeError):
    """Another process leads now: whatever this one was about to write must not be written."""


def take(session: Session, name: str, holder: str, *, now: datetime, seconds: int) -> int | None:
    """Take a free or lapsed lease, or lengthen one's own, and give its term; None if held.

    `holder` names one process and no other, also after a restart.
    """
    until = require_aware(now) + timedelta(seconds=seconds)
    statement = insert(Lease).values(name=name, holder=holder, term=1, beat_at=now, until=until)
    still_ours = (Lease.holder == holder) & (Lease.until > now)
    return session.execute(
        statement.on_conflict_do_update(
            index_elements=[Lease.name],
            set_={
                "holder": holder,
                "beat_at": now,
                "until": until,
                "term": case((still_ours, Lease.term), else_=Lease.term + 1),
            },
            where=still_ours | (Lease.until <= now),
        ).returning(Lease.term)
    ).scalar_one_or_none()


def renew(session: Session, name: str, *, term: int, now: datetime, seconds: int) -> bool:
    """Lengthen a lease that this term still holds, and tell whether it did."""
    renewed = session.execute(
        update(Lease)
        .where(Lease.name == name, Lease.term == term, Lease.until > require_aware(now))
        .values(beat_at=now, until=now + timedelta(seconds=seconds))
        .returning(Lease.term)
    )
    return renewed.scalar_one_or_none() is not None


def release(session: Session, name: str, *, term: int, now: datetime) -> None:
    """Give a lease back, so that another process need not wait for its end."""
    session.execute(
        update(Lease)
        .where(Lease.name == name, Lease.term == term, Lease.until > require_aware(now))
        .values(until=now)
    )


def require(session: Session, name: str, *, term: int) -> None:
    """Hold off any take-over until the transaction ends, if this term still leads.

    Raises:
        LeaseLost: a later term exists.
    """
    found = session.execute(
        select(Lease.term).where(Lease.name == name).with_for_update(read=True)
    ).scalar_one_or_none()
    if found != term:
        raise LeaseLost(f"the lease {name} is no longer in term {term}")
