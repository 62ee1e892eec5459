"""Importing statement files: bytes are kept as they came, rows count only when the file is whole.

The same bytes again are nothing new. Other bytes for a day that has a file, or any for a day that
is signed, are held for two persons. A faulty file is kept, refused and written down as a break.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from disbursement import breaks, days, legs, statement_sources
from disbursement.matching.kinds import BreakKind, Difference
from disbursement.records.breaks import Break, Resolution
from disbursement.records.days import DayStatus
from disbursement.records.settlement import FileKind, FileStatus, StatementFile, StatementFileStep
from disbursement.statement_sources import Source
from disbursement.statements import bank_csv
from disbursement.statements.reading import StatementRefused, TooLarge
from kernel import ids, moves
from kernel.actors import Actor
from kernel.moves import Moves
from kernel.refusals import Refused

CONTENT_BYTES_MAX: Final = bank_csv.CONTENT_BYTES_MAX
"""More is not even kept."""

_NAMESPACE: Final = UUID("9e0c4f52-7b1d-5a36-8c55-1b7f2d9a6c40")
_EDGES: Final[Mapping[StrEnum, frozenset[StrEnum]]] = MappingProxyType(
    {
        FileStatus.HELD: frozenset({FileStatus.TAKEN, FileStatus.REFUSED}),
        FileStatus.TAKEN: frozenset({FileStatus.SUPERSEDED}),
    }
)
MOVES: Final = Moves(
    step=StatementFileStep,
    start=frozenset({FileStatus.TAKEN, FileStatus.HELD, FileStatus.REFUSED}),
    edges=_EDGES,
)


class NoSuchFile(Refused):
    """There is no statement file of this identity."""

    status = HTTPStatus.NOT_FOUND
    code = "no_such_statement_file"
    title = "There is no such statement file"
    title_zh = "对账文件不存在"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of an import."""

    file_id: UUID
    status: FileStatus
    rows: int
    is_new: bool
    """False when the same bytes were received before."""
    fault: str | None
    """Why the file was refused."""


def import_settlement(
    session: Session,
    *,
    channel: str,
    merchant: str,
    day: date,
    content: bytes,
    by: Actor,
    at: datetime,
) -> Imported:
    """Import a channel's settlement file of a day.

    Raises:
        TooLarge: it is larger than anything that is kept.
    """
    source = statement_sources.settlement(channel, day, merchant=merchant)
    return _receive(session, source, content, by=by, at=at)


def import_bank(
    session: Session,
    *,
    account: str,
    day: date,
    content: bytes,
    by: Actor,
    at: datetime,
    channel: str = legs.UNIONPAY,
) -> Imported:
    """Import a bank's statement of a day, of the account on which a channel settles.

    Raises:
        TooLarge: it is larger than anything that is kept.
    """
    source = statement_sources.bank(account, day, channel=channel)
    return _receive(session, source, content, by=by, at=at)


def take_held(session: Session, break_id: UUID, *, by: Actor, at: datetime) -> Imported:
    """Take a held file instead of the one its day has, resolving the break that one explained.

    Raises:
        NoSuchBreak: there is none.
        NoSuchFile: the break is not about a held file.
        Refused: for the reasons of `breaks.resolve`; the day is signed; the file is faulty.
    """
    found = breaks.get(session, break_id)
    file = _held(session, found)
    source = (
        statement_sources.bank(file.source, file.day, channel=file.channel)
        if file.kind is FileKind.BANK
        else statement_sources.settlement(file.source, file.day, merchant=file.holder)
    )
    day = days.lock(session, file.day, by=by, at=at)
    days.require_open(day)
    breaks.resolve(session, break_id, resolution=Resolution.OTHER_FILE_TAKEN, by=by, at=at)
    first = _file_of(session, source)
    if first is not None:
        moves.advance(session, first, FileStatus.SUPERSEDED, table=MOVES, by=by, at=at)
    moves.advance(session, file, FileStatus.TAKEN, table=MOVES, by=by, at=at)
    file.rows = _copy(session, source, file, file.content)
    days.reopen(session, day, reason="another file was taken", by=by, at=at)
    return _outcome(file, is_new=True)


def keep_first(session: Session, break_id: UUID, *, by: Actor, at: datetime) -> Imported:
    """Turn a held file down, resolving the break that another person explained.

    Raises:
        NoSuchBreak: there is none.
        NoSuchFile: the break is not about a held file.
        Refused: for the reasons of `breaks.resolve`.
    """
    file = _held(session, breaks.get(session, break_id))
    breaks.resolve(session, break_id, resolution=Resolution.FIRST_FILE_STANDS, by=by, at=at)
    moves.advance(session, file, FileStatus.REFUSED, table=MOVES, by=by, at=at)
    file.fault = "two persons let the first file stand"
    return _outcome(file, is_new=False)


def taken(
    session: Session, kind: FileKind, day: date, *, channel: str | None = None
) -> Sequence[StatementFile]:
    """List the files that count for a day, at most one of each source; of one channel if named."""
    query = select(StatementFile).where(
        StatementFile.kind == kind,
        StatementFile.day == day,
        StatementFile.status == FileStatus.TAKEN,
    )
    if channel is not None:
        query = query.where(StatementFile.channel == channel)
    return session.scalars(query.order_by(StatementFile.source)).all()


