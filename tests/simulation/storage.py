"""The real database under the simulation: every statement is a step, every wait is a refusal.

A statement that meets another worker's lock is taken back to a savepoint and tried again after some
transaction has ended. When all wait for each other, one is chosen and fails as in a deadlock.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
from psycopg import errors
from sqlalchemy import create_engine, event, text

from kernel.db import Base
from tests.simulation.hub import At, Hub, Worker
from tests.tables import create_tables

WORKERS_MAX = 12
LOCK_TIMEOUT_MS = 1
"""The one who holds the lock never goes on while another waits: longer would help nobody."""
_TABLE = re.compile(r"^\s*(INSERT INTO|UPDATE|DELETE FROM|SELECT)\s+\"?(\w+)", re.IGNORECASE)
_MAY_WAIT = re.compile(
    r"^\s*(INSERT|UPDATE|DELETE)|FOR (NO KEY )?UPDATE|FOR (KEY )?SHARE|pg_advisory"
)
_FROM = re.compile(r"\bFROM \"?(\w+)")


class Storage:
    """One database for all seeds of a run, emptied between them."""

    def __init__(self, url: str) -> None:
        self.engine = create_engine(
            url,
            pool_size=WORKERS_MAX,
            max_overflow=0,
            pool_timeout=1,
            # The connection used last knows the plan of nearly every statement by now.
            pool_use_lifo=True,
            connect_args={
                "options": f"-c lock_timeout={LOCK_TIMEOUT_MS} -c statement_timeout=15000 "
                "-c timezone=UTC -c synchronous_commit=off -c plan_cache_mode=force_generic_plan "
                "-c jit=off"
            },
        )
        self.hub: Hub | None = None
        self.break_commit: Callable[[Worker], str | None] = lambda _: None
        """Says how a commit's answer gets lost: `before` it is done, or `after`; None lets it be."""
        create_tables(self.engine)
        self._raw = psycopg.connect(_plain(url), autocommit=True)
        self._raw.execute("SET session_replication_role = replica; SET lock_timeout = 1")
        self._wipe = self._wiping()
        self._watch()

    def wipe(self, *, thoroughly: bool) -> None:
        """Empty every table and begin every sequence anew."""
        self._raw.execute(self._wipe)
        if thoroughly:
            self._raw.execute("VACUUM")

    def rows(self, query: str, values: dict[str, Any] | None = None) -> list[Any]:
        """Read what is committed."""
        return self._raw.execute(query, values, prepare=True).fetchall()

    def many(self, *queries: str) -> list[list[Any]]:
        """Read several things in one round trip."""
        with self._raw.pipeline():
            cursors = [self._raw.execute(query, prepare=True) for query in queries]
        return [cursor.fetchall() for cursor in cursors]

    def alter(self, query: str) -> int:
        """Change rows past every door, unless somebody holds them; count the rows."""
        try:
            return self._raw.execute(query).rowcount
        except errors.LockNotAvailable:
            return 0

    def close(self) -> None:
        """Let go of every connection."""
        self._raw.close()
        self.engine.dispose()

    def _wiping(self) -> bytes:
        names = [table.name for table in Base.metadata.sorted_tables]
        for name in names:
            self._raw.execute(f'ALTER TABLE "{name}" SET (autovacuum_enabled = false)')
        sequences = self._raw.execute("SELECT sequencename FROM pg_sequences").fetchall()
        parts = [f'DELETE FROM "{name}"' for name in names]
        parts += [f"SELECT setval('\"{name}\"', 1, false)" for (name,) in sequences]
        return "; ".join(parts).encode()

    def _watch(self) -> None:
        engine = self.engine
        event.listen(engine, "connect", _remember_plans)
        event.listen(engine, "do_execute", self._execute)
        event.listen(engine, "do_executemany", self._executemany)
        event.listen(engine, "commit", self._before_commit)
        dialect = engine.dialect
        commit, rollback = dialect.do_commit, dialect.do_rollback

        def do_commit(connection: Any) -> None:
            worker = self._worker()
            how = None if worker is None else self.break_commit(worker)
            if how == "before":
                # First, so that the server has let go of its locks when the next one goes on.
                rollback(connection)
                _cut(connection)
            commit(connection)
            self._is_over(worker)
            if how == "after":
                _cut(connection)
                raise errors.OperationalError("the connection was cut at commit")
            if worker is not None and self.hub is not None:
                self.hub.pause(At.COMMITTED, " ".join(worker.tables))

        def do_rollback(connection: Any) -> None:
            rollback(connection)
            self._is_over(self._worker())

        dialect.do_commit, dialect.do_rollback = do_commit, do_rollback

    def _worker(self) -> Worker | None:
        return None if self.hub is None else self.hub.current

    def _is_over(self, worker: Worker | None) -> None:
        if self.hub is not None:
            self.hub.ended += 1
            if worker is None or worker.wrote:
                self.hub.written += 1
        if worker is not None:
            worker.is_open = False

    def _before_commit(self, _: Any) -> None:
        worker = self._worker()
        if worker is not None and self.hub is not None and worker.is_open:
            self.hub.pause(At.COMMIT, " ".join(worker.tables))

    def _execute(self, cursor: Any, statement: str, values: Any, context: Any) -> bool | None:
        return self._run(cursor, statement, lambda: cursor.execute(statement, values))

    def _executemany(self, cursor: Any, statement: str, values: Any, context: Any) -> bool | None:
        return self._run(cursor, statement, lambda: cursor.executemany(statement, values))

    def _run(self, cursor: Any, statement: str, run: Callable[[], object]) -> bool | None:
        worker, hub = self._worker(), self.hub
        if worker is None or hub is None or worker.is_dying:
            return None
        if not worker.is_open:
            hub.pause(At.BEGIN, _named(statement))
            worker.is_open, worker.wrote, worker.tables = True, False, []
            worker.roll_back = cursor.connection.rollback
        else:
            hub.pause(At.STATEMENT, _named(statement))
        _note(worker, statement)
        if _MAY_WAIT.search(statement) and any(w.is_open and w is not worker for w in hub.workers):
            self._try(hub, worker, cursor, run)
        else:
            run()
        return True

    def _try(self, hub: Hub, worker: Worker, cursor: Any, run: Callable[[], object]) -> None:
        began = hub.clock.at
        while True:
            cursor.connection.execute("SAVEPOINT simulated")
            try:
                run()
            except errors.LockNotAvailable:
                cursor.connection.execute("ROLLBACK TO simulated")
                hub.counts["refused lock"] += 1
            else:
                worker.waits_since = None
                return
            worker.waits_since = hub.ended
            hub.pause(At.BLOCKED, worker.what)
            if worker.is_victim:
                worker.waits_since, worker.is_victim, worker.is_hurt = None, False, True
                hub.counts["deadlock"] += 1
                raise errors.DeadlockDetected("the simulation chose this one")
            if (hub.clock.at - began).total_seconds() > 5:
                worker.waits_since, worker.is_hurt = None, True
                hub.counts["lock timeout"] += 1
                raise errors.LockNotAvailable("canceling statement due to lock timeout")


