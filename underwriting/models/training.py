"""Training: the same rows, spec and seed give the same bytes.

Months are split by time, never by chance. The newest window judges, the one before it chooses the
parameters and the number of rounds, and everything older teaches. The shipped booster then learns
from all months with what was chosen; its calibration is fitted on the newest window, scored by a
booster that had not seen it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import polars as pl
import xgboost

from underwriting import canonical, policy
from underwriting.features import catalogue
from underwriting.features.declaration import Feature, Sign
from underwriting.models import (
    artifact,
    baseline,
    bounds,
    calibration,
    contributions,
    curves,
    metrics,
    probing,
    scorecard,
    scorecard_weights,
    search,
)
from underwriting.models.artifact import Matrix, TrainedModel
from underwriting.models.calibration import Calibration, Floats
from underwriting.models.search import Boosting, Choice, Lesson
from underwriting.models.spec import TrainingSpec
from underwriting.models.training_file import MONTH, TARGET

PROBE_STEPS: Final = 9
PROBE_SLACK: Final = 1e-6
MONTHS_MIN: Final = 3


class NotTrainable(ValueError):
    """The rows do not make a model; the text says why."""


@dataclass(frozen=True, slots=True)
class _Data:
    matrix: Matrix
    bads: Floats
    months: tuple[date, ...]

    def part(self, chosen: set[date]) -> _Data:
        keep = np.array([month in chosen for month in self.months])
        months = tuple(month for month in self.months if month in chosen)
        return _Data(self.matrix[keep], self.bads[keep], months)


def train(
    frame: pl.DataFrame,
    spec: TrainingSpec,
    seed: int,
    tell: Callable[[int, int], None] = lambda _done, _all: None,
) -> TrainedModel:
    """Train a model of the probability of default on named figures.

    `frame` has a column per feature of the spec (numbers, null for missing), `target` (0 or 1)
    and `month` (a date in it); the order of its rows is part of the data. `tell` hears of the
    search's trials done and of all.

    Raises:
        NotTrainable: a column is missing, too few rows or months, only one kind of loan in a
            window, or a declared sign does not hold on the finished booster.
    """
    data = _data(frame, spec)
    teaching, choosing, judging = _windows(data, spec)
    boosting = Boosting(spec.features, [int(each.sign) for each in spec.declared], seed)
    lessons, exam, newest = data.part(teaching), data.part(choosing), data.part(judging)
    choice = search.choose(
        [Lesson(lessons.matrix, lessons.bads, exam.matrix, exam.bads)], boosting, spec.plan, tell
    )
    before = data.part(teaching | choosing)
    earlier = search.boost(before.matrix, before.bads, boosting, choice.taught)
    margins = _margins(earlier, newest.matrix)
    try:
        calibrated = calibration.fit(margins, newest.bads, isotonic_bads_min=spec.isotonic_bads_min)
    except calibration.NotCalibrated as fault:
        raise NotTrainable(str(fault)) from None
    booster = search.boost(data.matrix, data.bads, boosting, choice.taught)
    probe_signs(booster, data.matrix, spec.declared)
    return _certified(
        booster, calibrated, spec, data, choice=choice, seed=seed,
        windows={"teaching": teaching, "choosing": choosing, "judging": judging},
        told={
            **_judged(earlier, exam, newest, spec),
            "scorecard": _scorecard(before, newest, spec),
            "weights": _spelled(curves.weights(booster)),
            "missing": _spelled(curves.missing(data.matrix, spec.features)),
            "bound": bounds.points(calibrated.apply(margins), newest.bads),
            "baseline": _baseline(booster, calibrated, data),
            "scores": probing.spell_scores(calibrated.apply(_margins(booster, data.matrix))),
        },
    )  # fmt: skip


def _baseline(booster: xgboost.Booster, calibrated: Calibration, data: _Data) -> dict[str, Any]:
    rows = data.matrix[baseline.sample(len(data.bads))]
    explainer = contributions.Explainer(booster, contributions.method_for(booster))
    return baseline.of(
        explainer.many(rows),
        calibrated.apply(_margins(booster, rows)),
        pd_max=policy.newest().bands[-1].pd_max,
    )


def _data(frame: pl.DataFrame, spec: TrainingSpec) -> _Data:
    missing = sorted({*spec.features, TARGET, MONTH} - set(frame.columns))
    if missing:
        raise NotTrainable(f"the rows lack: {', '.join(missing)}")
    if frame.height < spec.rows_min:
        raise NotTrainable(f"{frame.height} rows are fewer than {spec.rows_min}")
    if frame[TARGET].null_count() or not frame[TARGET].is_in([0, 1]).all():
        raise NotTrainable("the target is 0 or 1 in every row")
    if frame[MONTH].null_count():
        raise NotTrainable("every row has a month")
    return _Data(
        matrix=matrix(frame, spec.features),
        bads=frame[TARGET].cast(pl.Float64).to_numpy(),
        months=tuple(frame[MONTH].cast(pl.Date).dt.month_start().to_list()),
    )


def matrix(frame: pl.DataFrame, features: tuple[str, ...]) -> Matrix:
    """Give the features of many rows at once: what is missing or out of bounds is NaN."""
    columns = []
    for name in features:
        feature = catalogue.CATALOGUE[name]
        value = pl.col(name).cast(pl.Float64)
        inside = value.is_between(float(feature.low), float(feature.high))
        columns.append(pl.when(inside).then(value).otherwise(None).cast(pl.Float32).alias(name))
    found: Matrix = frame.select(columns).fill_null(float("nan")).to_numpy()
    return np.ascontiguousarray(found, dtype=np.float32)


def _windows(data: _Data, spec: TrainingSpec) -> tuple[set[date], set[date], set[date]]:
    months = sorted(set(data.months))
    if len(months) < MONTHS_MIN:
        raise NotTrainable(f"{len(months)} months are fewer than {MONTHS_MIN}")
    counts = {month: data.months.count(month) for month in months}
    least = float(spec.window_share) * len(data.months)

    def newest_of(left: list[date]) -> set[date]:
        window: set[date] = set()
        while left and sum(counts[month] for month in window) < least:
            window.add(left.pop())
        return window

    judging, choosing = newest_of(months), newest_of(months)
    teaching = set(months)
    for window in (teaching, choosing, judging):
        bads = data.part(window).bads
        if not 0 < bads.sum() < len(bads):
            raise NotTrainable("a window of months holds only one kind of loan, or none")
    return teaching, choosing, judging


def _margins(booster: xgboost.Booster, rows: Matrix) -> Floats:
    found = booster.inplace_predict(rows, predict_type="margin")
    return np.asarray(found, dtype=np.float64)


def _judged(
    booster: xgboost.Booster, choosing: _Data, judging: _Data, spec: TrainingSpec
) -> dict[str, Any]:
    """Measure on the newest window what would have been known before it."""
    calibrated = calibration.fit(
        _margins(booster, choosing.matrix), choosing.bads, isotonic_bads_min=spec.isotonic_bads_min
    )
    pds = calibrated.apply(_margins(booster, judging.matrix))
    return {
        "out_of_time": metrics.measure(pds, judging.bads).to_plain(),
        "curves": curves.of(pds, judging.bads),
        "segments": curves.segments(
            pds,
            judging.bads,
            judging.matrix,
            spec.declared,
            months=judging.months,
            weights=curves.weights(booster),
        ),
    }


def _scorecard(before: _Data, judging: _Data, spec: TrainingSpec) -> dict[str, Any] | None:
    """Measure the permanent challenger on the newest window; None where it did not settle."""
    columns = {
        name: before.matrix[:, place].astype(np.float64) for place, name in enumerate(spec.features)
    }
    try:
        card = scorecard.fit(columns, {each.name: each.sign for each in spec.declared}, before.bads)
    except scorecard_weights.DoesNotSettle:
        return None
    pds = 1.0 / (1.0 + np.exp(-card.margins(judging.matrix)))
    pds = np.clip(pds, calibration.PD_MIN, 1.0 - calibration.PD_MIN)
    return {
        "out_of_time": metrics.measure(pds, judging.bads).to_plain(),
        "lines": {line.name: f"{line.weight:.6f}" for line in card.lines},
    }


def _spelled(shares: Mapping[str, float]) -> dict[str, str]:
    return {name: f"{share:.6f}" for name, share in shares.items()}


def probe_signs(booster: xgboost.Booster, rows: Matrix, features: Sequence[Feature]) -> None:
    """Move each signed feature over its range on golden rows and see the margin obey.

    Raises:
        NotTrainable: a sign that the features declare does not hold.
    """
    golden = artifact.golden_rows(rows)
    for place, feature in enumerate(features):
        known = rows[~np.isnan(rows[:, place]), place]
        if feature.sign is Sign.FREE or not len(known):
            continue
        probes = np.repeat(golden, PROBE_STEPS, axis=0)
        steps = np.quantile(known, np.linspace(0.0, 1.0, PROBE_STEPS)).astype(np.float32)
        probes[:, place] = np.tile(steps, len(golden))
        moves = np.diff(_margins(booster, probes).reshape(len(golden), PROBE_STEPS), axis=1)
        if float((moves * int(feature.sign)).min()) < -PROBE_SLACK:
            raise NotTrainable(f"the declared sign of {feature.name} does not hold")


def _certified(
    booster: xgboost.Booster,
    calibrated: Calibration,
    spec: TrainingSpec,
    data: _Data,
    *,
    choice: Choice,
    seed: int,
    windows: Mapping[str, set[date]],
    told: Mapping[str, Any],
) -> TrainedModel:
    content = bytes(booster.save_raw("ubj"))
    golden = artifact.golden_rows(data.matrix)
    pds = calibrated.apply(_margins(booster, golden))
    facts = {
        "spec": spec.name,
        "spec_sha256": spec.sha256,
        "features": list(spec.features),
        "features_sha256": catalogue.digest(spec.features),
        "rows": len(data.bads),
        "bads": int(data.bads.sum()),
        "data_sha256": canonical.sha256(
            data.matrix.tobytes() + data.bads.tobytes() + repr(data.months).encode()
        ),
        "windows": {
            name: [month.isoformat() for month in sorted(months)]
            for name, months in windows.items()
        },
        "seed": seed,
        "parameters": {name: repr(value) for name, value in choice.taught.parameters.items()},
        "rounds": choice.taught.rounds,
        "calibration": calibrated.to_plain(),
        "contributions": contributions.method_for(booster).value,
        **told,
        "trials": choice.trials,
        "libraries": artifact.libraries(),
        "artifact_sha256": canonical.sha256(content),
        "golden": {
            "rows": artifact.spell_rows(golden),
            "pds": [repr(float(pd)) for pd in pds],
        },
    }
    return TrainedModel(artifact=content, manifest=artifact.spell_manifest(facts))
