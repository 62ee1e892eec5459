"""How an evaluation is run and told: progress on a terminal, tables for a person, JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import click
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from underwriting.models import evaluation_tasks, spec_sets
from underwriting.models.evaluation import Tell
from underwriting.models.evaluation_tasks import EvaluationDied, NotEvaluated, Task
from underwriting.models.reading_beside import Aux
from underwriting.models.spec_search import SpecFaulty
from underwriting.models.training_file import TrainingFileFaulty

TRAIN_FILE: Final = "train.csv.gz"
TEST_FILE: Final = "test.csv.gz"
AUX_PARTS_MAX: Final = 50
_FIGURES: Final = {
    "AUC": "auc",
    "KS": "ks",
    "Brier": "brier",
    "log-loss": "log_loss",
    "ECE": "ece",
    "PSI": "psi",
    "mean PD": "mean_pd",
    "bad rate": "bad_rate",
}


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


class Fault(NamedTuple):
    """A set that could not be evaluated."""

    name: str
    why: EvaluationDied | NotEvaluated

    def to_plain(self) -> dict[str, str]:
        """Spell it."""
        return {"spec": self.name, "fault": str(self.why)}


def tasks_of_folder(
    folder: Path, *, splits: int, protected: bool
) -> Iterator[tuple[str, list[Task]]]:
    """Name what is to be evaluated of a folder: each data set whose spec is ours, with its tasks.

    A `test.csv.gz` beside the training file judges; where there is none, parts of the training
    file do that taught nothing.

    Raises:
        TrainingFileFaulty: there is no such data set in the folder.
    """
    names = [name for name in spec_sets.built_in() if (folder / name / TRAIN_FILE).is_file()]
    if not names:
        known = ", ".join(spec_sets.built_in())
        raise TrainingFileFaulty(f"{folder.name} has no folder with {TRAIN_FILE} of: {known}")
    for name in names:
        train, test = folder / name / TRAIN_FILE, folder / name / TEST_FILE
        task = Task(spec=name, train=train, test=None, aux={}, protected=protected)
        yield (
            name,
            [replace(task, test=test)] if test.is_file() else split_tasks(task, splits=splits),
        )


def split_tasks(task: Task, *, splits: int) -> list[Task]:
    """Name the tasks of a training file alone, one a split."""
    return [replace(task, number=number, splits=splits) for number in range(1, splits + 1)]


def run_sets(
    sets: Iterable[tuple[str, Sequence[Task]]], tell: Tell
) -> Iterator[dict[str, Any] | Fault]:
    """Evaluate each in a process of its own; a set that cannot be used keeps no other back."""
    for name, tasks in sets:

        def told(stage: str, done: int, all_: int, name: str = name) -> None:
            tell(f"{name}: {stage}", done, all_)

        try:
            for task in tasks:
                found = evaluation_tasks.apart(task, told)
                if found is None:
                    break
                yield found
        except (EvaluationDied, NotEvaluated) as why:
            yield Fault(name, why)


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
        twice = told["test"]["rows_in_train"]
        if twice:
            click.echo(
                f"Warning: {twice} of {told['model']['n']} judged loans also stand among those "
                "that taught, alike in every column: the figures may be too good."
            )
        for note in _notes(told):
            click.echo(f"Note: {note}.")


def _print_table(told: dict[str, Any]) -> None:
    models = {"boosted": told["model"], "scorecard": told["scorecard"]}
    if "with_protected" in told:
        models["with protected"] = told["with_protected"]["model"]
    one = told["model"]
    click.echo(f"{told['spec']}: {one['n']} loans, {one['bads']} bad; {told['how']}")
    table = Table("95 %", *models, box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for label, figure in _FIGURES.items():
        table.add_row(label, *(_with_interval(each, figure) for each in models.values()))
    Console().print(table)


def _notes(told: dict[str, Any]) -> Iterator[str]:
    if told["model"]["auc"] is None:
        kind = "bad" if told["model"]["bads"] else "good"
        yield f"the judged loans are all {kind}, so there is no ranking: AUC and KS are undefined"
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
    value = told[figure]
    if value is None:
        return "undefined"
    low, high = told[f"{figure}_interval_95"]
    return f"{_four(value)} [{_four(low)}, {_four(high)}]"


def _four(value: float) -> str:
    return f"{value:.4f}".removeprefix("0")
