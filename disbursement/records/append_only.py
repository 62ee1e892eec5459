"""Tables whose rows are never changed or deleted: the database itself refuses."""

from __future__ import annotations

from typing import Final

from sqlalchemy import DDL, FromClause, Table, event

FUNCTION: Final = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$
"""


def statements(table_name: str) -> tuple[str, str]:
    """Give the DDL that makes a table append-only, for `create_all` and for migrations."""
    trigger = (
        f"CREATE TRIGGER {table_name}_append_only BEFORE UPDATE OR DELETE ON {table_name} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    return FUNCTION, trigger


def make_append_only(table: FromClause) -> None:
    """Have the database refuse UPDATE and DELETE on a table from its creation on."""
    assert isinstance(table, Table), "only a table has a trigger"
    for statement in statements(table.name):
        event.listen(table, "after_create", _ddl(statement))


def _ddl(statement: str) -> DDL:
    # DDL fills in %-placeholders of its own.
    return DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
