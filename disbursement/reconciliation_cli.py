"""The operator's commands for statements, reconciliation, breaks and signing days.

Exit codes of all of them: 0 done and nothing left to do; 1 a person must look; 2 the command was
not understood; 3 refused, with the reason; 4 a file is missing; 5 a file was refused or is held.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import breaks, fetching, importing, legs, signoff, terminal
from disbursement.breaks import BreakView
from disbursement.importing import Imported
from disbursement.reconciliation import DayResult
from disbursement.records.breaks import BreakStatus, Resolution
from disbursement.records.settlement import FileKind, FileStatus
from kernel.actors import COMMAND_LINE, Actor
from kernel.clock import business_day
from kernel.db import transaction
from kernel.records import Staff
from kernel.surroundings import Surroundings

EXIT_NEEDS_A_PERSON: Final = 1
EXIT_MISSING: Final = 4
EXIT_FILE: Final = 5

_DAY = click.DateTime(["%Y-%m-%d"])
_Command = Callable[..., Any]


def _on_day(command: _Command) -> _Command:
    return click.option("--day", type=_DAY, help="Settlement day; yesterday if left out.")(command)


def _as_json(command: _Command) -> _Command:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def _as_person(command: _Command) -> _Command:
    return click.option(
        "--as", "login", required=True, help="Your login; the password is asked for."
    )(command)


@click.group("statement")
def statement() -> None:
    """Statement files of the channel and the bank."""


@statement.command("import")
@click.argument("kind", type=click.Choice([kind.value for kind in FileKind]))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--channel",
    type=click.Choice(sorted(fetching.CHANNELS)),
    default=legs.UNIONPAY,
    show_default=True,
    help="Whose file it is, or whose money moves on the account.",
)
@_on_day
@_as_json
@click.pass_obj
def import_file(
    surroundings: Surroundings,
    kind: str,
    file: Path,
    *,
    channel: str,
    day: datetime | None,
    as_json: bool,
) -> None:
    """Import FILE as a channel's settlement file or its bank's statement of a day."""
    with file.open("rb") as opened:
        content = opened.read(importing.CONTENT_BYTES_MAX + 1)
    with terminal.refusals_told(), transaction() as session:
        imported = fetching.take(
            session,
            surroundings,
            _day(surroundings, day),
            kind=FileKind(kind),
            content=content,
            channel=channel,
            by=COMMAND_LINE,
        )
    _told(imported, as_json=as_json)


@statement.command("fetch")
@_on_day
@_as_json
@click.pass_obj
def fetch(surroundings: Surroundings, *, day: datetime | None, as_json: bool) -> None:
    """Fetch and import what is not there yet of a day's files."""
    fetched = fetching.fetch_day(surroundings, _day(surroundings, day), by=COMMAND_LINE)
    rows = [
        {
            "file": one.kind.value,
            "channel": one.channel,
            "fetch": one.fetch.value,
            **_of_import(one.imported),
        }
        for one in fetched
    ]
    _show(rows, as_json=as_json)
    if any(one.fetch in {fetching.Fetch.NOT_READY, fetching.Fetch.SILENT} for one in fetched):
        raise SystemExit(EXIT_MISSING)


@statement.command("take")
@click.argument("break_id", type=click.UUID)
@_as_person
@_as_json
@click.pass_obj
def take(surroundings: Surroundings, break_id: UUID, *, login: str, as_json: bool) -> None:
    """Take a held file instead of the first, ending the break that another person explained."""
    with terminal.acting(login, at=surroundings.clock.now()) as (session, by, at):
        imported = importing.take_held(session, break_id, by=by, at=at)
    _told(imported, as_json=as_json)


@statement.command("turn-down")
@click.argument("break_id", type=click.UUID)
@_as_person
@click.pass_obj
def turn_down(surroundings: Surroundings, break_id: UUID, *, login: str) -> None:
    """Let the first file stand, ending the break that another person explained."""
    with terminal.acting(login, at=surroundings.clock.now()) as (session, by, at):
        importing.keep_first(session, break_id, by=by, at=at)
    click.echo("the first file stands")


@click.group("reconcile", invoke_without_command=True)
@_on_day
@_as_json
@click.pass_context
def reconcile(context: click.Context, *, day: datetime | None, as_json: bool) -> None:
    """Fetch a day's files and reconcile it, or work on breaks with a subcommand.

    Exit code 1 when a break waits for a person, 4 when a file is missing.
    """
    if context.invoked_subcommand is not None:
        return
    surroundings: Surroundings = context.obj
    wanted = _day(surroundings, day)
    with terminal.refusals_told():
        result = fetching.reconcile_day(surroundings, wanted, by=COMMAND_LINE)
    with transaction() as session:
        waiting = breaks.listed(session, today=_today(surroundings), day=wanted)
    if as_json:
        click.echo(json.dumps(_of_result(result, waiting), ensure_ascii=False))
    else:
        _show([{"figure": k, "value": v} for k, v in result.figures.as_json().items()])
        _show([_of_break(one) for one in waiting])
    if result.figures.missing:
        raise SystemExit(EXIT_MISSING)
    if waiting:
        raise SystemExit(EXIT_NEEDS_A_PERSON)


@reconcile.command("breaks")
@click.option("--day", type=_DAY, help="Of one day only.")
@click.option("--all", "is_all", is_flag=True, help="Resolved and cured ones as well.")
@_as_json
@click.pass_obj
def list_breaks(
    surroundings: Surroundings, *, day: datetime | None, is_all: bool, as_json: bool
) -> None:
    """List breaks, the oldest first. Exit code 1 when one waits for a person."""
    with transaction() as session:
        found = breaks.listed(
            session,
            today=_today(surroundings),
            statuses=frozenset(BreakStatus) if is_all else breaks.LIVE,
            day=None if day is None else day.date(),
        )
    _show([_of_break(one) for one in found], as_json=as_json)
    if any(one.status in breaks.LIVE for one in found):
        raise SystemExit(EXIT_NEEDS_A_PERSON)


