"""Commands about single decisions: assess, replay."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import click

from kernel import db
from kernel.clock import business_day
from underwriting import assessments, dossier, policy, replays
from underwriting.cli.faults import EXIT_OF_VERDICT, content, told_as_exit_codes
from underwriting.cli.printing import as_json_option, file_argument, show
from underwriting.decisions import Decision
from underwriting.models import registry
from underwriting.reasons import BOOK


@click.command("assess")
@file_argument
@as_json_option
def assess_command(*, file: Path, as_json: bool) -> None:
    """Decide on the dossier in FILE (JSON) by the model in service; nothing is recorded."""
    with told_as_exit_codes():
        told = dossier.from_bytes(content(file))
        rules = policy.in_force(business_day(told.as_of))
        with db.transaction() as session:
            model = registry.serving(session)
        decision = assessments.decide(told, rules, model)
    if as_json:
        click.echo(decision.to_bytes().decode())
    else:
        show(_summary(decision), as_json=False)


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
    if decision.instalment is not None:
        told |= {
            "principal": decision.principal.grouped,
            "months": decision.months,
            "annual_rate_percent": str(decision.annual_rate),
            "instalment": decision.instalment.grouped,
            "cards": [str(card.card_ref) for card in decision.chosen],
        }
    return told
