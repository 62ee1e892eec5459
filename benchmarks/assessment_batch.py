"""Many assessments at once, and bare scores with the bare contributions that they need.

Run as a program it decides on one file and tells the memory that took: a process of its own, so
that nothing else is counted.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
import xgboost
from numpy.typing import NDArray

from benchmarks import assessment_people, yardsticks
from benchmarks.bench import Bench, take_turns
from benchmarks.table import Row, at_least, at_most
from underwriting import assessments, policy
from underwriting.batch import files, reading, scores, spelling
from underwriting.batch.assessing import Assessor
from underwriting.batch.files import ROWS_AT_ONCE
from underwriting.batch.results import Decided
from underwriting.models import memory, scoring
from underwriting.models.artifact import TrainedModel
from underwriting.models.scoring import Model
from underwriting.policy import Policy

BAR: Final = at_least(0.5)
MEMORY_BAR: Final = at_most(2.0)
FORMS: Final = {"first form": "2026-08", "second form": "2026-11"}
PEOPLE: Final = 3_000
"""Different dossiers; those of a batch are these with other figures."""
SLOW_ROWS: Final = 2_000
"""Of a stretch so many are explained by the library, and the time is scaled to those needed."""
ALONE: Final = 100
"""So many are decided alone as well, and compared."""
MB_A_GIB: Final = 1024


class Side(NamedTuple):
    """CPU seconds of one side, and of a part of it."""

    all: float
    assessing: float = 0.0
    """From columns of numbers to columns of decisions."""
    reasons: float = 0.0
    """What explaining took."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What both sides decide with."""

    model: Model
    booster: xgboost.Booster
    policy: Policy
    frame: pl.DataFrame


class Work(NamedTuple):
    """What the bare side needs of one stretch, ready at hand."""

    rows: NDArray[np.float32]
    explained: NDArray[np.float32]


def measure(bench: Bench) -> list[Row]:
    """Give the time of bare scores and contributions over that of whole assessments."""
    bench.say("assessment_batch: training a model")
    trained = assessment_people.train(bench.people)
    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(bytearray(trained.artifact))
    model = scoring.load(trained)
    frame = _frame(min(PEOPLE, bench.dossiers))
    rows = []
    for form, version in FORMS.items():
        tools = Tools(model, booster, policy.load(version), frame)
        check(tools)
        rows.extend(_rows(bench, tools, form))
    rows.append(_memory(bench, trained, frame))
    return rows


