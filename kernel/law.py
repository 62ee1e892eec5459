"""What the law and the supervisors set, as dated tables with their sources."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

TABLES: Final = Path(__file__).parent / "law"


class NoRuleInForce(LookupError):
    """No row of the table was in force on the day asked about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One dated row: its values, the day it came into force, and where it is written."""

    in_force: date
    source: str
    values: dict[str, Any]


def rule(table: str, *, on: date, folder: Path = TABLES) -> Rule:
    """Give the row of a table in force on a day; `folder` holds a floor's own dated tables.

    Raises:
        NoRuleInForce: the table begins later.
        FileNotFoundError: there is no such table.
    """
    for row in reversed(_rows(folder, table)):
        if row.in_force <= on:
            return row
    raise NoRuleInForce(f"{table} has no rule in force on {on}")


@cache
def _rows(folder: Path, table: str) -> tuple[Rule, ...]:
    parsed = tomllib.loads((folder / f"{table}.toml").read_text(encoding="utf-8"))
    rows = sorted(parsed["rule"], key=lambda row: row["in_force"])
    assert all(row.get("source") for row in rows), f"{table}: every rule names its source"
    return tuple(
        Rule(
            in_force=row["in_force"],
            source=row["source"],
            values={k: v for k, v in row.items() if k not in {"in_force", "source"}},
        )
        for row in rows
    )
