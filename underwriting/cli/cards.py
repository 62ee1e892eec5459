"""Command of the risk staff: the card of a model, as a document, a file or a few lines."""

from __future__ import annotations

from pathlib import Path

import click

from kernel import db
from underwriting.cli.faults import told_as_exit_codes
from underwriting.cli.printing import as_json_option, show, spell_json
from underwriting.features import catalogue
from underwriting.features.declaration import Unit
from underwriting.features.names import FEATURES, UNITS
from underwriting.models import card, card_reading, registry
from underwriting.models.card import Card, Words


@click.group("model")
def model_group() -> None:
    """Tell what a model is."""


@model_group.command("card")
@click.argument("model")
@click.option("--html", "file", type=click.Path(path_type=Path), help="write the card to this file")
@as_json_option
def model_card(*, model: str, file: Path | None, as_json: bool) -> None:
    """Show the card of MODEL: data, split, label, features, tuning, curves, segments and limits.

    The card is worked out from the model's manifest; its golden rows are scored anew.
    """
    with told_as_exit_codes(), db.transaction() as session:
        found = card_reading.read(session, registry.find(session, model))
    if file is not None:
        try:
            file.write_text(card.document(found, WORDS), encoding="utf-8")
        except OSError as fault:
            raise click.ClickException(f"{file.name} cannot be written: {fault.strerror}") from None
    if as_json:
        click.echo(spell_json(card.to_plain(found)))
    elif file is None:
        show(_few(found), as_json=False)


def _few(found: Card) -> dict[str, object]:
    told = found.facts.get("out_of_time") or {}
    beside = (found.facts.get("scorecard") or {}).get("out_of_time") or {}
    return {
        "model": found.name,
        "status": found.status,
        "loans": found.facts.get("rows"),
        "bads": found.facts.get("bads"),
        "features": len(found.facts.get("features", ())),
        "out of time": {
            name: f"{told.get(name)} (scorecard {beside.get(name)})"
            for name in ("auc", "ks", "brier", "log_loss", "calibration_error")
        },
        "golden rows come out again": found.golden_holds,
        "label": card.LABEL[1],
    }


def _both(zh: str, en: str) -> str:
    return zh if zh == en else f"{zh} · {en}"


def _feature(name: str) -> str:
    known = catalogue.CATALOGUE.get(name)
    return _both(FEATURES.get(name, name), name if known is None else known.meaning)


def _unit(unit: Unit) -> str:
    return _both(*UNITS[unit])


WORDS = Words(say=_both, feature=_feature, unit=_unit)
"""Both languages side by side: a file has no reader of whom one is known."""
