"""Words as numbers: what loans with the same words came to, told to each loan by others alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from underwriting.models.calibration import Floats
from underwriting.models.spec_features import FREQUENCY, RATE, Category

PER: Final = 10_000.0

Words = Mapping[str, NDArray[np.object_]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """How many loans had which words in the rows that teach, and how many of them went bad."""

    categories: tuple[Category, ...]
    counts: Mapping[str, Mapping[str, tuple[int, int]]]
    """By category and word: loans and bads."""
    loans: int
    mean: float
    smoothing: float

    def columns(self, words: Words) -> dict[str, Floats]:
        """Give the numbers of loans that taught nothing; words never seen get the mean."""
        found: dict[str, Floats] = {}
        for each in self.categories:
            known = self.counts[each.name]
            pairs = np.array([known.get(word, (0, 0)) for word in words[each.name]])
            loans, bads = pairs.reshape(-1, 2).astype(np.float64).T
            found[f"{each.name}{RATE}"] = self._rate(loans, bads, self.mean)
            if each.has_frequency:
                found[f"{each.name}{FREQUENCY}"] = _frequency(loans, self.loans)
        return found

    def columns_of_teachers(self, words: Words, bads: Floats, folds: Folds) -> dict[str, Floats]:
        """Give the numbers of the loans that taught: each told by the other folds alone."""
        found: dict[str, Floats] = {}
        for each in self.categories:
            codes = np.unique(words[each.name].astype(str), return_inverse=True)[1]
            width = int(codes.max()) + 1
            cells = codes * folds.count + folds.numbers
            loans = np.bincount(cells, minlength=width * folds.count).astype(np.float64)
            gone = np.bincount(cells, weights=bads, minlength=width * folds.count)
            others = loans.reshape(width, -1).sum(axis=1)[codes] - loans[cells]
            others_gone = gone.reshape(width, -1).sum(axis=1)[codes] - gone[cells]
            found[f"{each.name}{RATE}"] = self._rate(others, others_gone, folds.means(bads))
            if each.has_frequency:
                alike = np.bincount(codes)[codes].astype(np.float64) - 1.0
                found[f"{each.name}{FREQUENCY}"] = _frequency(alike, len(bads) - 1)
        return found

    def unseen(self, words: Words) -> dict[str, int]:
        """Count by category the loans with words that no loan had that taught."""
        found = {}
        for each in self.categories:
            known = self.counts[each.name]
            count = sum(word not in known for word in words[each.name])
            if count:
                found[each.name] = count
        return found

    def to_plain(self) -> dict[str, Any]:
        """Spell the statistics."""
        return {
            "loans": self.loans,
            "mean": repr(self.mean),
            "smoothing": repr(self.smoothing),
            "counts": {
                name: {word: list(pair) for word, pair in sorted(known.items())}
                for name, known in self.counts.items()
            },
        }

    def _rate(self, loans: Floats, bads: Floats, mean: float | Floats) -> Floats:
        rate: Floats = (bads + self.smoothing * mean) / (loans + self.smoothing)
        return rate


def _frequency(alike: Floats, loans: int) -> Floats:
    """Give the logarithm of how many of ten thousand other loans are alike."""
    found: Floats = np.log1p(alike * PER / max(1, loans))
    return found


@dataclass(frozen=True, slots=True)
class Folds:
    """A fold's number for each loan that teaches, drawn by chance."""

    numbers: NDArray[np.int64]
    count: int

    def means(self, bads: Floats) -> Floats:
        """Give for each loan the share of bads in the other folds."""
        loans = np.bincount(self.numbers, minlength=self.count).astype(np.float64)
        gone = np.bincount(self.numbers, weights=bads, minlength=self.count)
        means: Floats = ((gone.sum() - gone) / (loans.sum() - loans))[self.numbers]
        return means


def draw_folds(loans: int, count: int, *, seed: int) -> Folds:
    """Draw folds of equal size."""
    numbers = np.random.default_rng(seed).permutation(loans) % count
    return Folds(numbers.astype(np.int64), count)


def learn(
    categories: Sequence[Category], words: Words, bads: Floats, *, smoothing: float
) -> Statistics:
    """Count the words of the loans that teach."""
    counts = {}
    for each in categories:
        frame = pl.DataFrame({"word": pl.Series(words[each.name], dtype=pl.String), "bad": bads})
        told = frame.group_by("word").agg(pl.len(), pl.col("bad").sum().cast(pl.Int64))
        counts[each.name] = {word: (loans, gone) for word, loans, gone in told.iter_rows()}
    return Statistics(
        categories=tuple(categories),
        counts=counts,
        loans=len(bads),
        mean=float(bads.mean()),
        smoothing=smoothing,
    )
