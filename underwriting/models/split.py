"""Honest splits inside the rows at hand: what teaches lies before what judges, or apart from it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from underwriting.models.artifact import Matrix
from underwriting.models.calibration import Floats

Places = NDArray[np.int64]
FOLDS_MAX: Final = 20


class NotSplit(ValueError):
    """The rows cannot be split as the spec says; the text says why."""


class Fold(NamedTuple):
    """Two groups of rows that share none."""

    teaching: Places
    judging: Places


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """How rows are split: by time where they have one, else by their own content."""

    folds: int
    first_share: float
    """By time: the oldest rows, as a share, that judge nothing; the others judge in turn."""
    outer_share: float
    """The rows kept apart when a spec is measured on its training part alone."""


def by_time(order: Floats, split: Split) -> list[Fold]:
    """Split rows by time: every fold is judged by rows later than all that teach it.

    Rows of one instant are never parted.

    Raises:
        NotSplit: too few instants.
    """
    cuts = [
        split.first_share + (1.0 - split.first_share) * step / split.folds
        for step in range(split.folds)
    ]
    instants, counts = np.unique(order, return_counts=True)
    ends = np.cumsum(counts) / len(order)
    places = np.unique([int(np.argmin(np.abs(ends - cut))) for cut in cuts])
    places = places[places < len(instants) - 1]
    if not len(places):
        raise NotSplit("there are too few instants to split by time")
    edges = [*(float(instants[place]) for place in places), float(instants[-1])]
    return [
        Fold(np.flatnonzero(order <= first), np.flatnonzero((order > first) & (order <= last)))
        for first, last in pairwise(edges)
    ]


def newest(order: Floats, share: float) -> Fold:
    """Keep the newest rows apart.

    Raises:
        NotSplit: all rows are of one instant.
    """
    return by_time(order, Split(folds=1, first_share=1.0 - share, outer_share=share))[0]


def by_content(rows: Matrix, split: Split, *, seed: int) -> list[Fold]:
    """Split rows by chance; rows that are alike are on one side, in whatever order they stand."""
    numbers = _numbers(rows, seed) % split.folds
    return [
        Fold(np.flatnonzero(numbers != fold), np.flatnonzero(numbers == fold))
        for fold in range(split.folds)
    ]


def apart(rows: Matrix, share: float, *, seed: int) -> Fold:
    """Keep a share of the rows apart by chance; rows that are alike are on one side."""
    is_apart = _numbers(rows, seed) < share * 2.0**32
    return Fold(np.flatnonzero(~is_apart), np.flatnonzero(is_apart))


def _numbers(rows: Matrix, seed: int) -> Places:
    """Number rows by their content, evenly below 2**32."""
    key = seed.to_bytes(8, "big", signed=True)
    return np.array(
        [
            int.from_bytes(hashlib.blake2b(row.tobytes(), digest_size=4, key=key).digest(), "big")
            for row in np.ascontiguousarray(rows)
        ],
        dtype=np.int64,
    )
