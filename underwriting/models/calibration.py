"""From a model's margin to a probability of default that means what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PD_MIN: Final = 1e-6
"""Nobody is certain: a probability stays this far from nothing and from one."""
_STEPS_MAX: Final = 100
_CLOSE: Final = 1e-12
_SPREAD_MIN: Final = 1e-9


class NotCalibrated(ValueError):
    """The window says nothing about the scores; the text says why."""


class Kind(StrEnum):
    """How margins are turned into probabilities."""

    PLATT = "platt"
    """Two numbers: slope and intercept on the log-odds."""
    ISOTONIC = "isotonic"
    """A rising line through points of margin and probability."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A rising function from margins (log-odds) to probabilities.

    The numbers of Platt are one pair (slope, intercept); those of isotonic are its points.
    """

    kind: Kind
    numbers: tuple[tuple[float, float], ...]

    def apply(self, margins: Floats) -> Floats:
        """Give the probability of default of each margin."""
        if self.kind is Kind.PLATT:
            slope, intercept = self.numbers[0]
            found = np.exp(-np.logaddexp(0.0, -(slope * margins + intercept)))
        else:
            at, to = zip(*self.numbers, strict=True)
            found = np.interp(margins, at, to)
        return np.clip(found, PD_MIN, 1.0 - PD_MIN)

    def to_plain(self) -> dict[str, Any]:
        """Spell the numbers so that reading gives the same bits back."""
        return {
            "kind": self.kind.value,
            "numbers": [[repr(first), repr(second)] for first, second in self.numbers],
        }


def from_plain(plain: Mapping[str, Any]) -> Calibration:
    """Read a calibration from its spelling.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    numbers = tuple((float(first), float(second)) for first, second in plain["numbers"])
    if not numbers:
        raise ValueError("a calibration has numbers")
    return Calibration(Kind(plain["kind"]), numbers)


def fit(margins: Floats, bads: Floats, *, isotonic_bads_min: int) -> Calibration:
    """Fit on a window that the model did not learn from.

    Isotonic above `isotonic_bads_min` bads (both kinds of loan counted by the rarer), else Platt:
    few bads do not carry a free line. The order of the loans makes no difference.

    Raises:
        NotCalibrated: only one kind of loan, or higher margins do not mean more bads.
    """
    count = int(bads.sum())
    if not 0 < count < len(bads):
        raise NotCalibrated("the window holds only one kind of loan")
    if float(np.ptp(margins)) < _SPREAD_MIN:
        raise NotCalibrated("the scores of the window are all alike")
    order = np.lexsort((bads, margins))
    margins, bads = margins[order], bads[order]
    if min(count, len(bads) - count) >= isotonic_bads_min:
        return _isotonic(margins, bads)
    return _platt(margins, bads)


def _platt(margins: Floats, bads: Floats) -> Calibration:
    """Fit slope and intercept to Platt's smoothed targets by Newton's method with halved steps.

    Source: Platt 1999; Lin, Lin and Weng 2007 for the start and the steps.
    """
    count, total = float(bads.sum()), float(len(bads))
    high, low = (count + 1.0) / (count + 2.0), 1.0 / (total - count + 2.0)
    targets = np.where(bads > 0, high, low)
    design = np.stack([margins, np.ones_like(margins)])
    weights = np.array([0.0, np.log((count + 1.0) / (total - count + 1.0))])
    loss = _log_loss(weights @ design, targets)
    for _ in range(_STEPS_MAX):
        fitted = np.exp(-np.logaddexp(0.0, -(weights @ design)))
        gradient = design @ (fitted - targets)
        curvature = (design * (fitted * (1.0 - fitted))) @ design.T
        step = np.linalg.solve(curvature + 1e-10 * np.eye(2), gradient)
        scale = 1.0
        while scale > _CLOSE and _log_loss((weights - scale * step) @ design, targets) > loss:
            scale /= 2.0
        weights = weights - scale * step
        loss = _log_loss(weights @ design, targets)
        if float(np.abs(scale * step).max()) < _CLOSE:
            break
    slope, intercept = float(weights[0]), float(weights[1])
    if not slope > 0.0:
        raise NotCalibrated("in the window a higher score does not mean more bad loans")
    return Calibration(Kind.PLATT, ((slope, intercept),))


def _log_loss(margins: Floats, targets: Floats) -> float:
    return float(np.sum(np.logaddexp(0.0, margins) - targets * margins))


def _isotonic(margins: Floats, bads: Floats) -> Calibration:
    """Fit rising margins by pooling adjacent violators; each pool is a point at its mean margin.

    Loans of one margin are one pool from the start: a margin has one probability.
    """
    starts = np.flatnonzero(np.append(True, np.diff(margins) > 0))
    counts = np.diff(np.append(starts, len(margins))).astype(np.float64)
    alike = zip(np.add.reduceat(bads, starts), counts, margins[starts] * counts, strict=True)
    pools: list[list[float]] = []  # sum of bads, count, sum of margins
    for bad, count, margin in alike:
        pools.append([float(bad), float(count), float(margin)])
        while len(pools) > 1 and pools[-2][0] * pools[-1][1] >= pools[-1][0] * pools[-2][1]:
            last = pools.pop()
            pools[-1] = [a + b for a, b in zip(pools[-1], last, strict=True)]
    if len(pools) < 2:
        raise NotCalibrated("in the window a higher score does not mean more bad loans")
    return Calibration(
        Kind.ISOTONIC, tuple((total / count, bad / count) for bad, count, total in pools)
    )
