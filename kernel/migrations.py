"""Bring a database to the head of the migrations, and tell where it stands."""

from __future__ import annotations

from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.engine import Engine

from kernel.config import REPOSITORY

UPGRADE_LOCK: Final = 7_227_001
"""Advisory lock number: two processes never migrate one database at once."""


def upgrade(engine: Engine) -> None:
    """Apply every missing migration, one process at a time."""
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": UPGRADE_LOCK})
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def present(engine: Engine) -> str | None:
    """Tell the revision the database stands at; None means an empty one."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def heads() -> tuple[str, ...]:
    """List the heads of the migrations; a healthy tree has exactly one."""
    return tuple(ScriptDirectory.from_config(configuration()).get_heads())


def configuration() -> Config:
    """Give alembic's configuration without any file."""
    config = Config()
    config.set_main_option("script_location", str(REPOSITORY / "migrations"))
    return config