@reconcile.command("assign")
@click.argument("break_id", type=click.UUID)
@click.option("--owner", required=True, help="Login of the person who is to look after it.")
@_as_person
@click.pass_obj
def assign(surroundings: Surroundings, break_id: UUID, *, owner: str, login: str) -> None:
    """Put a break into the care of a person of finance."""
    with terminal.acting(login, at=surroundings.clock.now()) as (session, by, _):
        breaks.assign(session, break_id, owner=_colleague(session, owner), by=by)
    click.echo(f"{owner} looks after it")


@reconcile.command("explain")
@click.argument("break_id", type=click.UUID)
@click.option("--text", required=True, help="What happened.")
@_as_person
@click.pass_obj
def explain(surroundings: Surroundings, break_id: UUID, *, text: str, login: str) -> None:
    """Say what happened, so that another person can resolve it."""
    with terminal.acting(login, at=surroundings.clock.now()) as (session, by, at):
        breaks.explain(session, break_id, text=text, by=by, at=at)
    click.echo("explained")


@reconcile.command("resolve")
@click.argument("break_id", type=click.UUID)
@click.option("--resolution", required=True, type=click.Choice([one.value for one in Resolution]))
@_as_person
@click.pass_obj
def resolve(surroundings: Surroundings, break_id: UUID, *, resolution: str, login: str) -> None:
    """Agree how an explained break ends; the one who explained it may not."""
    with terminal.acting(login, at=surroundings.clock.now()) as (session, by, at):
        breaks.resolve(session, break_id, resolution=Resolution(resolution), by=by, at=at)
    click.echo("resolved")


@click.group("sign-off")
def sign_off() -> None:
    """Signing days: one person prepares, another signs."""


@sign_off.command("show")
@_on_day
@_as_json
@click.pass_obj
def show(surroundings: Surroundings, *, day: datetime | None, as_json: bool) -> None:
    """Name what stands against signing a day. Exit code 1 when something does."""
    with transaction() as session:
        found = signoff.objections(session, _day(surroundings, day))
    _show([{"objection": one} for one in found], as_json=as_json)
    if found:
        raise SystemExit(EXIT_NEEDS_A_PERSON)


@sign_off.command("prepare")
@_on_day
@_as_person
@click.pass_obj
def prepare(surroundings: Surroundings, *, day: datetime | None, login: str) -> None:
    """Say that a day can be signed."""
    wanted = _day(surroundings, day)
    with terminal.acting(login, at=surroundings.clock.now()) as (session, by, at):
        signoff.prepare(session, wanted, by=by, at=at)
    click.echo(f"{wanted} is prepared; another person signs it")


@sign_off.command("sign")
@_on_day
@_as_person
@click.pass_obj
def sign(surroundings: Surroundings, *, day: datetime | None, login: str) -> None:
    """Sign a day that another person prepared, and lock it."""
    wanted = _day(surroundings, day)
    with terminal.acting(login, at=surroundings.clock.now()) as (session, by, at):
        signoff.sign(session, wanted, by=by, at=at)
    click.echo(f"{wanted} is signed and locked")


COMMANDS: Final = (statement, reconcile, sign_off)


def _colleague(session: Session, login: str) -> Actor:
    found = session.scalars(select(Staff).where(Staff.login == login, Staff.active)).one_or_none()
    if found is None:
        raise click.BadParameter("nobody with this login works here", param_hint="--owner")
    return Actor(found.role, str(found.id))


def _day(surroundings: Surroundings, given: datetime | None) -> date:
    return _today(surroundings) - timedelta(days=1) if given is None else given.date()


def _today(surroundings: Surroundings) -> date:
    return business_day(surroundings.clock.now())


def _told(imported: Imported, *, as_json: bool) -> None:
    _show([_of_import(imported)], as_json=as_json)
    if imported.status is not FileStatus.TAKEN:
        raise SystemExit(EXIT_FILE)


def _of_import(imported: Imported | None) -> dict[str, Any]:
    if imported is None:
        return {}
    return {
        "status": imported.status.value,
        "rows": imported.rows,
        "new": imported.is_new,
        "fault": imported.fault,
    }


def _of_break(one: BreakView) -> dict[str, Any]:
    return {
        "id": str(one.id),
        "day": str(one.day),
        "kind": one.kind.value,
        "status": one.status.value,
        "subject": one.subject,
        "ours": None if one.ours is None else str(one.ours),
        "theirs": None if one.theirs is None else str(one.theirs),
        "age": one.bucket.value,
        "owner": one.owner,
        "detail": one.detail,
        "suggestion": one.suggestion,
    }


def _of_result(result: DayResult, waiting: Iterable[BreakView]) -> dict[str, Any]:
    return {
        "day": str(result.day),
        "run": result.run,
        "new": result.is_new,
        "figures": result.figures.as_json(),
        "breaks": [_of_break(one) for one in waiting],
    }


def _show(rows: Sequence[dict[str, Any]], *, as_json: bool = False) -> None:
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    if not rows:
        return
    table = Table(box=None)
    titles = list(dict.fromkeys(title for row in rows for title in row))
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(escape(str(row.get(title, ""))) for title in titles))
    Console(soft_wrap=True).print(table)
