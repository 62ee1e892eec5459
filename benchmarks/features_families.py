"""Thousands of features of a panel, and polars doing the same group_by by hand."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import median
from typing import Final

import numpy as np
import polars as pl

from benchmarks import features_panel, yardsticks
from benchmarks.bench import Bench, take_turns
from benchmarks.features_panel import Panel
from benchmarks.table import Row, at_least, at_most
from underwriting.features import tables
from underwriting.features.declaration import Feature
from underwriting.models import memory

NAME: Final = "features_families"
BY_HAND: Final = at_least(1.0)
CELLS_A_SECOND: Final = 15_000_000
MEMORY: Final = 1024**3
ROUNDS: Final = 3
COMPARED: Final = 500
"""Clients whose figures are compared before anything is measured."""


def measure(bench: Bench) -> list[Row]:
    """Give our cells a CPU second over those of polars by hand, and over what is asked for."""
    if not features_panel.FILE.is_file():
        missing = "the panel is read from ../shared/data/taiwan, which is not there"
        return [Row(benchmark=NAME, case="", ratios=(), bar=None, notes=missing)]
    panel, wanted = features_panel.read(bench.loans), features_panel.features()
    clients = panel.clients.height
    case = f"{len(wanted):,} features x {clients:,} clients"
    bench.say(f"{NAME}: {case}")
    _compare(panel, wanted)
    yardstick = yardsticks.take()
    pairs = take_turns(
        lambda: _cells_a_second(_ours(panel, wanted)),
        lambda: _cells_a_second(features_panel.by_hand(panel)),
        rounds=min(bench.rounds, ROUNDS),
    )
    ours, hand = (median(side) / 1e6 for side in zip(*pairs, strict=True))
    peak = _peak_alone(bench.loans)
    return [
        Row(
            benchmark=NAME,
            case=f"{case}, over polars by hand",
            ratios=tuple(mine / other for mine, other in pairs),
            bar=BY_HAND,
            yardstick=yardstick,
            notes=f"M cells a CPU second: ours {ours:.0f}, by hand {hand:.0f}; "
            f"{panel.statements.height:,} statements",
        ),
        Row(
            benchmark=NAME,
            case=f"over {CELLS_A_SECOND // 10**6} M cells a CPU second",
            ratios=tuple(mine / CELLS_A_SECOND for mine, _ in pairs),
            bar=at_least(1.0),
            notes="the same runs",
        ),
        Row(
            benchmark=NAME,
            case="peak memory over 1 GiB",
            ratios=(peak / MEMORY,),
            bar=at_most(1.0),
            notes=f"{peak / 1024**2:,.0f} MiB in a process of its own, the libraries with it",
        ),
    ]


def _ours(panel: Panel, wanted: list[Feature]) -> Iterable[pl.DataFrame]:
    return tables.chunks(wanted, panel.clients, panel.tables, key="ID", as_of="as_of")


def _cells_a_second(frames: Iterable[pl.DataFrame]) -> float:
    """Make all frames, none of which is kept, and count what a second of the processor made."""
    begun, cells = time.process_time(), 0
    for frame in frames:
        cells += frame.height * frame.width
    return cells / (time.process_time() - begun)


def _compare(panel: Panel, wanted: list[Feature]) -> None:
    """See that both sides make the same figures.

    Raises:
        RuntimeError: one of them differs.
    """
    clients = panel.clients.head(COMPARED)
    few = Panel(clients, panel.statements.join(clients.select("ID"), on="ID", how="semi"))
    ours = pl.concat(list(_ours(few, wanted)), how="horizontal")
    hand = pl.concat(list(features_panel.by_hand(few)), how="horizontal")
    if set(ours.columns) != set(hand.columns):
        raise RuntimeError("the two sides make features of different names")
    for name in ours.columns:
        left, right = ours[name].cast(pl.Float64).to_numpy(), hand[name].to_numpy()
        # Float32 on our side, and a difference of large numbers is as sure as they are.
        if not np.allclose(left, right, rtol=1e-5, atol=1e-2, equal_nan=True):
            raise RuntimeError(f"the figures of {name} differ")


def _peak_alone(clients_max: int) -> int:
    """Give the peak memory of a process that makes our features and nothing else, in bytes."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        return processes.submit(_peak, clients_max).result()


def _peak(clients_max: int) -> int:
    panel = features_panel.read(clients_max)
    for _ in _ours(panel, features_panel.features()):
        pass
    return memory.peak_mb() * 1024**2
