"""The event log: facts go up by it, and a reader never skips one that committed late.

A row carries the writing transaction's id. A reader sees only rows of transactions older than
every transaction still running, in the order (transaction, row), so a row that becomes visible
later can never lie behind the reader's cursor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, FetchedValue, Identity, Index, func, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import UserDefinedType

from kernel.append_only import append_only
from kernel.clock import require_aware
from kernel.db import Base

READ_LIMIT_MAX: Final = 1_000


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id, written by the server alone."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Name the type in DDL."""
        return "xid8"


# So that a database read back knows the type too; the library has no name for it.
ischema_names.setdefault("xid8", Xid8)


class Event(Base):
    """One fact that happened, for whoever reads the log."""

    __tablename__ = "event"
    __table_args__ = (Index("ix_event_xid_id", "xid", "id"), Index("ix_event_subject", "subject"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    xid: Mapped[str] = mapped_column(
        Xid8(), server_default=text("pg_current_xact_id()"), server_onupdate=FetchedValue()
    )
    kind: Mapped[str]
    """A dotted fact in the past tense, such as ``loan.activated``."""
    subject: Mapped[UUID]
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Identities and states; never personal data."""
    at: Mapped[datetime]


append_only(Event)


class EventCursor(Base):
    """How far one reader has read."""

    __tablename__ = "event_cursor"

    reader: Mapped[str] = mapped_column(primary_key=True)
    xid: Mapped[str] = mapped_column(Xid8(), server_default=text("'0'::xid8"))
    last_id: Mapped[int] = mapped_column(BigInteger)


def append(
    session: Session,
    kind: str,
    *,
    subject: UUID,
    at: datetime,
    body: Mapping[str, Any] | None = None,
) -> None:
    """Add a fact to the log, in the transaction that makes it true."""
    session.add(Event(kind=kind, subject=subject, body=dict(body or {}), at=require_aware(at)))


def read(session: Session, reader: str, *, limit: int = READ_LIMIT_MAX) -> Sequence[Event]:
    """Lock a reader's cursor and give the facts after it that can no longer be overtaken.

    The lock lasts to the end of the transaction, so two processes of one reader take turns.
    """
    session.execute(insert(EventCursor).values(reader=reader, last_id=0).on_conflict_do_nothing())
    cursor = session.execute(
        select(EventCursor.xid, EventCursor.last_id)
        .where(EventCursor.reader == reader)
        .with_for_update()
    ).one()
    return session.scalars(
        select(Event)
        .where(
            func.row(Event.xid, Event.id)
            > func.row(text("(:xid)::text::xid8").bindparams(xid=str(cursor.xid)), cursor.last_id),
            Event.xid < func.pg_snapshot_xmin(func.pg_current_snapshot()),
        )
        .order_by(Event.xid, Event.id)
        .limit(min(limit, READ_LIMIT_MAX))
    ).all()


def mark_read(session: Session, reader: str, event: Event) -> None:
    """Move a reader's cursor past an event, in the transaction that acted on it."""
    session.execute(
        update(EventCursor)
        .where(EventCursor.reader == reader)
        .values(xid=text("(:xid)::text::xid8").bindparams(xid=str(event.xid)), last_id=event.id)
        .execution_options(synchronize_session=False)
    )


def follow(
    session: Session,
    reader: str,
    handlers: Mapping[str, Callable[[Session, Event], None]],
    *,
    limit: int = READ_LIMIT_MAX,
) -> int:
    """Hand each unread fact to the handler of its kind, move the cursor, and count the facts.

    Kinds without a handler are passed over. All in one transaction: either the handlers' work
    and the cursor both commit or neither does.
    """
    facts = read(session, reader, limit=limit)
    for fact in facts:
        handler = handlers.get(fact.kind)
        if handler is not None:
            handler(session, fact)
    if facts:
        mark_read(session, reader, facts[-1])
    return len(facts)
