"""The operator's command for the end of day."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from disbursement import business_days, end_of_day, terminal
from disbursement.business_days import DayView
from disbursement.end_of_day import Run
from kernel.db import transaction
from kernel.surroundings import Surroundings

EXIT_NEEDS_A_PERSON: Final = 1

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command("end-of-day")
@click.option("--through", type=_DAY, help="The last day to close; yesterday if left out.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def end_of_day_command(
    surroundings: Surroundings, *, through: datetime | None, as_json: bool
) -> None:
    """Close every business day after the last closed one, in order.

    Interrupted or killed, it is simply run again. Exit code 0 when all days asked for are closed;
    1 when a loan could not be closed, which is named, and its day waits for a person; 2 when the
    command was not understood; 3 when a day is not over.
    """
    with terminal.refusals_told(), _progress(shown=not as_json and sys.stderr.isatty()) as tell:
        run = end_of_day.close_days(
            surroundings.clock, through=None if through is None else through.date(), tell=tell
        )
    with transaction() as session:
        views = business_days.views(session, run.closed)
    if as_json:
        click.echo(json.dumps(_plain(run, views), ensure_ascii=False))
    else:
        _print(run, views)
    if run.failed:
        raise SystemExit(EXIT_NEEDS_A_PERSON)


@contextmanager
def _progress(*, shown: bool) -> Iterator[Callable[[end_of_day.Progress], None]]:
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=not shown,
    )
    tasks: dict[str, Any] = {}

    def tell(progress: end_of_day.Progress) -> None:
        day = str(progress.day)
        if day not in tasks:
            tasks[day] = bars.add_task(day, total=progress.left)
        bars.update(tasks[day], completed=progress.done, total=progress.left)

    with bars:
        yield tell


def _plain(run: Run, views: Sequence[DayView]) -> dict[str, Any]:
    return {
        "closed": [
            {"day": str(view.day), "loans": view.loans, "figures": view.figures.as_json()}
            for view in views
        ],
        "stopped_at": None if run.stopped_at is None else str(run.stopped_at),
        "failed": [str(loan_id) for loan_id in run.failed],
    }


def _print(run: Run, views: Sequence[DayView]) -> None:
    console = Console(soft_wrap=True)
    if views:
        table = Table(box=None)
        for title in ("day", "loans", "interest due", "accrued", "overdue", "non-accrual"):
            table.add_column(title, justify="left" if title == "day" else "right")
        for view in views:
            table.add_row(
                str(view.day),
                str(view.loans),
                view.amount("interest_due").grouped,
                view.amount("accrued").grouped,
                str(view.count("overdue")),
                str(view.count("non_accrual")),
            )
        console.print(table)
    elif run.stopped_at is None:
        console.print("nothing to close")
    if run.stopped_at is not None:
        console.print(f"{run.stopped_at} stays open: these loans could not be closed")
        for loan_id in run.failed:
            console.print(f"  {loan_id}")
