"""Command of the risk staff: watch a day, or tell what was read on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from kernel import db
from kernel.law import NoRuleInForce
from kernel.surroundings import Surroundings
from underwriting.cli.faults import told_as_exit_codes
from underwriting.cli.printing import as_json_option, spell_json
from underwriting.watched import Verdict
from underwriting.watching import watch
from underwriting.watching.readings import ReadingView

EXIT_ALARM: Final = 30
"""Something rang on the day; the readings are printed all the same."""


@click.command("watch")
@click.option(
    "--day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="the day to watch; by default the last one that is over",
)
@click.option("--all", "with_quiet", is_flag=True, help="print quiet readings too")
@as_json_option
@click.pass_obj
def watch_command(
    surroundings: Surroundings, *, day: datetime | None, with_quiet: bool, as_json: bool
) -> None:
    """Watch a day: drift, calibration, vintages, agencies, collusion, fairness.

    A day is watched once; asked again, the same readings are told. Exit code 30 when something
    rang.
    """
    at = surroundings.clock.now()
    asked = watch.day_to_watch(at) if day is None else day.date()
    with told_as_exit_codes(), _told_when_nothing_is_in_force():
        with db.transaction() as session:
            watch.mark(session, day=asked, at=at)
        with db.transaction() as session:
            found = watch.run(session, day=asked, at=at)
    if as_json:
        told = {"day": asked.isoformat(), "readings": [_plain(each) for each in found]}
        click.echo(spell_json(told))
    else:
        _print(found, day=asked, with_quiet=with_quiet)
    if any(each.verdict is Verdict.ALARM for each in found):
        raise SystemExit(EXIT_ALARM)


@contextmanager
def _told_when_nothing_is_in_force() -> Iterator[None]:
    try:
        yield
    except NoRuleInForce as fault:
        raise click.ClickException(str(fault)) from None


def _print(found: tuple[ReadingView, ...], *, day: date, with_quiet: bool) -> None:
    shown = found if with_quiet else [each for each in found if each.verdict in _LOUD]
    counts = {verdict.value: sum(each.verdict is verdict for each in found) for verdict in Verdict}
    summary = ", ".join(f"{count} {word}" for word, count in counts.items())
    click.echo(f"{day}: {len(found)} readings, {summary}")
    if not shown:
        return
    table = Table("verdict", "measure", "subject", "part", "value", "95 %", "bar", "cases")
    for each in shown:
        interval = "" if each.low is None else f"{each.low:.4f} to {each.high:.4f}"
        table.add_row(
            each.verdict.value,
            each.measure.value,
            each.subject,
            each.part,
            _text(each.value),
            interval,
            _text(each.bar),
            str(each.cases),
        )
    Console().print(table)


_LOUD: Final = frozenset({Verdict.ALARM, Verdict.NOTICE})


def _text(number: object) -> str:
    return "" if number is None else f"{number:.4f}"


def _plain(each: ReadingView) -> dict[str, Any]:
    return {
        "measure": each.measure.value,
        "subject": each.subject,
        "part": each.part,
        "value": None if each.value is None else str(each.value),
        "interval_95": None if each.low is None else [str(each.low), str(each.high)],
        "bar": None if each.bar is None else str(each.bar),
        "cases": each.cases,
        "verdict": each.verdict.value,
        "detail": dict(each.detail),
    }
