"""Bins of one figure, chosen by dynamic programming, each with the weight of evidence it showed.

The weight of evidence is the log-odds of default of a bin less that of all loans: above 0 is worse
than the average. What is missing, and every special code, is a bin of its own with the evidence it
showed. A bin of which no loan was seen counts as the worst one: where nobody was unknown, an unknown
is no good news, and a silent 0 would make it average.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from underwriting.features.declaration import Sign
from underwriting.models.calibration import Floats

START_BINS: Final = 40
"""Bins of equal count that the best cuts are chosen from."""
SHARE_MIN: Final = 0.02
"""A bin holds at least this part of the known values."""
KIND_MIN: Final = 5
"""And at least so many loans of both kinds."""
PRICE: Final = 2.5
"""What a further bin must gain in log-likelihood; chance alone gains 1.92 in one of twenty cuts."""
PRIOR_LOANS: Final = 20.0
"""Average loans added to every bin, so that few loans do not shout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    """The bins of one figure: those of its values, then of what is missing, then of each code."""

    edges: tuple[float, ...]
    """Inner edges, rising; an edge ends its bin."""
    loans: tuple[int, ...]
    bads: tuple[int, ...]
    evidence: tuple[float, ...]

    @property
    def values(self) -> int:
        """How many bins hold values."""
        return len(self.edges) + 1

    @property
    def information(self) -> float:
        """The information value: how far bads and goods lie apart over the bins."""
        loans, bads = np.array(self.loans, dtype=float), np.array(self.bads, dtype=float)
        shares = bads / bads.sum() - (loans - bads) / (loans - bads).sum()
        return float(shares @ np.array(self.evidence))

    def places(self, values: Floats, codes: Sequence[Floats]) -> NDArray[np.int64]:
        """Give the bin of each value; of several codes at once the last one counts."""
        found = np.searchsorted(self.edges, values).astype(np.int64)
        missing = np.isnan(values)
        found[missing] = self.values
        for position, code in enumerate(codes):
            found[missing & (code == 1.0)] = self.values + 1 + position
        return found

    def to_plain(self) -> dict[str, Any]:
        """Spell the bins so that reading gives the same bits back."""
        return {
            "edges": [repr(edge) for edge in self.edges],
            "loans": list(self.loans),
            "bads": list(self.bads),
            "evidence": [repr(each) for each in self.evidence],
        }


def from_plain(plain: Mapping[str, Any], *, codes: int) -> Bins:
    """Read bins from their spelling.

    Raises:
        KeyError, TypeError, ValueError: they are none.
    """
    edges = tuple(float(text) for text in plain["edges"])
    bins = Bins(
        edges=edges,
        loans=tuple(int(count) for count in plain["loans"]),
        bads=tuple(int(count) for count in plain["bads"]),
        evidence=tuple(float(text) for text in plain["evidence"]),
    )
    wanted = len(edges) + 2 + codes
    if {len(bins.loans), len(bins.bads), len(bins.evidence)} != {wanted}:
        raise ValueError("a bin lacks its loans, its bads or its evidence")
    if not np.all(np.isfinite([*edges, *bins.evidence])) or not np.all(np.diff(edges) > 0):
        raise ValueError("edges rise, and every number is finite")
    return bins


def fit(values: Floats, codes: Sequence[Floats], bads: Floats, *, sign: Sign) -> Bins:
    """Choose the bins of one figure; with a sign, the share of bads moves its way from bin to bin.

    `codes` are columns of 0 and 1: which code a missing value stands for.
    """
    known = ~np.isnan(values)
    edges = _edges(values[known], bads[known], sign, rate=float(bads.mean()))
    places = Bins(edges=edges, loans=(), bads=(), evidence=()).places(values, codes)
    size = len(edges) + 2 + len(codes)
    loans = np.bincount(places, minlength=size).astype(np.float64)
    found = np.bincount(places, weights=bads, minlength=size).astype(np.float64)
    rate = float(bads.mean())
    shares = _smooth(loans, found, rate=rate)
    evidence = np.log(shares / (1.0 - shares)) - np.log(rate / (1.0 - rate))
    evidence[loans == 0] = evidence[loans > 0].max()
    return Bins(
        edges=edges,
        loans=tuple(int(count) for count in loans),
        bads=tuple(int(count) for count in found),
        evidence=tuple(round(float(each), 6) for each in evidence),
    )