def _receive(
    session: Session, source: Source, content: bytes, *, by: Actor, at: datetime
) -> Imported:
    if len(content) > CONTENT_BYTES_MAX:
        raise TooLarge(f"a statement file has at most {CONTENT_BYTES_MAX} bytes")
    day = days.lock(session, source.day, by=by, at=at)
    known = session.get(StatementFile, _identity(source, content))
    if known is not None:
        return _outcome(known, is_new=False)
    try:
        if day.status is DayStatus.SIGNED or _file_of(session, source) is not None:
            return _hold(session, source, content, by=by, at=at)
        with session.begin_nested():
            file = _begun(session, source, content, FileStatus.TAKEN, by=by, at=at)
            file.rows = _copy(session, source, file, content)
    except StatementRefused as fault:
        return _refuse(session, source, content, fault, by=by, at=at)
    for found in _cured_by_a_file(session, source):
        breaks.cure(session, found, reason="a whole file was received", by=by, at=at)
    days.reopen(session, day, reason="a file was received", by=by, at=at)
    return _outcome(file, is_new=True)


def _hold(session: Session, source: Source, content: bytes, *, by: Actor, at: datetime) -> Imported:
    file = _begun(session, source, content, FileStatus.HELD, by=by, at=at)
    try:
        file.rows = sum(1 for _ in source.read(file, content))
    except StatementRefused as fault:
        file.fault = str(fault)
    what = "another file of this day, or one of a signed day, was received"
    _write(session, file, _about(file, BreakKind.FILE_HELD, what), by=by, at=at)
    return _outcome(file, is_new=True)


def _refuse(
    session: Session,
    source: Source,
    content: bytes,
    fault: StatementRefused,
    *,
    by: Actor,
    at: datetime,
) -> Imported:
    file = _begun(session, source, content, FileStatus.REFUSED, by=by, at=at)
    file.fault = f"{fault.code}: {fault}"
    _write(session, file, _about(file, BreakKind.FILE_REFUSED, file.fault), by=by, at=at)
    return _outcome(file, is_new=True)


def _begun(
    session: Session,
    source: Source,
    content: bytes,
    status: FileStatus,
    *,
    by: Actor,
    at: datetime,
) -> StatementFile:
    file = StatementFile(
        id=_identity(source, content),
        source=source.name,
        channel=source.channel,
        holder=source.holder,
        kind=source.kind,
        day=source.day,
        sha256=hashlib.sha256(content).hexdigest(),
        content=content,
        status=status,
        rows=0,
        imported_at=at,
    )
    moves.begin(session, file, table=MOVES, by=by, at=at)
    return file


def _identity(source: Source, content: bytes) -> UUID:
    digest = hashlib.sha256(content).hexdigest()
    return ids.derived(_NAMESPACE, source.kind, source.name, source.day.isoformat(), digest)


def _file_of(session: Session, source: Source) -> StatementFile | None:
    found = taken(session, source.kind, source.day)
    return next((file for file in found if file.source == source.name), None)


def _held(session: Session, found: Break) -> StatementFile:
    if found.kind is BreakKind.FILE_HELD and found.file_id is not None:
        file = session.get(StatementFile, found.file_id, options=[undefer(StatementFile.content)])
        if file is not None and file.status is FileStatus.HELD:
            return file
    raise NoSuchFile("the break is not about a file that is held")


def _cured_by_a_file(session: Session, source: Source) -> list[Break]:
    return list(
        session.scalars(
            select(Break).where(
                Break.scope == source.scope,
                Break.kind == BreakKind.FILE_REFUSED,
                Break.status.in_(breaks.LIVE),
            )
        )
    )


def _write(
    session: Session, file: StatementFile, found: Difference, *, by: Actor, at: datetime
) -> None:
    scope = statement_sources.scope(file.kind, file.source, file.day)
    where = breaks.Where(scope=scope, day=file.day, file_id=file.id)
    breaks.write(session, found, where, by=by, at=at)


def _about(file: StatementFile, kind: BreakKind, detail: str) -> Difference:
    subject = f"{file.kind} {file.source} {file.day} {file.sha256[:12]}"
    return Difference(kind=kind, subject=subject, detail=detail)


def _outcome(file: StatementFile, *, is_new: bool) -> Imported:
    return Imported(
        file_id=file.id, status=file.status, rows=file.rows, is_new=is_new, fault=file.fault
    )


def _copy(session: Session, source: Source, file: StatementFile, content: bytes) -> int:
    """Stream the rows into their table by COPY and count them."""
    connection = session.connection().connection.driver_connection
    assert connection is not None, "the session is connected"
    statement = f"COPY {source.table} ({', '.join(source.columns)}) FROM STDIN"
    rows = 0
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for values in source.read(file, content):
            copy.write_row(values)
            rows += 1
    session.flush()
    return rows
