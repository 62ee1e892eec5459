"""Tables that only grow: the database itself refuses to change or delete a row."""

from __future__ import annotations

from typing import Final

from sqlalchemy import DDL, Table, event
from sqlalchemy.orm import DeclarativeBase

FUNCTION: Final = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed or deleted', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$
"""


def append_only(mapped: type[DeclarativeBase]) -> None:
    """Let the database refuse every UPDATE and DELETE on a mapped table.

    The migration that makes the table runs `statements` as well, so both ways agree.
    """
    table = mapped.__table__
    assert isinstance(table, Table)
    table.info["append_only"] = True
    for statement in statements(table.name):
        ddl = DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
        event.listen(table, "after_create", ddl)


def statements(table: str) -> tuple[str, str]:
    """Give the SQL that makes a table append-only."""
    trigger = (
        f'CREATE TRIGGER "{table}_append_only" BEFORE UPDATE OR DELETE ON "{table}" '
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    return FUNCTION, trigger
