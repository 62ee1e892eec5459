"""A PostgreSQL of the benchmarks' own, gone when they are done, and databases on it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from kernel import database, db, embedded


@contextmanager
def opened(parent: Path) -> Iterator[tuple[str, Path]]:
    """Start a server in a fresh folder under `parent`; give its URL and the folder."""
    parent.mkdir(parents=True, exist_ok=True)
    sweep(parent)
    home = Path(tempfile.mkdtemp(prefix="run-", dir=parent))
    home.chmod(0o755)  # the server's own user passes through it
    (home / "owner").write_text(str(os.getpid()))
    try:
        yield embedded.start(home), home
    finally:
        _remove(home)


@contextmanager
def with_database(
    server_url: str, name: str, tables: Sequence[type[db.Base]] | None, *, is_durable: bool
) -> Iterator[str]:
    """Make a database with some of the tables, or all that are imported; drop it with the block.

    Where it is not durable a commit does not wait for the disk, on either side.
    """
    name = f"{name}_{os.getpid()}"  # two runs on one server are not in each other's way
    url = database.recreate(server_url, name)
    setting = "on" if is_durable else "off"
    _administer(server_url, f'ALTER DATABASE "{name}" SET synchronous_commit = {setting}')
    engine = db.open_engine(url)
    known = db.Base.metadata.tables
    chosen = None if tables is None else [known[table.__tablename__] for table in tables]
    db.Base.metadata.create_all(engine, tables=chosen)
    engine.dispose()
    try:
        yield url
    finally:
        _administer(server_url, f'DROP DATABASE "{name}" WITH (FORCE)')


def client_environment(url: str) -> dict[str, str]:
    """Give the variables by which PostgreSQL's own programs find a database."""
    parts = make_url(url)
    named = {
        "PGHOST": parts.host or parts.query.get("host"),
        "PGPORT": parts.port,
        "PGUSER": parts.username,
        "PGPASSWORD": parts.password,
        "PGDATABASE": parts.database,
    }
    return {**os.environ, **{name: str(value) for name, value in named.items() if value}}


def sweep(parent: Path) -> None:
    """Remove what a run that was killed left behind."""
    for home in parent.glob("run-*"):
        owner = home / "owner"
        if not (owner.exists() and _is_alive(int(owner.read_text() or 0))):
            _remove(home)


def _remove(home: Path) -> None:
    embedded.stop(home)
    shutil.rmtree(home)


def _is_alive(process_id: int) -> bool:
    return process_id > 0 and Path(f"/proc/{process_id}").exists()


def _administer(server_url: str, statement: str) -> None:
    server = create_engine(server_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(statement))
    server.dispose()
