"""How commands of the risk staff print what they found: lines for a person, JSON for a program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

file_argument = click.argument("file", type=click.Path(path_type=Path))
as_json_option = click.option("--json", "as_json", is_flag=True, help="print JSON")


def show(told: dict[str, Any], *, as_json: bool) -> None:
    """Print named values."""
    if as_json:
        click.echo(spell_json(told))
        return
    for key, value in told.items():
        click.echo(f"{key}: {_line(value)}")


def _line(value: object) -> str:
    match value:
        case None:
            return "-"
        case list():
            return "; ".join(str(each) for each in value) or "-"
        case dict():
            return ", ".join(f"{key} {_line(each)}" for key, each in value.items())
        case _:
            return str(value)


def spell_json(told: dict[str, Any]) -> str:
    """Spell named values as JSON."""
    return json.dumps(told, ensure_ascii=False)