def forget_power_cuts(server: str) -> None:
    """Have a server that is the simulation's alone not wait for its disk: no seed pulls the plug."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()


def make_database(server: str, name: str) -> str:
    """Make an empty database on a server and give its URL."""
    from sqlalchemy import make_url

    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def drop_database(server: str, name: str) -> None:
    """Drop a database and whoever is connected to it."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
    engine.dispose()


def identity(*parts: object) -> UUID:
    """Derive an identity of a seed's own."""
    from kernel import ids

    return ids.derived(UUID(int=0x51A), *map(str, parts))


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def _remember_plans(connection: Any, _: Any) -> None:
    connection.prepare_threshold, connection.prepared_max = 1, None


def _cut(connection: Any) -> None:
    connection.driver_connection.close()


def _named(statement: str) -> str:
    found = _TABLE.match(statement)
    if found is None:
        return statement.split(None, 1)[0].lower()
    verb, table = found[1].split()[0].lower(), found[2]
    if verb == "select":
        source = _FROM.search(statement)
        table = source[1] if source else "-"
        verb = "lock" if "FOR " in statement and "UPDATE" in statement else "select"
    return f"{verb} {table}"


def _note(worker: Worker, statement: str) -> None:
    found = _TABLE.match(statement)
    if found is not None and found[1].lower() != "select":
        worker.wrote = True
        if found[2] not in worker.tables:
            worker.tables.append(found[2])
