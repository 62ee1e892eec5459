"""How far the people of today are from those a model learnt from (PSI), and how far chance goes.

The population stability index of two samples is above nothing even when both come from the same
people: with n and m rows and B bins it is spread like (1/n + 1/m) times chi-square with B - 1
degrees of freedom. The threshold here is that distribution's quantile, so that a small month does
not ring and a large one does not sleep; .10 and .25 are the trade's rules of thumb beside it.

Source: Yurdakul 2018, Statistical Properties of Population Stability Index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import erfc, exp, pi, sqrt
from typing import Any, Final

import numpy as np

from underwriting.models.calibration import Floats
from underwriting.models.metrics import TAIL, Interval

BINS: Final = 10
SURE: Final = 0.95
DRAWS: Final = 1000
SEED: Final = 20261124
_HALF: Final = 0.5
"""Added to every count, so that an empty bin is rare and not impossible."""
_HALVINGS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Stability:
    """The index of one figure between two samples."""

    value: float
    interval: Interval
    """95 % of what is true of the many, with what chance adds taken off, and so wide that the value
    lies in it: chance adds to the value itself."""
    threshold: float
    """Two samples of the same people stay below it in 95 of 100 cases."""
    expected: int
    actual: int
    bins: int

    @property
    def has_moved(self) -> bool:
        """Whether the index is more than chance."""
        return self.value > self.threshold


def psi(expected: Floats, actual: Floats, *, bins: int = BINS) -> Stability:
    """Compare a figure of two samples over bins of equal count of the expected one.

    What is missing (NaN) is a bin of its own; equal values are never parted.

    Raises:
        ValueError: one of the samples is empty.
    """
    edges = cut(expected, bins=bins)
    return of_counts(tally(expected, edges), tally(actual, edges))


def csi(
    expected: Mapping[str, Floats], actual: Mapping[str, Floats], *, bins: int = BINS
) -> dict[str, Stability]:
    """Compare every figure of two samples, the one that moved most beyond chance first.

    Raises:
        ValueError: a figure is in one sample alone, or a sample is empty.
    """
    if set(expected) != set(actual):
        raise ValueError("both samples have the same figures")
    found = {name: psi(expected[name], actual[name], bins=bins) for name in sorted(expected)}
    return dict(sorted(found.items(), key=lambda item: item[1].threshold - item[1].value))


def cut(expected: Floats, *, bins: int = BINS) -> Floats:
    """Give the inner edges of at most `bins` bins of equal count; an edge ends its bin."""
    known = expected[~np.isnan(expected)]
    if not len(known):
        return np.array([], dtype=np.float64)
    edges = np.quantile(known, np.linspace(0.0, 1.0, bins + 1)[1:-1], method="inverted_cdf")
    return np.unique(edges[edges < known.max()])


def tally(values: Floats, edges: Floats) -> Floats:
    """Count values by bin; what is missing is counted last."""
    places = np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values))
    return np.bincount(places, minlength=len(edges) + 2).astype(np.float64)


def of_counts(expected: Floats, actual: Floats) -> Stability:
    """Compare two samples by the counts of their bins.

    Raises:
        ValueError: the bins are not the same, or one of the samples is empty.
    """
    if expected.shape != actual.shape:
        raise ValueError("both samples are counted over the same bins")
    used = (expected + actual) > 0
    if not expected.sum() or not actual.sum():
        raise ValueError("a sample without rows is like nothing")
    expected, actual = expected[used], actual[used]
    value = float(_index(expected, actual))
    return Stability(
        value=value,
        interval=_interval(expected, actual, value),
        threshold=threshold(int(expected.sum()), int(actual.sum()), bins=len(expected)),
        expected=int(expected.sum()),
        actual=int(actual.sum()),
        bins=len(expected),
    )


def threshold(expected: int, actual: int, *, bins: int, sure: float = SURE) -> float:
    """Give what the index of two samples of the same people stays below, `sure` of the time.

    >>> round(threshold(10_000, 500, bins=10), 4)  # (1/10000 + 1/500) x 16.919
    0.0355
    """
    return (1.0 / expected + 1.0 / actual) * chi_square_quantile(sure, bins - 1)


def chi_square_quantile(share: float, degrees: int) -> float:
    """Give the quantile of chi-square with whole degrees of freedom; with none it is 0."""
    if degrees < 1:
        return 0.0
    low, high = 0.0, 1.0
    while _chi_square_tail(high, degrees) > 1.0 - share:
        low, high = high, 2.0 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        if _chi_square_tail(middle, degrees) > 1.0 - share:
            low = middle
        else:
            high = middle
    return high


def _chi_square_tail(value: float, degrees: int) -> float:
    """Give the chance of more than `value` by the finite sums of Abramowitz and Stegun 26.4.4-5."""
    term, tail = exp(-value / 2.0), 0.0
    if degrees % 2:
        tail = erfc(sqrt(value / 2.0))
        term *= sqrt(2.0 * value / pi)
        for step in range(1, degrees - 1, 2):
            tail += term
            term *= value / (step + 2.0)
        return tail
    for step in range(2, degrees + 1, 2):
        tail += term
        term *= value / step
    return tail


def _index(expected: Floats, actual: Floats) -> Any:  # noqa: ANN401 - one number or one per draw
    before = (expected + _HALF) / (expected + _HALF).sum(axis=-1, keepdims=True)
    after = (actual + _HALF) / (actual + _HALF).sum(axis=-1, keepdims=True)
    return ((after - before) * np.log(after / before)).sum(axis=-1)


def _interval(expected: Floats, actual: Floats, value: float) -> Interval:
    """Draw both samples anew, and turn the quantiles round the value (the basic bootstrap).

    Drawing anew adds as much of chance as the samples themselves had, so the turned quantiles lie
    where the index of everybody does, which may be wholly below the value: the upper end is then
    the value.
    """
    draw = np.random.default_rng(SEED)
    drawn = [
        draw.multinomial(int(counts.sum()), counts / counts.sum(), DRAWS).astype(np.float64)
        for counts in (expected, actual)
    ]
    low, high = np.quantile(_index(drawn[0], drawn[1]), (TAIL, 1.0 - TAIL))
    below, above = 2.0 * value - float(high), 2.0 * value - float(low)
    return Interval(max(0.0, min(value, below)), max(value, above))
