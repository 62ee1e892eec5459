"""Other people's models on the very columns that ours may use, as most people would run them.

LightGBM and CatBoost are installed for this comparison alone; without them their rows say so.
Each gets numbers with NaN for missing and words as the category that it handles itself; one thread,
and its probabilities as it gives them.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import xgboost

from underwriting.models.calibration import Floats
from underwriting.models.scorecard_columns import Columns, is_number, words

SEED: Final = 20261124
ROUNDS_XGBOOST: Final = 100
"""What XGBoost's own classifier does when it is told nothing."""
TRIALS: Final = 20
ROUNDS_MAX: Final = 1500
PATIENCE: Final = 30
EXAM_SHARE: Final = 0.25
"""Of the loans that teach, the newest choose the parameters; where there is no time, any."""

_XGBOOST: Final = {
    "objective": "binary:logistic", "eval_metric": "logloss", "tree_method": "hist",
    "nthread": 1, "seed": SEED, "verbosity": 0,
}  # fmt: skip


class NotInstalled(Exception):
    """The rival's package is not here."""


@dataclass(frozen=True, slots=True)
class Task:
    """Rows that teach, what became of them, and rows to be told about."""

    teaching: Columns
    bads: Floats
    judging: Columns
    order: Floats | None = None
    """When the loans that teach were made, as far as it is known."""

    @property
    def categories(self) -> list[int]:
        """The places of the columns of words."""
        return [
            place for place, values in enumerate(self.teaching.values()) if not is_number(values)
        ]

    def coded(self) -> tuple[Floats, Floats]:
        """Give both sides as numbers; a word becomes a code, one that never taught is missing."""
        sides = [
            np.empty((len(next(iter(side.values()))), len(side)))
            for side in (self.teaching, self.judging)
        ]
        for place, (name, values) in enumerate(self.teaching.items()):
            if is_number(values):
                sides[0][:, place], sides[1][:, place] = values, self.judging[name]
                continue
            levels = sorted({word for word in words(values) if word})
            codes = {word: float(code) for code, word in enumerate(levels)}
            for side, asked in zip(sides, (values, self.judging[name]), strict=True):
                side[:, place] = [codes.get(word, np.nan) for word in words(asked)]
        return sides[0], sides[1]

    def mixed(self, side: Columns) -> Any:
        """Give one side as numbers and words in one table."""
        table = np.empty((len(next(iter(side.values()))), len(side)), dtype=object)
        for place, values in enumerate(side.values()):
            table[:, place] = values if is_number(values) else words(values)
        return table


def xgboost_default(task: Task) -> Floats:
    """Run XGBoost with nothing set but the objective and one thread."""
    teaching, judging = task.coded()
    booster = xgboost.train(_XGBOOST, _rows(task, teaching, task.bads), ROUNDS_XGBOOST)
    return np.asarray(booster.predict(_rows(task, judging)), dtype=np.float64)


def xgboost_tuned(task: Task) -> Floats:
    """Run XGBoost with the best of twenty drawn sets of parameters, stopped early, no signs."""
    teaching, judging = task.coded()
    draw = np.random.default_rng(SEED)
    places = draw.permutation(len(task.bads))
    if task.order is not None:
        places = np.argsort(task.order, kind="stable")
    cut = int(len(places) * (1.0 - EXAM_SHARE))
    lessons, exam = (
        _rows(task, teaching[part], task.bads[part]) for part in (places[:cut], places[cut:])
    )
    best: tuple[float, dict[str, Any], int] | None = None
    for _ in range(TRIALS):
        parameters = {**_XGBOOST, **_drawn(draw)}
        booster = xgboost.train(
            parameters, lessons, ROUNDS_MAX, evals=[(exam, "exam")],
            early_stopping_rounds=PATIENCE, verbose_eval=False,
        )  # fmt: skip
        if best is None or booster.best_score < best[0]:
            best = (booster.best_score, parameters, booster.best_iteration + 1)
    assert best is not None
    whole = xgboost.train(best[1], _rows(task, teaching, task.bads), best[2])
    return np.asarray(whole.predict(_rows(task, judging)), dtype=np.float64)


def _drawn(draw: np.random.Generator) -> dict[str, Any]:
    return {
        "max_depth": int(draw.integers(2, 8)),
        "learning_rate": float(np.exp(draw.uniform(np.log(0.02), np.log(0.2)))),
        "min_child_weight": float(np.exp(draw.uniform(np.log(1), np.log(100)))),
        "subsample": float(draw.uniform(0.6, 1.0)),
        "colsample_bytree": float(draw.uniform(0.3, 1.0)),
        "reg_lambda": float(np.exp(draw.uniform(np.log(0.5), np.log(50)))),
    }


def _rows(task: Task, matrix: Floats, bads: Floats | None = None) -> xgboost.DMatrix:
    words = set(task.categories)
    kinds = ["c" if place in words else "float" for place in range(matrix.shape[1])]
    return xgboost.DMatrix(
        matrix, label=bads, feature_types=kinds, enable_categorical=True, nthread=1
    )


def lightgbm_default(task: Task) -> Floats:
    """Run LightGBM with nothing set but the objective and one thread.

    Raises:
        NotInstalled: it is not here.
    """
    need("lightgbm")
    import lightgbm  # noqa: PLC0415 - it may be absent

    teaching, judging = task.coded()
    rows = lightgbm.Dataset(teaching, task.bads, categorical_feature=task.categories)
    parameters = {"objective": "binary", "num_threads": 1, "seed": SEED, "verbosity": -1}
    return np.asarray(lightgbm.train(parameters, rows).predict(judging), dtype=np.float64)


def catboost_default(task: Task) -> Floats:
    """Run CatBoost with nothing set but one thread.

    Raises:
        NotInstalled: it is not here.
    """
    need("catboost")
    import catboost  # noqa: PLC0415 - it may be absent

    def rows(side: Columns, bads: Floats | None = None) -> Any:
        return catboost.Pool(task.mixed(side), label=bads, cat_features=task.categories)

    model = catboost.CatBoostClassifier(
        thread_count=1, random_seed=SEED, verbose=False, allow_writing_files=False
    )
    model.fit(rows(task.teaching, task.bads))
    return np.asarray(model.predict_proba(rows(task.judging))[:, 1], dtype=np.float64)


def need(package: str) -> None:
    """Say so when a package is not here.

    Raises:
        NotInstalled: it is not.
    """
    if importlib.util.find_spec(package) is None:
        raise NotInstalled(f"{package} is not installed")


RIVALS: Final[Mapping[str, Callable[[Task], Floats]]] = {
    "XGBoost, defaults": xgboost_default,
    "XGBoost, tuned, no signs": xgboost_tuned,
    "LightGBM, defaults": lightgbm_default,
    "CatBoost, defaults": catboost_default,
}
