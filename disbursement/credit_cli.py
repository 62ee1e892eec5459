"""The commands for reports to the credit bureau: prepare, release, write, and look at what is held.

Exit codes: 0 done; 1 lines are held back; 2 the command was not understood; 3 refused, with the
reason. Whoever acts signs in at the terminal, and whoever prepared a report does not release it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import click

from disbursement import credit_reports, funders, terminal
from disbursement.credit_file import Period
from disbursement.records.credit import CreditReport
from kernel.db import transaction
from kernel.surroundings import Surroundings

EXIT_HELD: Final = 1
OWNER_ONLY: Final = 0o600
"""Of a written file: it holds names and identity numbers."""

_AS = click.option("--as", "login", required=True, help="Your login; the password is asked for.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("credit-report")
def credit_report() -> None:
    """Report a funder's loans to the credit bureau."""


@credit_report.command("prepare")
@click.argument("funder")
@click.argument("period", type=click.Choice([period.value for period in Period]))
@click.argument("day", type=click.DateTime(["%Y-%m-%d"]))
@_AS
@_JSON
@click.pass_obj
def prepare(
    surroundings: Surroundings,
    funder: str,
    period: str,
    day: datetime,
    *,
    login: str,
    as_json: bool,
) -> None:
    """Freeze what is reported of FUNDER's loans for DAY, or for the month that holds it.

    Exit code 1 when lines are held back.
    """
    about = credit_reports.span(Period(period), day.date())
    with terminal.acting(login, at=surroundings.clock.now()) as (session, by, at):
        lender = funders.get(session, funder)
        report = credit_reports.prepare(session, lender, about, by=by, at=at)
    _told([report], as_json=as_json)
    if report.held:
        raise SystemExit(EXIT_HELD)


@credit_report.command("list")
@_JSON
def list_reports(*, as_json: bool) -> None:
    """List the reports, newest first."""
    with transaction() as session:
        found = credit_reports.listed(session)
    _told(found, as_json=as_json)


@credit_report.command("held")
@click.argument("report_id", type=click.UUID)
@_JSON
def held(report_id: UUID, *, as_json: bool) -> None:
    """List the lines that a report holds back, and why. Exit code 1 when there are any."""
    with terminal.refusals_told(), transaction() as session:
        credit_reports.get(session, report_id)
        found = credit_reports.held(session, report_id)
    rows = [{"loan": str(line.loan_id), "why": str(line.hold)} for line in found]
    if as_json:
        click.echo(json.dumps(rows))
    for row in () if as_json else rows:
        click.echo(f"{row['loan']}  {row['why']}")
    if rows:
        raise SystemExit(EXIT_HELD)


@credit_report.command("release")
@click.argument("report_id", type=click.UUID)
@_AS
@click.pass_obj
def release(surroundings: Surroundings, report_id: UUID, *, login: str) -> None:
    """Let a report that another person prepared be written."""
    with terminal.acting(login, at=surroundings.clock.now()) as (session, by, at):
        credit_reports.release(session, report_id, by=by, at=at)
    click.echo("released")


@credit_report.command("reject")
@click.argument("report_id", type=click.UUID)
@click.option("--reason", required=True, help="Why it must not go out.")
@_AS
@click.pass_obj
def reject(surroundings: Surroundings, report_id: UUID, *, reason: str, login: str) -> None:
    """Turn a report down that another person prepared."""
    with terminal.acting(login, at=surroundings.clock.now()) as (session, by, at):
        credit_reports.reject(session, report_id, reason=reason, by=by, at=at)
    click.echo("rejected")


@credit_report.command("export")
@click.argument("report_id", type=click.UUID)
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@_AS
@click.pass_obj
def export(surroundings: Surroundings, report_id: UUID, path: Path, *, login: str) -> None:
    """Write the file of a released report to PATH, which must not exist; only its owner reads it."""
    if path.exists():
        raise click.BadParameter("there is a file already", param_hint="PATH")
    with terminal.acting(login, at=surroundings.clock.now()) as (session, by, at):
        file = credit_reports.export(session, report_id, by=by, at=at)
    # Written after the commit, so that no file is out there without its row.
    made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with open(made, "wb") as out:  # noqa: PTH123 - the descriptor carries the permissions
        out.write(file.content)
    click.echo(f"{file.counts['lines']} lines, sha256 {file.sha256}")


def _told(reports: Sequence[CreditReport], *, as_json: bool) -> None:
    rows = [_row(report) for report in reports]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        click.echo(
            f"{row['id']}  {row['period']} {row['first']}..{row['as_of']} #{row['number']}  "
            f"{row['status']}  {row['lines']} lines, {row['held']} held"
        )


def _row(report: CreditReport) -> dict[str, Any]:
    return {
        "id": str(report.id),
        "period": report.period.value,
        "first": report.first_day.isoformat(),
        "as_of": report.as_of.isoformat(),
        "number": report.number,
        "status": report.status.value,
        "lines": report.lines,
        "held": report.held,
        "counts": report.counts,
        "sha256": report.sha256,
    }
