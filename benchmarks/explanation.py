"""Contributions of one row and of many, and XGBoost's own beside them."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Final

import numpy as np
import xgboost
from numpy.typing import NDArray

from benchmarks import yardsticks
from benchmarks.bench import Bench, take_turns
from benchmarks.table import Bar, Row, at_least, at_most
from underwriting.models.contributions import Explainer

ONE_BAR: Final = at_most(0.5)
MANY_BAR: Final = at_least(6.2)
"""Five thousand rows a second of CPU where the library gave eight hundred."""
ONE_ROWS: Final = 50
MANY_ROWS: Final = 500
COPIES: Final = 16
"""Ours is given the rows so many times, as many as it works on at once."""
ROUNDING: Final = 1e-4
"""The library works in single precision."""
SIZES: Final = ((5, 300),)
"""Depth and number of trees."""
FEATURES: Final = 28
SEED: Final = 20_261_120

Matrix = NDArray[np.float32]


def measure(bench: Bench) -> list[Row]:
    """Give the time of one row over the library's, and the rows a second over the library's."""
    rows = []
    for depth, count in SIZES:
        bench.say(f"explanation: {count} trees of depth {depth}")
        rows.extend(_rows(bench, depth, count))
    return rows


def _rows(bench: Bench, depth: int, count: int) -> list[Row]:
    booster, told = _boosted(bench.people, depth, count)
    explainer = Explainer(booster)
    check(booster, explainer, told[:ONE_ROWS])
    name = f"{count} trees of depth {depth}"
    alone = take_turns(
        lambda: _each(lambda row: explainer.one(row[0]), told),
        lambda: _each(lambda row: _slowly(booster, row), told),
        rounds=bench.rounds,
    )
    copies = np.tile(told, (COPIES, 1))
    many = take_turns(
        lambda: _cpu(lambda: explainer.many(copies)) / COPIES,
        lambda: _cpu(lambda: _slowly(booster, told)),
        rounds=bench.rounds,
    )
    best = [min(side) for side in zip(*many, strict=True)]
    one = [median(side) * 1e6 for side in zip(*alone, strict=True)]
    return [
        _row(
            f"one row, {name}",
            tuple(mine / other for mine, other in alone),
            ONE_BAR,
            f"ours {one[0]:.0f} us, pred_contribs {one[1]:.0f} us",
        ),
        _row(
            f"many rows, {name}",
            tuple(other / mine for mine, other in many),
            MANY_BAR,
            f"rows a CPU-s: ours {len(told) / best[0]:,.0f}, pred_contribs "
            f"{len(told) / best[1]:,.0f}",
        ),
    ]


def _row(case: str, ratios: tuple[float, ...], bar: Bar, notes: str) -> Row:
    return Row(
        benchmark="explanation",
        case=case,
        ratios=ratios,
        bar=bar,
        yardstick=yardsticks.take(),
        notes=notes,
    )


def _boosted(people: int, depth: int, count: int) -> tuple[xgboost.Booster, Matrix]:
    """Boost on drawn rows, a tenth of their values missing, so that trees grow to their depth."""
    draw = np.random.default_rng(SEED)
    told = draw.normal(size=(max(MANY_ROWS, 8 * people), FEATURES)).astype(np.float32)
    told[draw.uniform(size=told.shape) < 0.1] = np.nan
    known = np.nan_to_num(told)
    odds = known[:, 0] + known[:, 1] * known[:, 2] + known[:, 3]
    bads = odds + draw.normal(size=len(told)) > 0
    facts = {"objective": "binary:logistic", "max_depth": depth, "eta": 0.05, "nthread": 1}
    rows = xgboost.DMatrix(told, bads.astype(np.float32), nthread=1)
    booster = xgboost.train({**facts, "max_bin": 64}, rows, count)
    booster.set_param({"nthread": 1})
    return booster, told[:MANY_ROWS]


def check(booster: xgboost.Booster, explainer: Explainer, told: Matrix) -> None:
    """Prove that both sides give the same but for the rounding of single precision."""
    gap = float(np.abs(explainer.many(told) - _slowly(booster, told)).max())
    if not gap < ROUNDING:
        raise RuntimeError(f"contributions differ by {gap}")


def _slowly(booster: xgboost.Booster, told: Matrix) -> Matrix:
    matrix = xgboost.DMatrix(told, nthread=1)
    found: Matrix = booster.predict(matrix, pred_contribs=True)
    return found


def _each(work: Callable[[Matrix], object], told: Matrix) -> float:
    """Give the median seconds of one row."""
    spent = []
    for place in range(min(ONE_ROWS, len(told))):
        row = told[place : place + 1]
        begun = time.perf_counter()
        work(row)
        spent.append(time.perf_counter() - begun)
    return median(spent)


def _cpu(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun
