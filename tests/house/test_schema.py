"""The tables in the migrations are the tables of the models, and personal data are sealed."""

from __future__ import annotations

import re

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.types import LargeBinary, Text

from kernel import db, migrations
from kernel.db import Base
from tests.tables import import_records

PERSONAL = re.compile(
    r"(^|_)(mobile|national_id|id_no|card_number|pan|payee|person_name|number)($|_)"
)


def test_there_is_one_head():
    assert len(migrations.heads()) == 1


def test_models_equal_migrations(database_server):
    import_records()
    name = "migrated_by_test"
    server = create_engine(database_server, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine = db.open_engine(
        make_url(database_server).set(database=name).render_as_string(hide_password=False)
    )

    migrations.upgrade(engine)
    with engine.connect() as connection:
        differences = compare_metadata(
            MigrationContext.configure(connection, opts={"compare_type": True}), Base.metadata
        )
    triggers_missing = _append_only_tables() - _tables_with_triggers(engine)
    engine.dispose()
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()

    assert differences == []
    assert triggers_missing == set()


def _append_only_tables() -> set[str]:
    return {t.name for t in Base.metadata.sorted_tables if t.info.get("append_only")}


def _tables_with_triggers(engine) -> set[str]:
    with engine.connect() as connection:
        return set(
            connection.execute(
                text("SELECT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal")
            ).scalars()
        )


def test_no_personal_column_is_kept_in_plain_text():
    import_records()
    plain = [
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if PERSONAL.search(column.name)
        and isinstance(column.type, Text)
        and not column.name.endswith(("_index", "_no", "_digest"))
    ]
    sealed = [
        column
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary) or type(column.type).__name__ == "SealedColumn"
    ]

    assert plain == []
    assert sealed
