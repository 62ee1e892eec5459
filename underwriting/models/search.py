"""The search for parameters: candidates first, then draws around the best, judged on every fold.

A trial is given up when its losses run behind the best one's by more than chance would make up
for. The rounds are those at which the mean loss of all folds is least, so no fold is judged by a
number of rounds that it chose for itself alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any, Final, NamedTuple

import numpy as np
import xgboost

from underwriting.models.artifact import Matrix
from underwriting.models.calibration import Floats
from underwriting.models.spec_search import LOGARITHMIC, WHOLE, Parameters, Plan

BEHIND_MAX: Final = 0.002
"""Mean log-loss by which a trial may run behind before it is given up, of 1."""
NEAR: Final = 0.25
"""Every other draw lies this near the best one, as a share of the space."""


class Lesson(NamedTuple):
    """Rows that teach and rows that judge, with what became of them."""

    teaching: Matrix
    teaching_bads: Floats
    judging: Matrix
    judging_bads: Floats


class Taught(NamedTuple):
    """With what a booster is taught, and how long."""

    parameters: Parameters
    rounds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The best trial."""

    taught: Taught
    log_loss: float
    """Mean over the folds."""
    margins: tuple[Floats, ...]
    """Log-odds of each fold's judging rows, by the booster of the fold."""
    trials: int


class Boosting(NamedTuple):
    """What every booster of a search has in common."""

    names: Sequence[str]
    signs: Sequence[int]
    seed: int


def choose(
    lessons: Sequence[Lesson],
    boosting: Boosting,
    plan: Plan,
    tell: Callable[[int, int], None] = lambda _done, _all: None,
) -> Choice:
    """Try what the plan says and give the best; `tell` hears of trials done and of all."""
    draw = np.random.default_rng(boosting.seed)
    rows = [
        (
            _rows(lesson.teaching, boosting.names, lesson.teaching_bads),
            _rows(lesson.judging, boosting.names, lesson.judging_bads),
        )
        for lesson in lessons
    ]
    total = len(plan.candidates) + plan.trials
    best: _Trial | None = None
    for number in range(total):
        if number < len(plan.candidates):
            parameters = plan.candidates[number]
        else:
            assert best is not None
            parameters = drawn(best.parameters, plan, draw, is_near=number % 2 == 0)
        found = _tried(parameters, rows, boosting, plan=plan, best=best)
        if found is not None and (best is None or found.log_loss < best.log_loss):
            best = found
        tell(number + 1, total)
    assert best is not None
    return Choice(
        taught=Taught(best.parameters, best.rounds),
        log_loss=best.log_loss,
        margins=tuple(
            np.asarray(
                booster.predict(judging, output_margin=True, iteration_range=(0, best.rounds)),
                dtype=np.float64,
            )
            for booster, (_, judging) in zip(best.boosters, rows, strict=True)
        ),
        trials=total,
    )


def boost(matrix: Matrix, bads: Floats, boosting: Boosting, taught: Taught) -> xgboost.Booster:
    """Teach a booster so many rounds."""
    return xgboost.train(
        settings(taught.parameters, boosting), _rows(matrix, boosting.names, bads), taught.rounds
    )


def settings(parameters: Parameters, boosting: Boosting) -> dict[str, Any]:
    """Give a booster's whole configuration."""
    return {
        **parameters,
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "tree_method": "hist",
        "monotone_constraints": tuple(int(sign) for sign in boosting.signs),
        # One thread adds in one order: the bytes do not depend on the machine's cores.
        "nthread": 1,
        "seed": boosting.seed,
        "verbosity": 0,
    }


def drawn(
    best: Parameters, plan: Plan, draw: np.random.Generator, *, is_near: bool
) -> dict[str, int | float]:
    """Draw parameters from the space, near the best ones or anywhere."""
    found = dict(best)
    for name, (least, most) in plan.space.items():
        low, high = (_spread(name, end) for end in (least, most))
        reach = (high - low) * NEAR
        if is_near and name in best:
            middle = _spread(name, best[name] or least)  # nothing has no logarithm
            low, high = max(low, middle - reach), min(high, middle + reach)
        if low > high:
            continue
        value = draw.uniform(low, high)
        value = exp(value) if name in LOGARITHMIC else value
        found[name] = round(value) if name in WHOLE else round(value, 4)
    return found


def _spread(name: str, value: float) -> float:
    return log(value) if name in LOGARITHMIC else float(value)


class _Trial(NamedTuple):
    parameters: Parameters
    rounds: int
    log_loss: float
    losses: tuple[float, ...]
    """The least of each fold."""
    boosters: tuple[xgboost.Booster, ...]


def _tried(
    parameters: Mapping[str, int | float],
    rows: Sequence[tuple[xgboost.DMatrix, xgboost.DMatrix]],
    boosting: Boosting,
    *,
    plan: Plan,
    best: _Trial | None,
) -> _Trial | None:
    boosters, curves, losses = [], [], []
    for place, (teaching, judging) in enumerate(rows, 1):
        told: dict[str, dict[str, list[float]]] = {}
        booster = xgboost.train(
            settings(parameters, boosting),
            teaching,
            plan.rounds_max,
            evals=[(judging, "judging")],
            early_stopping_rounds=plan.patience,
            evals_result=told,
            verbose_eval=False,
        )
        boosters.append(booster)
        curves.append(told["judging"]["logloss"])
        losses.append(min(curves[-1]))
        if best is not None and sum(losses) > sum(best.losses[:place]) + BEHIND_MAX * place:
            return None
    shortest = min(len(curve) for curve in curves)
    mean = np.mean([curve[:shortest] for curve in curves], axis=0)
    rounds = int(np.argmin(mean)) + 1
    return _Trial(parameters, rounds, float(mean[rounds - 1]), tuple(losses), tuple(boosters))


def _rows(matrix: Matrix, names: Sequence[str], bads: Floats) -> xgboost.DMatrix:
    return xgboost.DMatrix(matrix, label=bads, feature_names=list(names), nthread=1)