def _smooth(loans: Floats, bads: Floats, *, rate: float) -> Floats:
    """Give the share of bads of each bin with some average loans added."""
    found: Floats = (bads + PRIOR_LOANS * rate) / (loans + PRIOR_LOANS)
    return found


def _edges(values: Floats, bads: Floats, sign: Sign, *, rate: float) -> tuple[float, ...]:
    starts = _start_edges(values)
    if not len(starts):
        return ()
    places = np.searchsorted(starts, values)
    loans = np.bincount(places, minlength=len(starts) + 1).astype(np.float64)
    found = np.bincount(places, weights=bads, minlength=len(starts) + 1).astype(np.float64)
    cuts = _best_cuts(loans, found, sign, rate=rate)
    return tuple(float(starts[cut - 1]) for cut in cuts)


def _start_edges(values: Floats) -> Floats:
    """Give edges halfway between neighbouring values, so that no rounding moves a value over one."""
    levels, counts = np.unique(values, return_counts=True)
    if len(levels) < 2:
        return np.array([], dtype=np.float64)
    ends = np.arange(1, len(levels))
    if len(levels) > START_BINS:
        wanted = np.arange(1, START_BINS) * len(values) / START_BINS
        ends = np.unique(np.searchsorted(np.cumsum(counts), wanted) + 1)
        ends = ends[ends < len(levels)]
    edges: Floats = (levels[ends - 1] + levels[ends]) / 2.0
    return edges


def _best_cuts(loans: Floats, bads: Floats, sign: Sign, *, rate: float) -> list[int]:
    """Give the places of the cuts with the highest log-likelihood less the price of each bin.

    `best[h, i]` is the best of all ways to part the first i start bins whose last part is h..i; a
    next part i..j may follow when its share of bads lies on the sign's side.
    """
    size = len(loans)
    shares, gains = _parts(loans, bads, rate=rate)
    best = np.full((size + 1, size + 1), -np.inf)
    before = np.zeros((size + 1, size + 1), dtype=np.int64)
    best[0] = gains[0] - PRICE
    for start in range(1, size):
        follows = shares[start][None, :] - shares[:start, start][:, None]
        allowed = follows * int(sign) >= 0.0
        scores = np.where(allowed, best[:start, start][:, None], -np.inf)
        before[start] = scores.argmax(axis=0)
        best[start] = scores.max(axis=0) + gains[start] - PRICE
    end = size
    start = int(best[:, end].argmax())
    cuts: list[int] = []
    while start > 0:
        cuts.append(start)
        start, end = int(before[start, end]), start
    return cuts[::-1]


def _parts(loans: Floats, bads: Floats, *, rate: float) -> tuple[Floats, Floats]:
    """Give the smooth share of bads and the log-likelihood of every part i..j.

    The share is the one that becomes the evidence, so a sign that holds for it holds for the card.
    Too small a part has no likelihood, unless it is the whole.
    """
    summed, summed_bads = (np.concatenate([[0.0], np.cumsum(each)]) for each in (loans, bads))
    count = np.maximum(summed[None, :] - summed[:, None], 0.0)
    bad = np.maximum(summed_bads[None, :] - summed_bads[:, None], 0.0)
    good = count - bad
    fits = (count >= SHARE_MIN * summed[-1]) & (np.minimum(bad, good) >= KIND_MIN)
    fits[0, -1] = True
    with np.errstate(divide="ignore", invalid="ignore"):
        gains = np.nan_to_num(bad * np.log(bad / count)) + np.nan_to_num(
            good * np.log(good / count)
        )
    return _smooth(count, bad, rate=rate), np.where(fits, gains, -np.inf)