def _frame(people: int) -> pl.DataFrame:
    told = spelling.frame(each.dossier for each in assessment_people.gathered(people))
    copies = -(-ROWS_AT_ONCE // people)
    return pl.concat([told] * copies).head(ROWS_AT_ONCE)


def _stretches(frame: pl.DataFrame, count: int) -> Iterator[pl.DataFrame]:
    """Give as many dossiers in stretches, each with figures of its own."""
    figures = [name for name in frame.columns if spelling.is_figure(name)]
    for number, first in enumerate(range(0, count, ROWS_AT_ONCE)):
        part = frame.head(count - first)
        draw = np.random.default_rng(number)
        yield part.with_columns(
            (pl.col(name).cast(pl.Float64) * pl.lit(pl.Series(draw.uniform(0.7, 1, part.height))))
            .round(2)
            .cast(pl.String)
            for name in figures
        )


def check(tools: Tools) -> None:
    """Prove that a batch gives what each dossier gets alone."""
    columns = reading.read(next(_stretches(tools.frame, ALONE)))
    made = Assessor(tools.policy, tools.model).assess(columns)
    for row in range(columns.count):
        alone = assessments.decide(columns.dossier(row), tools.policy, tools.model)
        found = made.decision(row)
        if (found.outcome, found.reasons, found.pd, found.limit, found.chosen, found.instalment) != (
            alone.outcome, alone.reasons, alone.pd, alone.limit, alone.chosen, alone.instalment,
        ):  # fmt: skip
            raise RuntimeError(f"dossier {row} is decided otherwise alone")


def _rows(bench: Bench, tools: Tools, form: str) -> list[Row]:
    bench.say(f"assessment_batch: {bench.dossiers:,}, {form}")
    assessor = Assessor(tools.policy, tools.model)
    sample = assessor.assess(reading.read(next(_stretches(tools.frame, bench.dossiers))))
    work, times = _work(tools, sample), bench.dossiers / sample.count
    yardstick = yardsticks.take()
    pairs = take_turns(
        lambda: _ours(tools, assessor, bench.dossiers),
        lambda: _bare(tools, work, times),
        rounds=bench.rounds,
    )
    mine, bare = (min(side, key=lambda each: each.all) for side in zip(*pairs, strict=True))
    quick = _cpu(lambda: tools.model.explained(work.explained)) * times
    needed = len(work.explained) * times
    return [
        Row(
            benchmark="assessment_batch",
            case=f"{bench.dossiers:,}, {form}",
            ratios=tuple(other.all / ours.assessing for ours, other in pairs),
            bar=BAR,
            yardstick=yardstick,
            notes=f"ours {mine.assessing:.1f} CPU-s, {bench.dossiers / mine.assessing:,.0f} "
            f"dossiers a CPU-s, bare {bare.all:.1f}; {needed / bench.dossiers:.0%} explained, "
            f"{len(sample.alone)} of {sample.count:,} decided alone, "
            f"{tools.booster.num_boosted_rounds()} trees",
        ),
        Row(
            benchmark="assessment_batch",
            case=f"the same from text to text, {form}",
            ratios=tuple(other.all / ours.all for ours, other in pairs),
            bar=None,
            notes=f"ours {mine.all:.1f} CPU-s, {bench.dossiers / mine.all:,.0f} dossiers a CPU-s",
        ),
        Row(
            benchmark="assessment_batch",
            case=f"reasons alone, {form}",
            ratios=tuple(other.reasons / quick for _, other in pairs) if needed else (),
            bar=None,
            notes=f"times as fast as pred_contribs: {needed / max(quick, 1e-9):,.0f} rows a CPU-s, "
            f"pred_contribs {needed / max(bare.reasons, 1e-9):,.0f}",
        ),
    ]


def _work(tools: Tools, decided: Decided) -> Work:
    """Lay out the features of those that were scored, and of those that were explained."""
    names = tools.model.features
    scored = np.flatnonzero(decided.pd >= 0)
    explained = np.flatnonzero(decided.explained >= 0)
    return Work(
        scores.matrix(decided.columns, scored, decided.income, names),
        scores.matrix(decided.columns, explained, decided.income, names),
    )


def _ours(tools: Tools, assessor: Assessor, count: int) -> Side:
    """Read text columns in memory, decide, and lay the decisions out as text columns."""
    spent = assessing = 0.0
    for frame in _stretches(tools.frame, count):
        begun = time.process_time()
        columns = reading.read(frame)
        read = time.process_time()
        decided = assessor.assess(columns)
        assessed = time.process_time()
        decided.frame()
        spent += time.process_time() - begun
        assessing += assessed - read
    return Side(spent, assessing=assessing)


def _bare(tools: Tools, work: Work, times: float) -> Side:
    """Score ready rows and explain some of those that need it; scaled to the whole batch."""
    names = tools.booster.feature_names
    scored = _cpu(lambda: tools.booster.inplace_predict(work.rows))
    few = work.explained[:SLOW_ROWS]
    reasons = 0.0
    if len(few):
        rows = xgboost.DMatrix(few, feature_names=names, nthread=1)
        took = _cpu(lambda: tools.booster.predict(rows, pred_contribs=True))
        reasons = took * len(work.explained) / len(few)
    return Side((scored + reasons) * times, reasons=reasons * times)


def _cpu(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def _memory(bench: Bench, trained: TrainedModel, frame: pl.DataFrame) -> Row:
    """Decide on a file in a process of its own, and give the most memory it had."""
    bench.say(f"assessment_batch: memory for {bench.dossiers:,}")
    folder = bench.folder / "assessment_batch"
    folder.mkdir(exist_ok=True)
    names = ("artifact", "manifest", "base.parquet", "in.parquet", "out.parquet")
    paths = {name: folder / name for name in names}
    for path in paths.values():
        path.unlink(missing_ok=True)
    paths["artifact"].write_bytes(trained.artifact)
    paths["manifest"].write_bytes(trained.manifest)
    frame.write_parquet(paths["base.parquet"])
    copies = -(-bench.dossiers // ROWS_AT_ONCE)
    pl.concat([pl.scan_parquet(paths["base.parquet"])] * copies).head(bench.dossiers).sink_parquet(
        paths["in.parquet"]
    )
    told = _in_a_process(folder)
    for path in paths.values():
        path.unlink(missing_ok=True)
    return Row(
        benchmark="assessment_batch",
        case=f"{bench.dossiers:,}, GiB at most",
        ratios=(told["peak_mb"] / MB_A_GIB,),
        bar=MEMORY_BAR,
        notes=f"from file to file in {told['seconds']:.1f} s of CPU, {told['dossiers']:,} dossiers; "
        f"{told['idle_mb'] / MB_A_GIB:.2f} GiB before the first",
    )


def _in_a_process(folder: Path) -> dict[str, Any]:
    made = subprocess.run(
        [sys.executable, "-m", __spec__.name, str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise RuntimeError(f"deciding on a file broke down: {made.stderr.strip()}")
    told: dict[str, Any] = json.loads(made.stdout)
    return told


def main(folder: Path) -> None:
    """Decide on the file in a folder with the model beside it."""
    model = scoring.load(
        TrainedModel((folder / "artifact").read_bytes(), (folder / "manifest").read_bytes())
    )
    idle = memory.peak_mb()
    begun = time.process_time()
    found = files.run(folder / "in.parquet", folder / "out.parquet", model, tell=lambda *_: None)
    print(
        json.dumps(
            {
                "peak_mb": memory.peak_mb(),
                "idle_mb": idle,
                "seconds": time.process_time() - begun,
                "dossiers": found.dossiers,
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
