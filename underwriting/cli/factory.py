"""Commands that make and measure models: train, evaluate. Exit codes: see `faults`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import click
import polars as pl
from rich.console import Console
from rich.table import Table

from kernel import db
from kernel.actors import COMMAND_LINE
from kernel.surroundings import Surroundings
from underwriting.cli import evaluating
from underwriting.cli.evaluating import Fault
from underwriting.cli.faults import told_as_exit_codes
from underwriting.cli.printing import as_json_option, file_argument, show, spell_json
from underwriting.models import (
    evaluation,
    evaluation_tasks,
    figures,
    metrics,
    reading,
    registry,
    scoring,
    spec,
    spec_sets,
    training,
    training_file,
    training_sets,
)
from underwriting.models.artifact import TrainedModel
from underwriting.models.evaluation import Tell
from underwriting.models.evaluation_tasks import EvaluationDied, Task
from underwriting.models.metrics import Metrics
from underwriting.models.reading_beside import Aux
from underwriting.models.scoring import Model
from underwriting.models.spec import TrainingSpec
from underwriting.models.spec_search import SpecFaulty
from underwriting.models.spec_sets import SetSpec
from underwriting.models.training_file import TrainingFileFaulty

SPEC: Final = "card_repayers"
SEED: Final = 20261120


@click.command("train")
@file_argument
@click.option("--spec", "spec_name", default=SPEC, show_default=True, help="a name or a .toml file")
@click.option("--seed", type=int, default=SEED, show_default=True)
@click.option("--before", type=click.DateTime(["%Y-%m"]), help="only months before YYYY-MM")
@click.option("--publish", "and_publish", is_flag=True, help="put the model into service at once")
@click.option("--aux", "aux", multiple=True, help="a data set's second file: NAME=FILE")
@click.option("--out", type=click.Path(path_type=Path), help="folder for a data set's model")
@as_json_option
@click.pass_obj
def train_command(  # noqa: PLR0913 - a parameter for each option
    surroundings: Surroundings,
    *,
    file: Path,
    spec_name: str,
    seed: int,
    before: date | None,
    and_publish: bool,
    aux: tuple[str, ...],
    out: Path | None,
    as_json: bool,
) -> None:
    """Train a model on FILE. The same file, spec and seed: the same model.

    A spec of dossiers makes a candidate that may be published. A data set's spec makes files in
    the folder of --out, which are never published: our dossiers have not its features. Its seed
    stands in the spec.
    """
    with told_as_exit_codes(), evaluating.progress() as tell:
        ours = spec_sets.find(spec_name)
        if isinstance(ours, SetSpec):
            if and_publish or before or seed != SEED:
                raise SpecFaulty(
                    f"a model of the data set {ours.name} is never published, for our dossiers "
                    "have not its features; its seed stands in the spec, and --before goes with "
                    "the spec of dossiers"
                )
            found = _kept_as_files(ours, file, evaluating.aux_files(aux), out=out, tell=tell)
        else:
            if aux or out:
                raise SpecFaulty("--aux and --out go with the spec of a data set")
            frame = _months_before(training_file.read_training_file(file, ours), before)
            trained = training.train(
                frame, ours, seed, lambda done, all_: tell("search", done, all_)
            )
            at = surroundings.clock.now()
            found = _registered(trained, at=at, and_publish=and_publish)
    show(found, as_json=as_json)


def _registered(trained: TrainedModel, *, at: datetime, and_publish: bool) -> dict[str, Any]:
    # Kept first: whatever becomes of publishing, the model that took so long is not lost.
    with db.transaction() as session:
        record = registry.register(session, trained, by=COMMAND_LINE, at=at)
    if and_publish:
        with db.transaction() as session:
            record = registry.find(session, record.name)
            registry.publish(session, record, by=COMMAND_LINE, at=at, reason="published by train")
    found = {"model": record.name, "status": record.status.value}
    facts = trained.facts
    return found | {key: facts[key] for key in ("rows", "bads", "rounds", "windows", "out_of_time")}


def _kept_as_files(
    ours: SetSpec, file: Path, aux: Aux, *, out: Path | None, tell: Tell
) -> dict[str, Any]:
    if out is None:
        raise SpecFaulty(
            f"a model of the data set {ours.name} is kept as files alone: name a folder by --out"
        )
    loans = reading.read(file, ours, aux=aux)
    model = training_sets.train(loans, ours, tell=lambda done, all_: tell("search", done, all_))
    trained = model.trained()
    folder = out / trained.model_id
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.ubj").write_bytes(trained.artifact)
        (folder / "manifest.json").write_bytes(trained.manifest)
    except OSError as fault:
        raise TrainingFileFaulty(f"{folder.name} cannot be written: {fault.strerror}") from None
    facts = trained.facts
    return {
        "model": trained.model_id,
        "status": "files only, serves nobody",
        "folder": str(folder),
    } | {key: facts[key] for key in ("rows", "bads", "rounds", "folds_log_loss")}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """What an evaluation is asked for."""

    model: str | None
    file: Path | None
    spec_name: str | None
    train: Path | None
    test: Path | None
    aux: tuple[str, ...]
    folder: Path | None
    splits: int
    protected: bool

    @property
    def is_of_one(self) -> bool:
        """Whether one evaluation alone is asked for."""
        return self.folder is None and (self.splits == 1 or self.test is not None)


@click.command("evaluate")
@click.argument("model", required=False)
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--spec", "spec_name", help="a name or a .toml file")
@click.option("--train", type=click.Path(path_type=Path), help="loans that teach")
@click.option("--test", type=click.Path(path_type=Path), help="loans that judge")
@click.option("--aux", multiple=True, help="a second file: NAME=FILE; a name may come twice")
@click.option("--all", "folder", type=click.Path(path_type=Path), help="folder of data sets")
@click.option(
    "--splits", type=click.IntRange(1, evaluation.SPLITS_MAX), default=1, show_default=True,
    help="splits inside the training file, where there is no test file",
)  # fmt: skip
@click.option(
    "--with-protected", "protected", is_flag=True,
    help="also show what leaving protected attributes out costs",
)  # fmt: skip
@as_json_option
def evaluate_command(*, as_json: bool, **asked: Any) -> None:  # noqa: ANN401 - see _Question
    """Measure a model on loans that it did not learn from.

    \b
    evaluate MODEL FILE                      a kept model, whole and by month
    evaluate --spec SPEC --train A --test B  a data set's spec: trained on A, judged by B
    evaluate --spec SPEC --train A           the same, judged by parts of A that taught nothing
    evaluate --all DATA_DIR                  every data set of a folder that has a spec of ours

    SPEC is a file or the name of a data set. The second files of a set are named by --aux or lie
    beside A or B; parts of one name are put together, equal rows once.
    """  # noqa: D301 - the sign keeps click from filling the lines
    question = _Question(**asked)
    with told_as_exit_codes():
        if question.folder is None and question.train is None:
            _evaluate_model(question, as_json=as_json)
            return
        _evaluate_sets(question, as_json=as_json)


def _evaluate_sets(asked: _Question, *, as_json: bool) -> None:
    found: list[dict[str, Any]] = []
    faults: list[Fault] = []
    try:
        with evaluating.progress() as tell:
            for each in _evaluations(asked, tell):
                if isinstance(each, Fault):
                    faults.append(each)
                else:
                    found.append(each)
    finally:  # what was found stands, whatever becomes of the next one
        if found or faults:
            _print(found, faults, asked, as_json=as_json)
    if faults:
        dead = [each for each in faults if isinstance(each.why, EvaluationDied)]
        lines = "\n".join(f"{each.name}: {each.why}" for each in faults)
        raise EvaluationDied(lines) if dead else TrainingFileFaulty(lines)


def _print(
    found: list[dict[str, Any]], faults: list[Fault], asked: _Question, *, as_json: bool
) -> None:
    if not as_json:
        evaluating.print_tables(found)
    elif asked.is_of_one:
        click.echo(spell_json(found[0]))
    else:
        click.echo(
            spell_json({"evaluations": found, "faults": [each.to_plain() for each in faults]})
        )


def _evaluations(asked: _Question, tell: Tell) -> Iterator[dict[str, Any] | Fault]:
    if asked.model is not None:
        raise SpecFaulty("a kept MODEL is evaluated without --train and --all")
    if asked.folder is not None:
        if asked.train or asked.test or asked.spec_name or asked.aux:
            raise SpecFaulty("--all takes no --spec, --train, --test or --aux")
        sets = evaluating.tasks_of_folder(
            asked.folder, splits=asked.splits, protected=asked.protected
        )
        yield from evaluating.run_sets(sets, tell)
        return
    if asked.spec_name is None or asked.train is None:
        raise SpecFaulty("--train needs --spec")
    task = Task(
        spec=asked.spec_name,
        train=asked.train,
        test=asked.test,
        aux=evaluating.aux_files(asked.aux),
        protected=asked.protected,
    )
    if asked.is_of_one:
        found = evaluation_tasks.here(task, tell)
        assert found is not None
        yield found
    else:
        tasks = evaluating.split_tasks(task, splits=asked.splits)
        yield from evaluating.run_sets([(asked.spec_name, tasks)], tell)


def _evaluate_model(asked: _Question, *, as_json: bool) -> None:
    if asked.model is None or asked.file is None:
        raise SpecFaulty(
            "name a kept MODEL and a FILE, or --spec with --train and --test, or --all with a folder"
        )
    if asked.test or asked.aux or asked.protected:
        raise SpecFaulty("--test, --aux and --with-protected go with --spec and --train")
    with db.transaction() as session:
        trained = registry.trained(session, registry.find(session, asked.model))
    loaded = scoring.load(trained)
    ours = spec.find(asked.spec_name or str(trained.facts["spec"]))
    found = _measured(loaded, training_file.read_training_file(asked.file, ours), ours)
    if as_json:
        click.echo(spell_json({each: figures.of_metrics(told) for each, told in found.items()}))
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
