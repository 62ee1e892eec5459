"""The audit of one loan, and the letter of settlement at the terminal.

Exit codes: 0 nothing differs; 1 something does, or a letter does not stand; 2 the command was not
understood; 3 refused, with the reason.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from disbursement import auditing, settlement_letters, terminal
from disbursement.audit_trail import Entry
from disbursement.auditing import Audit
from disbursement.settlement_letters import Standing
from kernel.actors import COMMAND_LINE
from kernel.clock import SHANGHAI
from kernel.db import transaction
from kernel.surroundings import Surroundings

EXIT_DIFFERS: Final = 1
FILE_BYTES_MAX: Final = 4 * 1024 * 1024


@click.command("audit")
@click.argument("loan_id", type=click.UUID)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def audit(surroundings: Surroundings, loan_id: UUID, *, as_json: bool) -> None:
    """Work LOAN_ID out anew from contract and events, compare it, and print every step.

    Instalments, ledger, payouts and their evidence, approvals, payments, amendments, commissions
    and letters are compared. Exit code 1 when anything differs.
    """
    with terminal.refusals_told(), transaction() as session:
        found = auditing.audit(session, loan_id, by=COMMAND_LINE, at=surroundings.clock.now())
    if as_json:
        click.echo(json.dumps(_as_mapping(found), ensure_ascii=False))
    else:
        _print(found)
    if not found.is_good:
        raise SystemExit(EXIT_DIFFERS)


@click.group("letter")
def letter() -> None:
    """Letters of settlement: issue one, and check one that somebody holds."""


@letter.command("issue")
@click.argument("loan_id", type=click.UUID)
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--as", "login", required=True, help="Your login; the password is asked for.")
@click.pass_obj
def issue(surroundings: Surroundings, loan_id: UUID, path: Path, *, login: str) -> None:
    """Issue the letter of a settled loan and write it to PATH, which must not exist."""
    if path.exists():
        raise click.BadParameter("there is a file already", param_hint="PATH")
    at = surroundings.clock.now()
    with terminal.refusals_told():
        by = terminal.person(login, at=at)
        with transaction() as session:
            made = settlement_letters.issue(session, loan_id, by=by, at=at)
            content = settlement_letters.pdf(session, made, by=by, at=at)
    path.write_bytes(content)
    click.echo(f"{made.number}, verification code {made.check_code}, sha256 {made.sha256}")


@letter.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check(file: Path) -> None:
    """Tell whether FILE is a letter of ours, byte for byte, and still stands."""
    with file.open("rb") as opened:
        content = opened.read(FILE_BYTES_MAX + 1)
    with terminal.refusals_told(), transaction() as session:
        found, standing = settlement_letters.check_file(session, content)
    click.echo(f"{found.number}: settled on {found.settled_on}, {standing}")
    if standing is not Standing.STANDS:
        raise SystemExit(EXIT_DIFFERS)


def _print(found: Audit) -> None:
    console = Console(soft_wrap=True)
    trail = Table(box=None)
    for title in ("when", "who", "what", "detail"):
        trail.add_column(title, overflow="fold")
    for entry in found.trail:
        detail = " ".join(f"{name}={value}" for name, value in entry.detail.items())
        trail.add_row(_when(entry), escape(entry.actor), entry.what, escape(detail))
    console.print(trail)
    for one in found.checks:
        console.print(f"{'ok     ' if not one.differences else 'DIFFERS'}  {one.name}")
        for difference in one.differences:
            console.print(f"         {escape(difference)}")


def _as_mapping(found: Audit) -> dict[str, Any]:
    return {
        "loan": str(found.loan_id),
        "good": found.is_good,
        "checks": {one.name: list(one.differences) for one in found.checks},
        "trail": [
            {
                "at": _when(entry),
                "actor": entry.actor,
                "what": entry.what,
                "detail": dict(entry.detail),
            }
            for entry in found.trail
        ],
    }


def _when(entry: Entry) -> str:
    return entry.at.astimezone(SHANGHAI).isoformat(timespec="seconds")
