"""Commands that make and measure models: train, evaluate."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

import click
import polars as pl
from rich.console import Console
from rich.table import Table

from kernel import db
from kernel.actors import COMMAND_LINE
from kernel.surroundings import Surroundings
from underwriting.cli.faults import told_as_exit_codes
from underwriting.cli.printing import as_json_option, file_argument, show, spell_json
from underwriting.models import metrics, registry, scoring, spec, training, training_file
from underwriting.models.metrics import Metrics
from underwriting.models.scoring import Model
from underwriting.models.spec import TrainingSpec
from underwriting.models.spec_search import SpecFaulty
from underwriting.models.training_file import TrainingFileFaulty

SPEC: Final = "card_repayers"
SEED: Final = 20261120


@click.command("train")
@file_argument
@click.option("--spec", "spec_name", default=SPEC, show_default=True, help="a name or a .toml file")
@click.option("--seed", type=int, default=SEED, show_default=True)
@click.option("--before", type=click.DateTime(["%Y-%m"]), help="only months before YYYY-MM")
@click.option("--publish", "and_publish", is_flag=True, help="put the model into service at once")
@as_json_option
@click.pass_obj
def train_command(
    surroundings: Surroundings,
    *,
    file: Path,
    spec_name: str,
    seed: int,
    before: date | None,
    and_publish: bool,
    as_json: bool,
) -> None:
    """Train a model on FILE and keep it as a candidate. The same file and seed: the same model."""
    with told_as_exit_codes(), Console(stderr=True).status("training"):
        ours = spec.find(spec_name)
        frame = _months_before(training_file.read_training_file(file, ours), before)
        trained = training.train(frame, ours, seed)
        at = surroundings.clock.now()
        with db.transaction() as session:
            record = registry.register(session, trained, by=COMMAND_LINE, at=at)
            if and_publish:
                registry.publish(
                    session, record, by=COMMAND_LINE, at=at, reason="published by train"
                )
            told = {"model": record.name, "status": record.status.value}
    facts = trained.facts
    told |= {key: facts[key] for key in ("rows", "bads", "rounds", "windows", "out_of_time")}
    show(told, as_json=as_json)


@click.command("evaluate")
@click.argument("model")
@file_argument
@click.option("--spec", "spec_name", help="how FILE is read; by default as the model's own spec")
@as_json_option
def evaluate_command(*, model: str, file: Path, spec_name: str | None, as_json: bool) -> None:
    """Measure MODEL on the loans of FILE, whole and by month."""
    with told_as_exit_codes():
        with db.transaction() as session:
            trained = registry.trained(session, registry.find(session, model))
        loaded = scoring.load(trained)
        ours = spec.find(spec_name or str(trained.facts["spec"]))
        frame = training_file.read_training_file(file, ours)
        found = _measured(loaded, frame, ours)
    if as_json:
        click.echo(spell_json({month: each.to_plain() for month, each in found.items()}))
        return
    table = Table("month", "loans", "bad", "AUC", "KS", "mean PD", "calibration error")
    for month, each in found.items():
        table.add_row(
            month,
            str(each.loans),
            f"{each.bads / each.loans:.4f}",
            f"{each.auc:.4f} ± {each.auc_error:.4f}",
            f"{each.ks:.4f}",
            f"{each.mean_pd:.4f}",
            f"{each.calibration_error:.4f}",
        )
    Console().print(table)


def _months_before(frame: pl.DataFrame, before: date | None) -> pl.DataFrame:
    if before is None:
        return frame
    return frame.filter(pl.col(training_file.MONTH) < date(before.year, before.month, 1))


def _measured(model: Model, frame: pl.DataFrame, ours: TrainingSpec) -> dict[str, Metrics]:
    missing = sorted(set(model.features) - set(ours.reading.columns))
    if missing:
        raise SpecFaulty(f"the spec does not read: {', '.join(missing)}")
    pds = model.probabilities(training.matrix(frame, model.features))
    bads = frame[training_file.TARGET].cast(pl.Float64).to_numpy()
    months = frame[training_file.MONTH]
    parts = {"all": months.is_not_null()} | {
        f"{month:%Y-%m}": months == month for month in sorted(months.unique().to_list())
    }
    found = {}
    for name, part in parts.items():
        rows = part.to_numpy()
        if 0 < bads[rows].sum() < len(bads[rows]):
            found[name] = metrics.measure(pds[rows], bads[rows])
    if not found:
        raise TrainingFileFaulty("the file holds only one kind of loan")
    return found
