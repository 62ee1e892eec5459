"""How an evaluation is run and told: progress on a terminal, tables for a person, JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from underwriting.models import evaluation, spec_sets
from underwriting.models.evaluation import Evaluation, Tell
from underwriting.models.reading import Aux
from underwriting.models.spec_search import SpecFaulty
from underwriting.models.spec_sets import SetSpec
from underwriting.models.training import NotTrainable
from underwriting.models.training_file import TrainingFileFaulty

TRAIN_FILE: Final = "train.csv.gz"
TEST_FILE: Final = "test.csv.gz"
AUX_PARTS_MAX: Final = 50
_FIGURES: Final = {
    "AUC": "auc",
    "KS": "ks",
    "Brier": "brier",
    "log-loss": "log_loss",
    "ECE": "calibration_error",
    "mean PD": "mean_pd",
    "bad rate": "bad_rate",
}


def set_spec(name: str) -> SetSpec:
    """Find the spec of a data set.

    Raises:
        SpecFaulty: there is none, or it is one of dossiers.
    """
    found = spec_sets.find(name)
    if not isinstance(found, SetSpec):
        raise SpecFaulty(
            f"the spec {found.name} makes models of dossiers: train one and evaluate it by its name"
        )
    return found


def aux_files(told: Sequence[str]) -> Aux:
    """Read NAME=FILE pairs; a name may come several times.

    Raises:
        SpecFaulty: a pair is none.
    """
    found: dict[str, list[Path]] = {}
    if len(told) > AUX_PARTS_MAX:
        raise SpecFaulty(f"at most {AUX_PARTS_MAX} second files are read")
    for pair in told:
        name, sign, file = pair.partition("=")
        if not (name and sign and file):
            raise SpecFaulty("a second file is named as --aux NAME=FILE")
        found.setdefault(name, []).append(Path(file))
    return found


def of_folder(folder: Path, *, splits: int, protected: bool, tell: Tell) -> Iterator[Evaluation]:
    """Evaluate every data set of a folder whose spec is ours, by its own training file.

    A `test.csv.gz` beside the training file judges; where there is none, a part of the training
    file does that taught nothing.

    One that cannot be used does not keep the others back.

    Raises:
        TrainingFileFaulty: there is no such data set in the folder, or, once the others are done,
            some could not be used.
    """
    names = [name for name in spec_sets.built_in() if (folder / name / TRAIN_FILE).is_file()]
    if not names:
        known = ", ".join(spec_sets.built_in())
        raise TrainingFileFaulty(f"{folder.name} has no folder with {TRAIN_FILE} of: {known}")
    faults = []
    for name in names:
        ours, train = set_spec(name), folder / name / TRAIN_FILE
        test = folder / name / TEST_FILE

        def told(stage: str, done: int, all_: int, name: str = name) -> None:
            tell(f"{name}: {stage}", done, all_)

        try:
            if test.is_file():
                yield evaluation.of_files(ours, train, test, aux={}, protected=protected, tell=told)
            else:
                yield from evaluation.inside(
                    ours, train, aux={}, splits=splits, protected=protected, tell=told
                )
        except (TrainingFileFaulty, NotTrainable) as fault:
            faults.append(f"{name}: {fault}")
    if faults:
        raise TrainingFileFaulty("\n".join(faults))


@contextmanager
def progress() -> Iterator[Tell]:
    """Show progress on a terminal, and nothing where there is none."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("starting", total=None)

        def tell(stage: str, done: int, all_: int) -> None:
            bar.update(task, description=stage, completed=done, total=all_)

        yield tell


def print_tables(found: Sequence[dict[str, Any]]) -> None:
    """Print a table for each evaluation, with what its figures do not say."""
    for told in found:
        _print_table(told)
        left_out = ", ".join(told["protected_left_out"]) or "none"
        click.echo(f"Bad means {told['label']}.")
        click.echo(f"Limits: {told['limits']}.")
        click.echo(
            f"{told['features']} features; protected and left out: {left_out}. "
            f"{told['seconds']} s, {told['cpu_seconds']} s of CPU, at most "
            f"{told['memory_peak_mb']} MB."
        )
        for note in _notes(told):
            click.echo(f"Note: {note}.")


def _print_table(told: dict[str, Any]) -> None:
    models = {"boosted": told["model"], "scorecard": told["scorecard"]}
    if "with_protected" in told:
        models["with protected"] = told["with_protected"]["model"]
    one = told["model"]
    click.echo(f"{told['spec']}: {one['loans']} loans, {one['bads']} bad; {told['how']}")
    table = Table("95 %", *models, box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for label, figure in _FIGURES.items():
        table.add_row(label, *(_with_interval(each, figure) for each in models.values()))
    psi = told["psi"]
    low, high = psi["psi_interval_95"]
    table.add_row("PSI", f"{_four(psi['psi'])} [{_four(low)}, {_four(high)}]")
    Console().print(table)


def _notes(told: dict[str, Any]) -> Iterator[str]:
    for part in ("train", "test"):
        left_out = told[part]["rows_read"] - told[part]["rows_kept"]
        if left_out:
            yield f"{left_out} of {told[part]['rows_read']} {part} rows are none that the spec keeps"
        for file, count in told[part]["rows_without"].items():
            if count:
                yield f"{count} of {told[part]['rows_kept']} {part} rows have nothing in {file}"
        for column, count in told[part]["unknown_words"].items():
            yield f"{count} {part} rows have words in {column} that the spec does not know"
    for category, count in told["test"]["unseen_words"].items():
        yield f"{count} test rows have words in {category} that no training row had"


def _with_interval(told: dict[str, Any], figure: str) -> str:
    low, high = told[f"{figure}_interval_95"]
    return f"{_four(told[figure])} [{_four(low)}, {_four(high)}]"


def _four(text: str) -> str:
    return f"{float(text):.4f}".removeprefix("0")
