"""How good scores were on loans whose end is known; every figure with n and a 95 % interval.

The intervals say how far chance alone moves a figure between samples of this size from the same
people; they say nothing of other people or of another time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log, pi, sqrt
from typing import Any, Final, NamedTuple

import numpy as np

from underwriting.models.calibration import Floats

BINS: Final = 10
Z_95: Final = 1.959964
TAIL: Final = 0.025
FIGURES: Final = ("auc", "ks", "brier", "log_loss", "calibration_error", "mean_pd", "bad_rate")


class Interval(NamedTuple):
    """Both ends of a 95 % interval."""

    low: float
    high: float

    def to_plain(self) -> list[str]:
        """Spell the ends to six places."""
        return [f"{self.low:.6f}", f"{self.high:.6f}"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Discrimination and calibration on one set of loans."""

    loans: int
    bads: int
    auc: float
    auc_error: float
    """Standard error of the AUC (DeLong, DeLong and Clarke-Pearson 1988)."""
    ks: float
    """Largest gap between the two distributions of the score."""
    brier: float
    log_loss: float
    calibration_error: float
    """Expected calibration error over ten bins of equal count."""
    calibration_noise: float
    """The calibration error that right probabilities would show on so many loans on average."""
    mean_pd: float
    bad_rate: float
    intervals: Mapping[str, Interval]
    """The 95 % interval of each of FIGURES."""

    def to_plain(self) -> dict[str, Any]:
        """Spell the figures to six places, each with its 95 % interval."""
        plain: dict[str, Any] = {
            "loans": self.loans,
            "bads": self.bads,
            "calibration_noise": f"{self.calibration_noise:.6f}",
        }
        for name in FIGURES:
            plain[name] = f"{getattr(self, name):.6f}"
            plain[f"{name}_interval_95"] = self.intervals[name].to_plain()
        return plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Closeness:
    """How near probabilities are to what became of the loans, which ranks nobody."""

    loans: int
    bads: int
    brier: float
    log_loss: float
    calibration_error: float
    calibration_noise: float
    mean_pd: float
    bad_rate: float
    intervals: Mapping[str, Interval]
    """The 95 % interval of each of FIGURES but those of the ranking."""


def measure(pds: Floats, bads: Floats) -> Metrics:
    """Measure probabilities of default against what became of the loans.

    Neither this nor `closeness` depends on the order of the loans, equal probabilities included.

    Raises:
        ValueError: only one kind of loan, or a probability that is not between 0 and 1.
    """
    pds, bads = _in_order(pds, bads)
    count, total = int(bads.sum()), len(bads)
    if not 0 < count < total:
        raise ValueError("both kinds of loan are needed to measure a score")
    auc, auc_error = _auc(pds, bads)
    ks, ks_interval = _ks(pds, bads)
    near = closeness(pds, bads)
    return Metrics(
        loans=total,
        bads=count,
        auc=auc,
        auc_error=auc_error,
        ks=ks,
        brier=near.brier,
        log_loss=near.log_loss,
        calibration_error=near.calibration_error,
        calibration_noise=near.calibration_noise,
        mean_pd=near.mean_pd,
        bad_rate=near.bad_rate,
        intervals={
            "auc": _auc_interval(auc, auc_error, min(count, total - count)),
            "ks": ks_interval,
            **near.intervals,
        },
    )


def closeness(pds: Floats, bads: Floats) -> Closeness:
    """Measure what one kind of loan alone can tell, too.

    Raises:
        ValueError: no loan, or a probability that is not between 0 and 1.
    """
    pds, bads = _in_order(pds, bads)
    if not len(pds):
        raise ValueError("without loans nothing is measured")
    count, total = int(bads.sum()), len(bads)
    squares = (pds - bads) ** 2
    losses = -(bads * np.log(pds) + (1.0 - bads) * np.log1p(-pds))
    error, noise, interval = _calibration_error(pds, bads)
    return Closeness(
        loans=total,
        bads=count,
        brier=float(squares.mean()),
        log_loss=float(losses.mean()),
        calibration_error=error,
        calibration_noise=noise,
        mean_pd=float(pds.mean()),
        bad_rate=count / total,
        intervals={
            "brier": _of_mean(squares),
            "log_loss": _of_mean(losses),
            "calibration_error": interval,
            "mean_pd": _of_mean(pds),
            "bad_rate": wilson(count, total),
        },
    )


def _in_order(pds: Floats, bads: Floats) -> tuple[Floats, Floats]:
    """Sort by probability and outcome: sums then come out the same to the last bit."""
    pds, bads = np.asarray(pds, dtype=np.float64), np.asarray(bads, dtype=np.float64)
    if not bool(np.all((pds > 0.0) & (pds < 1.0))):
        raise ValueError("a probability lies between 0 and 1, both left out")
    order = np.lexsort((bads, pds))
    return pds[order], bads[order]


def wilson(count: int, total: int, *, z: float = Z_95) -> Interval:
    """Give the interval of a share (Wilson 1927).

    >>> [round(end, 4) for end in wilson(0, 10)]
    [0.0, 0.2775]
    """
    share, scale = count / total, 1.0 + z * z / total
    middle = (share + z * z / (2.0 * total)) / scale
    reach = z * sqrt(share * (1.0 - share) / total + z * z / (4.0 * total * total)) / scale
    return Interval(max(0.0, middle - reach), min(1.0, middle + reach))


