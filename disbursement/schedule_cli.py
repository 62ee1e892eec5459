"""The operator's command for schedules: check them against other people's expected figures."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from disbursement.schedule.verification import cases, verifier
from disbursement.schedule.verification.cases import Case, Malformed, NotACaseFile
from disbursement.schedule.verification.verifier import CaseResult, Verdict

EXIT_DIFFERS = 1
EXIT_UNREADABLE = 2


@click.group("schedule")
def schedule() -> None:
    """Repayment schedules."""


@schedule.command("verify")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def verify(files: tuple[Path, ...], *, as_json: bool) -> None:
    """Compute every case of FILES and compare it, each by its own strength.

    Exit code 1 when a case differs that its strength judges, 2 when a case or a file cannot be
    read; the others are computed all the same. Cases that are true of another engine only are shown
    and never judged.
    """
    listed: list[tuple[str, Case | Malformed]] = []
    unreadable = False
    for file in files:
        try:
            listed += [(file.name, case) for case in cases.read(_content(file))]
        except (NotACaseFile, OSError) as fault:
            click.echo(f"{file.name}: {fault}", err=True)
            unreadable = True
    console = Console(stderr=True)
    shown = track(
        listed,
        description="Computing",
        console=console,
        disable=as_json or not sys.stderr.isatty(),
        transient=True,
    )
    results = [(name, verifier.judge(case)) for name, case in shown]
    if as_json:
        click.echo(json.dumps(_as_json(results), ensure_ascii=False))
    else:
        _print(results)
    verdicts = {result.verdict for _, result in results}
    if unreadable or Verdict.MALFORMED in verdicts:
        raise SystemExit(EXIT_UNREADABLE)
    if Verdict.DIFFERS in verdicts:
        raise SystemExit(EXIT_DIFFERS)


def _content(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(cases.FILE_BYTES_MAX + 1)


def _as_json(results: Sequence[tuple[str, CaseResult]]) -> dict[str, Any]:
    return {
        "cases": [
            {
                "file": name,
                "id": result.id,
                "family": result.family,
                "strength": result.strength,
                "verdict": result.verdict.value,
                "difference": None
                if result.difference is None
                else {
                    "cell": result.difference.cell,
                    "expected": result.difference.expected,
                    "found": result.difference.found,
                },
            }
            for name, result in results
        ],
        "by_strength": _counts((r.strength, r.verdict) for _, r in results),
        "by_family": _counts((r.family, r.verdict) for _, r in results),
    }


def _counts(pairs: Iterable[tuple[str, Verdict]]) -> dict[str, dict[str, int]]:
    counted = Counter(pairs)
    names = sorted({name for name, _ in counted})
    return {
        name: {v.value: counted[name, v] for v in Verdict if counted[name, v]} for name in names
    }


def _print(results: Sequence[tuple[str, CaseResult]]) -> None:
    console = Console(soft_wrap=True)
    table = Table(box=None)
    for title in ("case", "strength", "verdict", "first differing cell"):
        table.add_column(title, overflow="fold")
    for _, result in results:
        found = result.difference
        cell = (
            ""
            if found is None
            else f"{found.cell}: expected {found.expected}, found {found.found}".lstrip(": ")
        )
        table.add_row(escape(result.id), result.strength, result.verdict.value, escape(cell))
    console.print(table)
    for title, counts in (
        ("strength", _counts((r.strength, r.verdict) for _, r in results)),
        ("family", _counts((r.family, r.verdict) for _, r in results)),
    ):
        summary = Table(title, *(v.value for v in Verdict), box=None)
        for name, by_verdict in counts.items():
            summary.add_row(escape(name), *(str(by_verdict.get(v.value, 0)) for v in Verdict))
        console.print()
        console.print(summary)
