"""Run migrations on the connection the caller hands over, or on the configured database."""

from __future__ import annotations

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy.engine import Connection

from kernel.db import Base, MoneyColumn
from kernel.events import Xid8
from kernel.sealing import SealedColumn

LOCK_TIMEOUT = "5s"


def render_item(kind: str, item: object, autogen_context: AutogenContext) -> str | bool:
    """Write plain column types into migrations, so that they outlive our classes."""
    if kind != "type":
        return False
    if isinstance(item, MoneyColumn):
        return "sa.BigInteger()"
    if isinstance(item, SealedColumn):
        return "sa.LargeBinary()"
    if isinstance(item, Xid8):
        autogen_context.imports.add("from kernel.events import Xid8")
        return "Xid8()"
    return False


def run(connection: Connection) -> None:
    """Upgrade within one transaction, giving up when a lock is not to be had."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_item=render_item,
        compare_type=True,
        compare_server_default=False,
    )
    with context.begin_transaction():
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        context.run_migrations()


run(context.config.attributes["connection"])
