"""The one way to the database: mapped base, column types, and the transaction an edge opens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    DateTime,
    Enum,
    MetaData,
    Numeric,
    Text,
    TypeDecorator,
    Uuid,
    create_engine,
    event,
    text,
)
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection
from typing_extensions import override

from kernel.money import Money

STATEMENT_TIMEOUT_MS: Final = 15_000
LOCK_TIMEOUT_MS: Final = 5_000
IDLE_TIMEOUT_MS: Final = 300_000
"""An open transaction that does nothing is ended: it would hold locks, and every event reader."""
POOL_SIZE: Final = 10
POOL_WAIT_SECONDS: Final = 10
PING_AFTER_SECONDS: Final = 1.0
"""A connection that rested longer is asked whether it still lives before it is lent out.

Asking every time was measured to cost a transaction of one statement a fifth of its time."""


class MoneyColumn(TypeDecorator[Money]):
    """Keep Money as a BIGINT number of fen."""

    impl = BigInteger
    cache_ok = True

    @override
    def process_bind_param(self, value: Money | None, dialect: Dialect) -> int | None:
        """Turn Money into fen."""
        return None if value is None else value.fen

    @override
    def process_result_value(self, value: int | None, dialect: Dialect) -> Money | None:
        """Turn fen into Money."""
        return None if value is None else Money(int(value))


def status_values(kind: type[StrEnum]) -> list[str]:
    """List the values, not the names, that a status column may hold."""
    return [member.value for member in kind]


class Base(DeclarativeBase):
    """The parent of every mapped table."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        Money: MoneyColumn(),
        UUID: Uuid(),
        str: Text(),
        datetime: DateTime(timezone=True),
        Decimal: Numeric(18, 8),
        StrEnum: Enum(
            StrEnum,
            native_enum=False,
            create_constraint=True,
            length=32,
            values_callable=status_values,
        ),
    }


class Unbound(RuntimeError):
    """No database has been bound: a composition root must call `bind` first."""


_sessions: sessionmaker[Session] | None = None
_open_later: Callable[[], Engine] | None = None


def open_engine(url: str, *, pool_size: int = POOL_SIZE) -> Engine:
    """Make an engine with bounded waits for connections, locks and statements."""
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=POOL_WAIT_SECONDS,
        connect_args={
            "connect_timeout": POOL_WAIT_SECONDS,
            "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS} "
            f"-c lock_timeout={LOCK_TIMEOUT_MS} "
            f"-c idle_in_transaction_session_timeout={IDLE_TIMEOUT_MS} -c timezone=UTC",
        },
    )
    event.listen(engine, "checkin", _note_rest)
    event.listen(engine, "checkout", _ping_after_rest(engine.dialect))
    return engine


def _note_rest(_connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
    entry.info["rests_since"] = time.monotonic()


def _ping_after_rest(
    dialect: Dialect,
) -> Callable[[DBAPIConnection, ConnectionPoolEntry, PoolProxiedConnection], None]:
    def ping(
        connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection
    ) -> None:
        since = entry.info.get("rests_since")
        if since is None or time.monotonic() - since <= PING_AFTER_SECONDS:
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error:
            raise InvalidatePoolError from None

    return ping


def bind(to: Engine | Connection, **options: Any) -> None:  # noqa: ANN401 - sessionmaker's own
    """Say which database `transaction` uses from now on in this process."""
    global _sessions  # noqa: PLW0603 - the one binding of a process, set by its composition root
    _sessions = sessionmaker(bind=to, expire_on_commit=False, **options)


def bind_when_needed(open_: Callable[[], Engine]) -> None:
    """Say how to open the database when the first transaction asks for it."""
    global _sessions, _open_later
    _sessions, _open_later = None, open_


@contextmanager
def transaction() -> Iterator[Session]:
    """Open a session that commits when the block ends and rolls back when it raises.

    Only edges (routes, jobs, commands) and tests call this; verbs are handed the session.

    Raises:
        Unbound: no database was bound.
    """
    if _sessions is None and _open_later is not None:
        bind(_open_later())
    if _sessions is None:
        raise Unbound("call kernel.db.bind(engine) in the composition root first")
    with _sessions() as session, session.begin():
        yield session


def notify(session: Session, channel: str) -> None:
    """Wake the listeners of a channel; call it in a small transaction of its own, after commit.

    A NOTIFY inside a money transaction was measured to halve the postings per second.
    """
    session.execute(text("SELECT pg_notify(:channel, '')"), {"channel": channel})
