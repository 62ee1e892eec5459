"""One assessment to its committed record, and a bare score with a commit of the same rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from statistics import median
from typing import Any, Final, NamedTuple
from uuid import uuid4

import numpy as np
import xgboost
from numpy.typing import NDArray
from sqlalchemy import Table, insert, select
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from benchmarks import assessment_people, server, yardsticks
from benchmarks.bench import Bench, take_turns
from benchmarks.table import Row, at_most
from disbursement.records.quotes import PayoffQuote
from kernel import db
from kernel.actors import system
from kernel.clock import business_day
from kernel.events import Event
from underwriting import assessments, budget, policy
from underwriting.decisions import Decision, Outcome
from underwriting.features import catalogue
from underwriting.inquiries import Gathered
from underwriting.models import scoring
from underwriting.models.scoring import Model
from underwriting.records.assessments import Assessment, SourceAnswer

BAR: Final = at_most(3.0)
DECIDE_SECONDS: Final = 0.3
APPROVE: Final = "approve"
DECLINE: Final = "decline"
"""Declined for the score, so its parts are worked out; what the rules decline costs less."""
TABLES: Final = (Assessment, SourceAnswer, PayoffQuote, Event)
BY: Final = system("benchmark")
WRITTEN_BY_SERVER: Final = {"event": {"id", "xid"}}

Rows = Mapping[str, list[dict[str, Any]]]
"""Rows by table."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What both sides decide with."""

    model: Model
    booster: xgboost.Booster
    """The same model without anything of ours around it."""
    policy: policy.Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One case on one database."""

    case: str
    is_durable: bool
    engine: Engine

    @property
    def name(self) -> str:
        return f"{self.case}, sync {'on' if self.is_durable else 'off'}"


class Sample(NamedTuple):
    """One debtor, and what the bare side needs of him ready at hand."""

    gathered: Gathered
    features: NDArray[np.float32]
    rows: Rows


def measure(bench: Bench) -> list[Row]:
    """Give the time of one assessment over that of the bare score and commit."""
    bench.say("assessment_one: training a model")
    tools = _tools(bench.people)
    cases = _sorted(tools, bench.people)
    rows = []
    for is_durable in (True, False):
        name = f"assessment_one_{'on' if is_durable else 'off'}"
        with server.with_database(bench.server_url, name, TABLES, is_durable=is_durable) as url:
            engine = db.open_engine(url)
            db.bind(engine)
            # All samples before the first row that stays: a sample is every row that is there.
            samples = {
                case: [_sample(told, tools) for told in people] for case, people in cases.items()
            }
            for case, those in samples.items():
                if case == DECLINE and not is_durable:
                    continue  # the one beside it shows what the disk hides
                spot = Spot(case=case, is_durable=is_durable, engine=engine)
                rows.append(_row(bench, tools, spot, those))
            engine.dispose()
    return rows


def _tools(people: int) -> Tools:
    trained = assessment_people.train(people)
    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(bytearray(trained.artifact))
    return Tools(
        model=scoring.load(trained),
        booster=booster,
        policy=policy.in_force(business_day(assessment_people.AT)),
    )


def _sorted(tools: Tools, people: int) -> dict[str, list[Gathered]]:
    """Give those approved by a score alone, and those declined for what weighed in it."""
    cases: dict[str, list[Gathered]] = {APPROVE: [], DECLINE: []}
    for told in assessment_people.gathered(people):
        decision = _decided(told, tools)
        if decision.outcome is Outcome.APPROVE and not decision.contributions:
            cases[APPROVE].append(told)
        if decision.outcome is Outcome.DECLINE and decision.contributions:
            cases[DECLINE].append(told)
    return cases


def _row(bench: Bench, tools: Tools, spot: Spot, samples: Sequence[Sample]) -> Row:
    bench.say(f"assessment_one: {spot.name}")
    bar = BAR if spot.is_durable else None
    if not samples:
        none = f"none of {bench.people} debtors came to this"
        return Row(benchmark="assessment_one", case=spot.name, ratios=(), bar=bar, notes=none)
    yardstick = yardsticks.take(disk=bench.disk if spot.is_durable else None)
    pairs = take_turns(
        lambda: _seconds_each(lambda sample: _ours(sample, tools), samples, bench.seconds),
        lambda: _seconds_each(lambda sample: _bare(sample, tools, spot), samples, bench.seconds),
        rounds=bench.rounds,
    )
    decide = _seconds_each(lambda sample: _decided(sample.gathered, tools), samples, DECIDE_SECONDS)
    middle = [median(side) * 1e3 for side in zip(*pairs, strict=True)]
    return Row(
        benchmark="assessment_one",
        case=spot.name,
        ratios=tuple(mine / other for mine, other in pairs),
        bar=bar,
        yardstick=yardstick,
        notes=f"ours {middle[0]:.2f} ms (deciding {decide * 1e3:.2f}), bare {middle[1]:.2f} ms, "
        f"{len(samples)} debtors, {tools.booster.num_boosted_rounds()} trees",
    )


def _decided(told: Gathered, tools: Tools) -> Decision:
    return assessments.decide(told.dossier, tools.policy, tools.model)


def _ours(sample: Sample, tools: Tools) -> None:
    decision = _decided(sample.gathered, tools)
    with db.transaction() as session:
        assessments.record(session, sample.gathered, decision, by=BY, at=assessment_people.AT)


def _bare(sample: Sample, tools: Tools, spot: Spot) -> None:
    tools.booster.inplace_predict(sample.features)
    if spot.case == DECLINE:
        names = tools.booster.feature_names
        tools.booster.predict(
            xgboost.DMatrix(sample.features, feature_names=names, nthread=1), pred_contribs=True
        )
    key = uuid4()
    with spot.engine.begin() as connection:
        for table, rows in sample.rows.items():
            fresh = [_with_own_key(table, row, key) for row in rows]
            connection.execute(
                insert(db.Base.metadata.tables[table]), fresh if len(fresh) > 1 else fresh[0]
            )


def _with_own_key(table: str, row: Mapping[str, Any], key: object) -> dict[str, Any]:
    match table:
        case "assessment":
            return {**row, "id": key}
        case "source_answer":
            return {**row, "id": uuid4(), "assessment_id": key}
        case "payoff_quote":
            return {**row, "id": uuid4()}
        case _:
            return {**row, "subject": key}


def _sample(told: Gathered, tools: Tools) -> Sample:
    """Record once, without keeping it, and take over the rows that were written."""
    decision = _decided(told, tools)
    tables = [db.Base.metadata.tables[mapped.__tablename__] for mapped in TABLES]
    with db.transaction() as session:
        assessments.record(session, told, decision, by=BY, at=assessment_people.AT)
        written = {table.name: _written(session, table) for table in tables}
        session.rollback()
    rows = {name: each for name, each in written.items() if each}
    return Sample(told, _features(told, tools), rows)


def _written(session: Session, table: Table) -> list[dict[str, Any]]:
    left_out = WRITTEN_BY_SERVER.get(table.name, set())
    columns = [column for column in table.columns if column.name not in left_out]
    return [dict(row) for row in session.execute(select(*columns)).mappings()]


def _features(told: Gathered, tools: Tools) -> NDArray[np.float32]:
    income = budget.counted_income(told.dossier, tools.policy.income)
    figures = catalogue.figures(told.dossier, monthly_income=income.monthly)
    values = [catalogue.CATALOGUE[name].value(figures) for name in tools.model.features]
    row = [np.nan if value is None else float(value) for value in values]
    return np.array([row], dtype=np.float32)


def _seconds_each(
    work: Callable[[Sample], object], samples: Sequence[Sample], seconds: float
) -> float:
    """Work through the samples again and again; give the seconds each took."""
    done = 0
    spent = 0.0
    begun = time.perf_counter()
    for sample in islice(cycle(samples), 1_000_000):
        work(sample)
        done += 1
        spent = time.perf_counter() - begun
        if spent >= seconds:
            break
    return spent / done
