"""The command that imports a file of referrals."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from kernel.actors import Actor, Role
from kernel.db import transaction
from kernel.refusals import Refused
from kernel.surroundings import Surroundings
from origination import agencies, intake, intake_files
from origination.intake import Intake, IntakeRow, Outcome, RowFault, RowOutcome
from origination.intake_files import FileUnreadable

ALL_GOOD: Final = 0
ROWS_REFUSED: Final = 2
FILE_UNREADABLE: Final = 3
AGENCY_REFUSED: Final = 4
FAULTS_SHOWN: Final = 50
OPERATOR: Final = Actor(Role.OPERATOR, "import-referrals")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an import did, or on a dry run would do."""

    dry_run: bool
    rows: int
    created: int
    existing: int
    refused: int
    faults: tuple[RowFault, ...]


@click.command("import-referrals")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--agency", "code", required=True, help="Code of the agency the cases belong to.")
@click.option("--dry-run", is_flag=True, help="Say what would happen and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_obj
def import_referrals(
    surroundings: Surroundings,
    file: Path,
    *,
    code: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Import a CSV or XLSX file of referrals for one agency.

    Good rows are taken even where others have faults; sending a mended file again takes only what
    is new.

    \b
    Exit codes:
      0  every row was taken or was known already
      2  some rows were refused: the table names row, column and remedy
      3  the file as a whole cannot be read; nothing was taken
      4  the agency is unknown or suspended; nothing was taken
    """  # noqa: D301 - the escape is click's mark for a paragraph kept as it stands
    try:
        found = intake.read(_content(file), at=surroundings.clock.now())
        report = _imported(surroundings, found, code=code, dry_run=dry_run, quiet=as_json)
    except FileUnreadable as refused:
        _complain(refused, as_json=as_json, exit_code=FILE_UNREADABLE)
    except (agencies.UnknownAgency, agencies.AgencySuspended) as refused:
        _complain(refused, as_json=as_json, exit_code=AGENCY_REFUSED)
    else:
        _show(report, as_json=as_json)
        click.get_current_context().exit(ROWS_REFUSED if report.refused else ALL_GOOD)


def _content(file: Path) -> bytes:
    """Read no more of a file than may be read.

    Raises:
        FileUnreadable: it cannot be opened.
    """
    try:
        with file.open("rb") as opened:
            return opened.read(intake_files.BYTES_MAX + 1)
    except OSError as fault:
        raise FileUnreadable(f"it cannot be opened: {fault.strerror}") from None


def _imported(
    surroundings: Surroundings, found: Intake, *, code: str, dry_run: bool, quiet: bool
) -> Report:
    with transaction() as session:
        agency_id = agencies.lock_active(session, agencies.by_code(session, code).id).id
    outcomes: list[RowOutcome] = []
    with Progress(console=Console(stderr=True), disable=quiet, transient=True) as progress:
        for chunk in progress.track(list(intake.chunks(found.rows)), description="rows"):
            outcomes += _received(surroundings, agency_id, found, chunk, dry_run=dry_run)
    faults = (*found.faults, *(outcome.fault for outcome in outcomes if outcome.fault))
    counts = Counter(outcome.outcome for outcome in outcomes)
    refused = {fault.row for fault in faults}
    return Report(
        dry_run=dry_run,
        rows=counts[Outcome.CREATED] + counts[Outcome.EXISTING] + len(refused),
        created=counts[Outcome.CREATED],
        existing=counts[Outcome.EXISTING],
        refused=len(refused),
        faults=tuple(sorted(faults, key=lambda fault: fault.row)),
    )


def _received(
    surroundings: Surroundings,
    agency_id: UUID,
    found: Intake,
    chunk: Sequence[IntakeRow],
    *,
    dry_run: bool,
) -> list[RowOutcome]:
    with transaction() as session, session.begin_nested() as kept:
        outcomes = intake.receive(
            session,
            agency_id,
            chunk,
            case_column=found.case_column,
            by=OPERATOR,
            at=surroundings.clock.now(),
        )
        if dry_run:
            kept.rollback()
    return outcomes


def _show(report: Report, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(report), ensure_ascii=False))
        return
    console = Console()
    if report.faults:
        console.print(_table(report.faults))
    verb = "would be created" if report.dry_run else "created"
    console.print(
        f"{report.rows} rows: {report.created} {verb}, {report.existing} known already,"
        f" {report.refused} refused"
    )


def _table(faults: Sequence[RowFault]) -> Table:
    left_out = len(faults) - FAULTS_SHOWN
    table = Table(caption=f"and {left_out} more: see --json" if left_out > 0 else None)
    for heading in ("row", "column", "value", "what to do"):
        table.add_column(heading)
    for cells in _lines(faults[:FAULTS_SHOWN]):
        table.add_row(*cells)
    return table


def _lines(faults: Sequence[RowFault]) -> Iterator[tuple[str, str, str, str]]:
    for fault in faults:
        yield str(fault.row), fault.column, fault.value, fault.remedy


def _complain(refused: Refused, *, as_json: bool, exit_code: int) -> None:
    if as_json:
        problem = {"code": refused.code, "title": refused.title, "detail": refused.detail}
        click.echo(json.dumps(problem, ensure_ascii=False))
    else:
        detail = f": {refused.detail}" if refused.detail else ""
        click.echo(f"{refused.title}{detail}", err=True)
    click.get_current_context().exit(exit_code)
