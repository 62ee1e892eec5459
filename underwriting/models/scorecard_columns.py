"""Named columns of numbers and words as the rows of a scorecard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from underwriting.models.artifact import Matrix
from underwriting.models.calibration import Floats

OTHER: Final = ""
"""Stands among the levels of a column of words for all that are rare or were never seen."""
LEVEL_SHARE_MIN: Final = 0.002
LEVEL_LOANS_MIN: Final = 50
"""A level of words that fewer loans show, or a smaller share of them, is rare."""
PRIOR_LOANS: Final = 20.0

Columns = Mapping[str, NDArray[Any]]
"""Numbers with NaN for missing, or words with None or "" for missing."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of numbers with the names of their columns."""

    matrix: Matrix
    names: tuple[str, ...]

    def column(self, name: str) -> Floats:
        """Give one column of the rows as they are kept: rounded to float32."""
        return self.matrix[:, self.names.index(name)].astype(np.float64)


def is_number(values: NDArray[Any]) -> bool:
    """Tell numbers from words."""
    return values.dtype.kind in "fiub"


def words(values: NDArray[Any]) -> list[str]:
    """Give a column of words with "" for what is missing."""
    return ["" if word is None else str(word) for word in values.tolist()]


def ranked(values: NDArray[Any], bads: Floats) -> tuple[str, ...]:
    """Rank the levels of a column by their share of bads, the rare ones as one.

    Where none is rare, levels not seen yet rank as the worst.
    """
    known: dict[str, list[float]] = {}
    for word, bad in zip(words(values), bads.tolist(), strict=True):
        if word:
            counts = known.setdefault(word, [0.0, 0.0])
            counts[0] += 1.0
            counts[1] += bad
    few = max(LEVEL_LOANS_MIN, LEVEL_SHARE_MIN * len(bads))
    levels, others = {}, [0.0, 0.0]
    for word, counts in known.items():
        if counts[0] >= few:
            levels[word] = counts
        else:
            others = [one + two for one, two in zip(others, counts, strict=True)]
    rate = float(bads.mean())
    shares = {
        word: (bad + PRIOR_LOANS * rate) / (count + PRIOR_LOANS)
        for word, (count, bad) in [*levels.items(), (OTHER, others)]
    }
    if not others[0]:
        shares[OTHER] = 1.0
    return tuple(sorted(shares, key=lambda word: (shares[word], word)))


def laid_out(
    columns: Columns, names: tuple[str, ...], levels: Mapping[str, tuple[str, ...]]
) -> Rows:
    """Lay named columns out as rows; a word becomes the rank of its level."""
    matrix = np.empty((len(columns[names[0]]), len(names)), dtype=np.float32)
    for place, name in enumerate(names):
        values = columns[name]
        with np.errstate(over="ignore"):  # too large is infinite, and the card says what of it
            matrix[:, place] = _ranks(values, levels[name]) if name in levels else values
    return Rows(matrix, names)


def _ranks(values: NDArray[Any], levels: tuple[str, ...]) -> Floats:
    rank = {word: float(place) for place, word in enumerate(levels)}
    other = rank.pop(OTHER)
    rank[""] = np.nan
    return np.array([rank.get(word, other) for word in words(values)])
