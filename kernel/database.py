"""Open the configured database, or the embedded one, at the head of the migrations."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.engine import Engine

from kernel import db, embedded, migrations
from kernel.config import Settings

EMBEDDED_NAME: Final = "daichang"


class DatabaseBehind(RuntimeError):
    """The database does not stand at the head of the migrations."""


def open_database(settings: Settings) -> Engine:
    """Open the database that the settings name.

    The embedded one is started, created and migrated on demand; one named by DATABASE_URL is
    migrated only by `daichang db upgrade`.

    Raises:
        DatabaseBehind: the named database stands at another revision.
    """
    if settings.database_url is None:
        return open_embedded(settings.home, EMBEDDED_NAME)
    engine = db.open_engine(settings.database_url)
    present = migrations.present(engine)
    if (present,) != migrations.heads():
        raise DatabaseBehind(
            f"the database stands at {present or 'nothing'}: run `daichang db upgrade`"
        )
    return engine


def open_embedded(home: Path, name: str) -> Engine:
    """Start the embedded server if need be, and open a migrated database on it."""
    server = start_until_exit(home)
    engine = db.open_engine(create(server, name))
    migrations.upgrade(engine)
    return engine


def start_until_exit(home: Path) -> str:
    """Attach to the embedded server; one started here stops with this process if nobody uses it."""
    ran_before = embedded.is_running(home)
    url = embedded.start(home)
    if not ran_before:
        atexit.register(_stop_unless_used, home, url)
    return url


def create(server_url: str, name: str) -> str:
    """Create a database unless it is there, and give its URL."""
    with _administer(server_url) as server, server.connect() as connection:
        known = connection.execute(
            text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}
        ).scalar()
        if known is None:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


def recreate(server_url: str, name: str) -> str:
    """Drop a database with everything in it, create it anew, and give its URL."""
    with _administer(server_url) as server, server.connect() as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
    return create(server_url, name)


@contextmanager
def _administer(server_url: str) -> Iterator[Engine]:
    engine = create_engine(server_url, isolation_level="AUTOCOMMIT")
    try:
        yield engine
    finally:
        engine.dispose()


def _stop_unless_used(home: Path, url: str) -> None:
    others = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    if not embedded.is_running(home):
        return
    with _administer(url) as server, server.connect() as connection:
        used = connection.execute(text(others)).scalar_one()
    if not used:
        embedded.stop(home)
