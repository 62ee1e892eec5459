"""Commands of the risk staff: train, publish, evaluate, assess, replay, policy.

Exit codes: 0 done; 1 a file, a spec or an argument cannot be used; 3 no such model, assessment or
policy. A model that cannot be used: 10 manifest, 11 artifact, 12 features, 13 library, 14 golden
rows. A replay: 0 the same bytes; 20 another library scores otherwise, everything after the stored
probability is the same; 21 the model cannot be used here, the rest is the same; 22 the decision
differs; 23 a stored text was changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Final, NoReturn
from uuid import UUID

import click
import polars as pl
from rich.console import Console
from rich.table import Table

from kernel import db
from kernel.actors import Actor, Role
from kernel.clock import business_day
from kernel.refusals import Refused
from kernel.surroundings import Surroundings
from underwriting import assessments, canonical, dossier, policy, replays
from underwriting.canonical import Unreadable
from underwriting.decisions import Decision
from underwriting.models import metrics, registry, scoring, spec, training, training_file
from underwriting.models.metrics import Metrics
from underwriting.models.scoring import Model, ModelUnusable
from underwriting.models.spec import SpecFaulty, TrainingSpec
from underwriting.models.training import NotTrainable
from underwriting.models.training_file import TrainingFileFaulty
from underwriting.policy import NoSuchPolicy, Policy, PolicyFaulty
from underwriting.reasons import BOOK
from underwriting.replays import Verdict

OPERATOR: Final = Actor(Role.OPERATOR, "command-line")
SPEC: Final = "lendingclub_2018"
SEED: Final = 20261120
EXIT_UNUSABLE_INPUT: Final = 1
EXIT_NOTHING_FOUND: Final = 3
EXIT_OF_MODEL: Final = {
    scoring.ManifestUnreadable: 10,
    scoring.ArtifactChanged: 11,
    scoring.FeaturesChanged: 12,
    scoring.LibraryDiffers: 13,
    scoring.GoldenDiffers: 14,
}
EXIT_OF_VERDICT: Final = {
    Verdict.SAME: 0,
    Verdict.SAME_FROM_STORED_PD: 20,
    Verdict.SAME_WITHOUT_MODEL: 21,
    Verdict.DIFFERS: 22,
    Verdict.TAMPERED: 23,
}

_file = click.argument("file", type=click.Path(path_type=Path))
_as_json = click.option("--json", "as_json", is_flag=True, help="print JSON")


@click.command("train")
@_file
@click.option("--spec", "spec_name", default=SPEC, show_default=True, help="a name or a .toml file")
@click.option("--seed", type=int, default=SEED, show_default=True)
@click.option("--before", type=click.DateTime(["%Y-%m"]), help="only months before YYYY-MM")
@click.option("--publish", "and_publish", is_flag=True, help="put the model into service at once")
@_as_json
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
    with _faults(), Console(stderr=True).status("training"):
        ours = spec.find(spec_name)
        frame = _months_before(training_file.read_training_file(file, ours), before)
        trained = training.train(frame, ours, seed)
        at = surroundings.clock.now()
        with db.transaction() as session:
            record = registry.register(session, trained, by=OPERATOR, at=at)
            if and_publish:
                registry.publish(session, record, by=OPERATOR, at=at, reason="published by train")
            told = {"model": record.name, "status": record.status.value}
    facts = trained.facts
    told |= {key: facts[key] for key in ("rows", "bads", "rounds", "windows", "out_of_time")}
    _show(told, as_json=as_json)


@click.command("publish")
@click.argument("model")
@click.option("--reason", default="", help="why, for the record")
@click.pass_obj
def publish_command(surroundings: Surroundings, *, model: str, reason: str) -> None:
    """Put MODEL into service and retire the one before it; also brings an earlier one back."""
    with _faults(), db.transaction() as session:
        record = registry.find(session, model)
        registry.publish(session, record, by=OPERATOR, at=surroundings.clock.now(), reason=reason)
    click.echo(f"{model} is in service")


@click.command("evaluate")
@click.argument("model")
@_file
@click.option("--spec", "spec_name", help="how FILE is read; by default as the model's own spec")
@_as_json
def evaluate_command(*, model: str, file: Path, spec_name: str | None, as_json: bool) -> None:
    """Measure MODEL on the loans of FILE, whole and by month."""
    with _faults():
        with db.transaction() as session:
            trained = registry.trained(session, registry.find(session, model))
        loaded = scoring.load(trained)
        ours = spec.find(spec_name or str(trained.facts["spec"]))
        frame = training_file.read_training_file(file, ours)
        found = _measured(loaded, frame, ours)
    if as_json:
        click.echo(_json({month: each.to_plain() for month, each in found.items()}))
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


@click.command("assess")
@_file
@_as_json
def assess_command(*, file: Path, as_json: bool) -> None:
    """Decide on the dossier in FILE (JSON) by the model in service; nothing is recorded."""
    with _faults():
        told = dossier.from_bytes(_content(file))
        rules = policy.in_force(business_day(told.as_of))
        with db.transaction() as session:
            model = registry.serving(session)
        decision = assessments.decide(told, rules, model)
    if as_json:
        click.echo(decision.to_bytes().decode())
    else:
        _show(_summary(decision), as_json=False)


@click.group("replay")
def replay_group() -> None:
    """Retell what was decided."""


@replay_group.command("assessment")
@click.argument("assessment_id", type=click.UUID)
@_as_json
def replay_assessment(*, assessment_id: UUID, as_json: bool) -> None:
    """Decide a recorded dossier again and compare the bytes. Exit code 0 when they are the same."""
    with _faults(), db.transaction() as session:
        found = replays.replay(session, assessment_id)
    told = {
        "assessment": str(found.assessment_id),
        "verdict": found.verdict.value,
        "detail": found.detail,
        "differences": list(found.differences),
    }
    _show(told, as_json=as_json)
    raise SystemExit(EXIT_OF_VERDICT[found.verdict])


@click.group("policy")
def policy_group() -> None:
    """Show and check lending policies."""


@policy_group.command("show")
@click.argument("version", required=False)
@_as_json
@click.pass_obj
def policy_show(surroundings: Surroundings, *, version: str | None, as_json: bool) -> None:
    """Show the policy of VERSION, or the one in force."""
    with _faults():
        found = (
            policy.load(version)
            if version
            else policy.in_force(business_day(surroundings.clock.now()))
        )
    _show_policy(found, as_json=as_json)


@policy_group.command("check")
@_file
@_as_json
def policy_check(*, file: Path, as_json: bool) -> None:
    """Read the policy in FILE as strictly as it would be read in service."""
    with _faults():
        found = policy.parse(_content(file))
    _show_policy(found, as_json=as_json)


COMMANDS: Final = (
    train_command,
    publish_command,
    evaluate_command,
    assess_command,
    replay_group,
    policy_group,
)


@contextmanager
def _faults() -> Iterator[None]:
    """Turn what can go wrong into one line and a documented exit code."""
    try:
        yield
    except (SpecFaulty, TrainingFileFaulty, NotTrainable, PolicyFaulty, Unreadable) as fault:
        _end(str(fault), EXIT_UNUSABLE_INPUT)
    except (Refused, NoSuchPolicy) as refusal:
        _end(str(refusal), EXIT_NOTHING_FOUND)
    except ModelUnusable as fault:
        _end(f"{type(fault).__name__}: {fault}", EXIT_OF_MODEL[type(fault)])


def _end(message: str, code: int) -> NoReturn:
    click.echo(message, err=True)
    raise SystemExit(code)


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


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(canonical.TEXT_BYTES_MAX + 1)
    except OSError as fault:
        raise Unreadable(f"{file.name} cannot be read: {fault.strerror}") from None


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


def _show_policy(found: Policy, *, as_json: bool) -> None:
    _show(
        {
            "version": found.version,
            "in_force": found.in_force.isoformat(),
            "sha256": found.sha256,
            "bands": [
                f"{band.name}: PD to {band.pd_max}, {band.annual_rate} % a year, "
                f"{band.income_multiple} monthly incomes"
                for band in found.bands
            ],
        },
        as_json=as_json,
    )


def _show(told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(_json(told))
        return
    for key, value in told.items():
        click.echo(f"{key}: {_line(value)}")


def _line(value: object) -> str:
    match value:
        case None:
            return "-"
        case list():
            return "; ".join(str(each) for each in value) or "-"
        case dict():
            return ", ".join(f"{key} {_line(each)}" for key, each in value.items())
        case _:
            return str(value)


def _json(told: dict[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False)