def auc_of(scores: Floats, bads: Floats) -> float:
    """Give the share of pairs of a bad and a good loan that a score ranks rightly."""
    order = np.argsort(scores, kind="stable")
    return _auc(scores[order], bads[order])[0]


def _auc(scores: Floats, bads: Floats) -> tuple[float, float]:
    """Give the AUC of rising scores and its standard error from the placements; ties count half.

    Source: DeLong, DeLong and Clarke-Pearson 1988; Sun and Xu 2014 for the way by ranks.
    """
    starts = np.flatnonzero(np.append(True, np.diff(scores) > 0))
    lengths = np.diff(np.append(starts, len(scores)))
    bads_at = np.add.reduceat(bads, starts)
    goods_at = lengths - bads_at
    count, other = float(bads_at.sum()), float(goods_at.sum())
    of_bads = (np.cumsum(goods_at) - goods_at / 2.0) / other
    of_goods = 1.0 - (np.cumsum(bads_at) - bads_at / 2.0) / count
    auc = float(of_bads @ bads_at) / count
    if min(count, other) < 2:
        return auc, _hanley(auc, count, other)
    spread = float(bads_at @ (of_bads - auc) ** 2) / ((count - 1.0) * count)
    spread += float(goods_at @ (of_goods - auc) ** 2) / ((other - 1.0) * other)
    return auc, sqrt(spread)


def _hanley(auc: float, bads: float, goods: float) -> float:
    """Give the standard error where one loan has no spread (Hanley and McNeil 1982)."""
    one, two = auc / (2.0 - auc), 2.0 * auc * auc / (1.0 + auc)
    spread = (
        auc * (1.0 - auc) + (bads - 1) * (one - auc * auc) + (goods - 1) * (two - auc * auc)
    ) / (bads * goods)
    return sqrt(max(0.0, spread))


def _auc_interval(auc: float, error: float, rarer: int) -> Interval:
    """Give the interval on the log-odds of the AUC, so that it stays between 0 and 1.

    A score without a single wrong pair has no spread of its own: then as many loans as there are
    of the rarer kind, all ranked rightly, bound it like a share without a failure.
    """
    if not 0.0 < auc < 1.0 or error == 0.0:
        bound = TAIL ** (1.0 / rarer)
        return Interval(min(auc, bound), max(auc, 1.0 - bound))
    middle = log(auc / (1.0 - auc))
    reach = Z_95 * error / (auc * (1.0 - auc))
    return Interval(1.0 / (1.0 + exp(reach - middle)), 1.0 / (1.0 + exp(-reach - middle)))


def _ks(scores: Floats, bads: Floats) -> tuple[float, Interval]:
    """Give the largest gap of rising scores, with its normal interval at the place of the gap.

    Source: Raghavachari 1973, for a gap that is there; a score that ranks by chance shows a gap
    above 0 all the same.
    """
    count = float(bads.sum())
    other = len(bads) - count
    below_bads, below_goods = np.cumsum(bads) / count, np.cumsum(1.0 - bads) / other
    gaps = np.abs(below_bads - below_goods)
    gaps[:-1][np.diff(scores) == 0] = 0.0
    at = int(np.argmax(gaps))
    ks, one, two = float(gaps[at]), float(below_bads[at]), float(below_goods[at])
    reach = Z_95 * sqrt(one * (1.0 - one) / count + two * (1.0 - two) / other)
    return ks, Interval(max(0.0, ks - reach), min(1.0, ks + reach))


def _of_mean(values: Floats) -> Interval:
    """Give the normal interval of a mean of values that cannot be negative."""
    mean = float(values.mean())
    reach = Z_95 * float(values.std()) / sqrt(len(values))
    return Interval(max(0.0, mean - reach), mean + reach)


def _calibration_error(pds: Floats, bads: Floats) -> tuple[float, float, Interval]:
    """Give the error over bins of equal count, the mean of mere noise, and an interval.

    Where an edge parts loans of one probability, each bin gets its share of their bads: no order
    of equals says which of them belong where.

    With d the true gap of a bin and e its noise, |d| + sign(d) e <= |d + e| <= |d| + |e|: the
    weighted sums of e (normal) and of |e| (half normal, summed) bound the true error from above
    and from below. The interval covers at least 95 %, more where the gaps are small.
    """
    starts = np.linspace(0, len(pds), min(BINS, len(pds)) + 1).astype(np.int64)[:-1]
    counts = np.diff(np.append(starts, len(pds))).astype(np.float64)
    shares = counts / len(pds)
    found = np.add.reduceat(_shared_among_equals(pds, bads), starts)
    error = float(np.abs(np.add.reduceat(pds, starts) - found).sum()) / len(pds)
    right = np.add.reduceat(pds * (1.0 - pds), starts) / counts**2
    noise = float(np.sqrt(2.0 / pi * right) @ shares)
    smooth = (found + 1.0) / (counts + 2.0)
    spreads = smooth * (1.0 - smooth) / counts
    reach = Z_95 * sqrt(float(spreads @ shares**2))
    low = error - float(np.sqrt(2.0 / pi * spreads) @ shares) - reach * sqrt(1.0 - 2.0 / pi)
    return error, noise, Interval(max(0.0, low), min(1.0, error + reach))


def _shared_among_equals(values: Floats, bads: Floats) -> Floats:
    starts = np.flatnonzero(np.append(True, np.diff(values) > 0))
    lengths = np.diff(np.append(starts, len(values)))
    return np.repeat(np.add.reduceat(bads, starts) / lengths, lengths)
