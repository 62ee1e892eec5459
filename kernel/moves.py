"""Status changes by table: a move is allowed or refused, and always leaves a row.

A floor declares a status enum, a step table made of `Step`, and a `Moves` table. The record keeps
its present status; the steps keep how it came there. The unique index on the latest step makes a
second concurrent move fail in the database, whatever the code believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Any, ClassVar, Protocol
from uuid import UUID

from sqlalchemy import Index, Select, UniqueConstraint, insert, select, text, update
from sqlalchemy.orm import Mapped, Session, declared_attr, mapped_column
from sqlalchemy.orm.attributes import set_committed_value

from kernel import ids
from kernel.actors import Actor
from kernel.clock import require_aware
from kernel.refusals import Refused


class MoveRefused(Refused):
    """The record's status does not allow the move."""

    status = HTTPStatus.CONFLICT
    code = "move_refused"
    title = "The present state does not allow this"
    title_zh = "当前状态不允许此操作"

    def __init__(self, subject: str, present: str, wanted: str) -> None:
        super().__init__(f"{subject} is {present} and cannot become {wanted}")
        self.present = present
        self.wanted = wanted


class Step:
    """One move of one record; mix it into a mapped class with `subject_table` set."""

    subject_table: ClassVar[str]

    id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int]
    """0-based place in the record's history."""
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    actor: Mapped[str]
    reason: Mapped[str]
    at: Mapped[datetime]
    latest: Mapped[bool]

    @declared_attr
    @classmethod
    def subject_id(cls) -> Mapped[UUID]:
        """The record that moved."""
        from sqlalchemy import ForeignKey  # noqa: PLC0415

        return mapped_column(ForeignKey(f"{cls.subject_table}.id"))

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[Any, ...]:
        name = cls.__tablename__  # type: ignore[attr-defined]
        return (
            UniqueConstraint("subject_id", "position"),
            Index(f"uq_{name}_latest", "subject_id", unique=True, postgresql_where=text("latest")),
        )


class Movable(Protocol):
    """A mapped record with an identity and a status."""

    id: Any
    status: Any


@dataclass(frozen=True, slots=True)
class Moves:
    """The allowed moves of one kind of record, and the table of its steps."""

    step: type[Any]
    start: frozenset[StrEnum]
    edges: Mapping[StrEnum, frozenset[StrEnum]]

    def allows(self, present: StrEnum, wanted: StrEnum) -> bool:
        """Tell whether the table has this edge."""
        return wanted in self.edges.get(present, frozenset())

    def is_final(self, status: StrEnum) -> bool:
        """Tell whether no edge leaves the status."""
        return not self.edges.get(status)


def begin(
    session: Session, record: Movable, *, table: Moves, by: Actor, at: datetime, reason: str = ""
) -> None:
    """Write the first step of a new record whose status is one of the table's starts."""
    assert record.status in table.start, f"{record.status} is no start of {table.step.__name__}"
    session.add(record)
    session.flush()
    _append(session, record, table=table, present=None, by=by, at=at, reason=reason)


def advance(
    session: Session,
    record: Movable,
    to: StrEnum,
    *,
    table: Moves,
    by: Actor,
    at: datetime,
    reason: str = "",
) -> None:
    """Move a record along an edge of its table, leaving a step row.

    Raises:
        MoveRefused: the table has no such edge, or another transaction moved the record first.
    """
    present = record.status
    subject = type(record).__name__.lower()
    if not table.allows(present, to):
        raise MoveRefused(subject, present, to)
    kind = type(record)
    moved = session.execute(
        update(kind)
        .where(kind.id == record.id, kind.status == present)
        .values(status=to)
        .execution_options(synchronize_session=False)
    )
    if moved.rowcount != 1:  # type: ignore[attr-defined]
        raise MoveRefused(subject, f"no longer {present}", to)
    # What the row now holds is known; reading it back would be one more question a move.
    set_committed_value(record, "status", to)
    _append(session, record, table=table, present=present, by=by, at=at, reason=reason)


def advance_all(
    session: Session,
    chosen: Select[UUID],
    edge: tuple[StrEnum, StrEnum],
    *,
    table: Moves,
    by: Actor,
    at: datetime,
    reason: str = "",
) -> frozenset[UUID]:
    """Move every chosen record that has the first status of an edge to the second; tell which.

    `chosen` selects the identities of records of one mapped class.

    Locks them in the order of their identities. Three statements for any number of records;
    those that have another status are left alone. Records already loaded are not refreshed.

    Raises:
        MoveRefused: the table has no such edge.
    """
    kind: Any = chosen.column_descriptions[0]["entity"]
    present, to = edge
    if not table.allows(present, to):
        raise MoveRefused(kind.__name__.lower(), present, to)
    in_order = chosen.where(kind.status == present).order_by(kind.id)
    wanted = session.scalars(in_order.with_for_update(key_share=True)).all()
    if not wanted:
        return frozenset()
    step = table.step
    session.execute(
        update(kind)
        .where(kind.id.in_(wanted))
        .values(status=to)
        .execution_options(synchronize_session=False)
    )
    last = session.execute(
        update(step)
        .where(step.subject_id.in_(wanted), step.latest)
        .values(latest=False)
        .returning(step.subject_id, step.position)
        .execution_options(synchronize_session=False)
    ).all()
    rows = [
        {
            "id": ids.derived(subject, "step", position + 1),
            "subject_id": subject,
            "position": position + 1,
            "from_status": present,
            "to_status": to,
            "actor": str(by),
            "reason": reason,
            "at": require_aware(at),
            "latest": True,
        }
        for subject, position in last
    ]
    session.execute(insert(step), rows)
    return frozenset(wanted)


def history(session: Session, record: Movable, *, table: Moves) -> list[Any]:
    """List a record's steps, oldest first."""
    step = table.step
    return list(
        session.scalars(select(step).where(step.subject_id == record.id).order_by(step.position))
    )


def _append(
    session: Session,
    record: Movable,
    *,
    table: Moves,
    present: StrEnum | None,
    by: Actor,
    at: datetime,
    reason: str,
) -> None:
    step = table.step
    position = 0
    if present is not None:
        last = session.execute(
            update(step)
            .where(step.subject_id == record.id, step.latest)
            .values(latest=False)
            .returning(step.position)
            .execution_options(synchronize_session=False)
        ).scalar_one()
        position = last + 1
    session.add(
        step(
            id=ids.derived(record.id, "step", position),
            subject_id=record.id,
            position=position,
            from_status=present,
            to_status=record.status,
            actor=str(by),
            reason=reason,
            at=require_aware(at),
            latest=True,
        )
    )
    session.flush()
