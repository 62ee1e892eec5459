"""Commands about single decisions: assess, replay."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from uuid import UUID

import click
from rich.console import Console
from rich.progress import Progress

from kernel import db
from kernel.clock import business_day
from underwriting import assessments, dossier, limit_sentences, policy, replays
from underwriting.batch import files
from underwriting.cli.faults import EXIT_OF_VERDICT, content, told_as_exit_codes
from underwriting.cli.printing import as_json_option, show
from underwriting.decisions import Decision
from underwriting.models import registry
from underwriting.reasons import BOOK


@click.command("assess")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--batch", type=click.Path(path_type=Path), help="a table of dossiers: .csv, .parquet"
)
@click.option("--out", type=click.Path(path_type=Path), help="where the batch's decisions go")
@as_json_option
def assess_command(
    *, file: Path | None, batch: Path | None, out: Path | None, as_json: bool
) -> None:
    """Decide on the dossier in FILE (JSON) by the model in service; nothing is recorded.

    With --batch decide on a table of dossiers and write a table of decisions to --out.
    """
    if (file is None) == (batch is None) or (batch is None) != (out is None):
        raise click.UsageError("give FILE, or --batch with --out")
    with told_as_exit_codes():
        if batch is not None and out is not None:
            show(_assess_batch(batch, out), as_json=as_json)
        elif file is not None:
            _assess_one(file, as_json=as_json)


def _assess_one(file: Path, *, as_json: bool) -> None:
    told = dossier.from_bytes(content(file))
    rules = policy.in_force(business_day(told.as_of))
    with db.transaction() as session:
        model = registry.serving(session)
    decision = assessments.decide(told, rules, model)
    if as_json:
        click.echo(decision.to_bytes().decode())
    else:
        show(_summary(decision), as_json=False)


def _assess_batch(source: Path, target: Path) -> dict[str, Any]:
    with db.transaction() as session:
        model = registry.serving(session)
    console = Console(stderr=True)
    begun = time.monotonic()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("deciding", total=None)
        found = files.run(
            source,
            target,
            model,
            tell=lambda done, total: bars.update(task, completed=done, total=total),
        )
    seconds = max(time.monotonic() - begun, 1e-3)
    return {
        "dossiers": found.dossiers,
        "outcomes": dict(found.outcomes),
        "policies": dict(found.policies),
        "model": model.model_id,
        "decided_alone": found.alone,
        "seconds": round(seconds, 1),
        "dossiers_a_second": round(found.dossiers / seconds),
        "written_to": str(target),
    }


@click.group("replay")
def replay_group() -> None:
    """Retell what was decided."""


@replay_group.command("assessment")
@click.argument("assessment_id", type=click.UUID)
@as_json_option
def replay_assessment(*, assessment_id: UUID, as_json: bool) -> None:
    """Decide a recorded dossier again and compare the bytes. Exit code 0 when they are the same."""
    with told_as_exit_codes(), db.transaction() as session:
        found = replays.replay(session, assessment_id)
    told = {
        "assessment": str(found.assessment_id),
        "verdict": found.verdict.value,
        "detail": found.detail,
        "differences": list(found.differences),
    }
    show(told, as_json=as_json)
    raise SystemExit(EXIT_OF_VERDICT[found.verdict])


def _summary(decision: Decision) -> dict[str, Any]:
    told: dict[str, Any] = {
        "outcome": decision.outcome.value,
        "reasons": [f"{reason.value}: {BOOK[reason].en}" for reason in decision.reasons],
        "pd": None if decision.pd is None else str(decision.pd),
        "limit": decision.limit.grouped,
        "binding": None if decision.binding is None else decision.binding.value,
    }
    if decision.workings is not None:
        change = decision.workings.change
        told |= {
            "would_change_it": None if change is None else limit_sentences.of_change(change).en,
            "fraud": [hit.rule for hit in decision.workings.fraud],
        }
    if decision.instalment is not None:
        told |= {
            "principal": decision.principal.grouped,
            "months": decision.months,
            "annual_rate_percent": str(decision.annual_rate),
            "instalment": decision.instalment.grouped,
            "cards": [str(card.card_ref) for card in decision.chosen],
        }
    return told
