"""Make and empty the tables of a test database."""

from __future__ import annotations

import importlib
import pkgutil

from sqlalchemy import text
from sqlalchemy.engine import Engine

from kernel.db import Base

FLOORS = ("kernel", "disbursement", "underwriting", "origination")


def import_records() -> None:
    """Import every module that maps tables, so that the metadata are whole."""
    for floor in FLOORS:
        package = importlib.import_module(floor)
        for module in pkgutil.walk_packages(package.__path__, f"{floor}."):
            leaf = module.name.rpartition(".")[2]
            if leaf in {"records", "events", "sealing"} or ".records." in module.name:
                importlib.import_module(module.name)


def create_tables(engine: Engine) -> None:
    """Create all tables as the models declare them."""
    import_records()
    Base.metadata.create_all(engine)


def empty_tables(engine: Engine) -> None:
    """Empty every table that holds rows; append-only triggers do not watch TRUNCATE."""
    names = [table.name for table in Base.metadata.sorted_tables]
    probe = " UNION ALL ".join(
        f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM \"{name}\")" for name in names
    )
    with engine.begin() as connection:
        filled = connection.execute(text(probe)).scalars().all()
        if filled:
            quoted = ", ".join(f'"{name}"' for name in filled)
            connection.execute(text(f"TRUNCATE {quoted} RESTART IDENTITY CASCADE"))
