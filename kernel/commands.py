"""The operator's commands that belong to no floor: database and doctor."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import Session

from kernel import db, doctor, embedded, migrations, sealing
from kernel.database import open_database
from kernel.surroundings import Surroundings

EXIT_UNHEALTHY = 1
ROTATE_AT_ONCE = 500


def doctor_command(check_books: Callable[[Session], Iterable[str]]) -> click.Command:
    """Make the command that looks everything over; `check_books` names what differs in the books."""

    @click.command("doctor")
    @click.option("--tests", is_flag=True, help="look for what the page tests need as well")
    @click.option("--install", is_flag=True, help="install what the page tests need and lack")
    @click.option("--books", is_flag=True, help="work the books out anew and name any difference")
    @click.option("--json", "as_json", is_flag=True, help="print JSON")
    @click.pass_obj
    def command(
        surroundings: Surroundings, *, tests: bool, install: bool, books: bool, as_json: bool
    ) -> None:
        """Say what is missing and what to do. Exit code 1 when something is."""
        if books:
            findings = doctor.examine_books(check_books)
        elif tests:
            findings = doctor.examine_for_tests(install=install)
        else:
            findings = doctor.examine(surroundings.settings)
        _report(list(findings), as_json=as_json)

    return command


def _report(findings: Sequence[doctor.Finding], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([_as_mapping(finding) for finding in findings], ensure_ascii=False))
    else:
        _print(findings)
    if not all(finding.ok for finding in findings):
        raise SystemExit(EXIT_UNHEALTHY)


@click.group("db")
def db_group() -> None:
    """Start, stop and upgrade the database."""


@db_group.command("upgrade")
@click.pass_obj
def upgrade(surroundings: Surroundings) -> None:
    """Apply the missing migrations."""
    settings = surroundings.settings
    engine = (
        db.open_engine(settings.database_url) if settings.database_url else open_database(settings)
    )
    migrations.upgrade(engine)
    click.echo(f"at {migrations.present(engine)}")


@db_group.command("stop")
@click.pass_obj
def stop(surroundings: Surroundings) -> None:
    """Stop the embedded server, if it runs."""
    embedded.stop(surroundings.settings.home)


@db_group.command("url")
@click.pass_obj
def url(surroundings: Surroundings) -> None:
    """Start the embedded server and print its URL; it goes on running."""
    settings = surroundings.settings
    click.echo(settings.database_url or embedded.start(settings.home))


@db_group.command("rotate-keys")
def rotate_keys() -> None:
    """Seal every value anew that an older key sealed."""
    done = 0
    while True:
        with db.transaction() as session:
            count = sealing.rotate(session, limit=ROTATE_AT_ONCE)
        done += count
        if count == 0:
            break
    click.echo(f"{done} values sealed with the current key")


def _as_mapping(finding: doctor.Finding) -> dict[str, str | bool]:
    return {
        "name": finding.name,
        "ok": finding.ok,
        "detail": finding.detail,
        "remedy": "" if finding.ok else finding.remedy,
    }


def _print(findings: Iterable[doctor.Finding]) -> None:
    table = Table(show_header=False, box=None)
    for finding in findings:
        remedy = "" if finding.ok else f"→ {finding.remedy}"
        table.add_row("ok" if finding.ok else "MISSING", finding.name, finding.detail, remedy)
    Console().print(table)
