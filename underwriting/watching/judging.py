"""Telling more than chance from chance: tails, intervals and the verdict. Pure.

A reading rings when it is both improbable among quiet populations and large enough to matter. The
chance of a false alarm is set for a measure and a day, and its subjects share it (Bonferroni 1936),
so that watching more subjects does not ring more often.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, exp, lgamma, log, log1p, sqrt
from statistics import NormalDist
from typing import Final

from underwriting.watched import Verdict
from underwriting.watching.bars import Chance

Z_95: Final = 1.959964
_NEGLIGIBLE: Final = 1e-18


@dataclass(frozen=True, slots=True)
class Judge:
    """The verdicts of one measure on one day, over so many subjects."""

    chance: Chance
    subjects: int

    @property
    def alarm(self) -> float:
        """The probability that each subject may have of ringing by chance."""
        return self.chance.alarm / max(1, self.subjects)

    @property
    def z(self) -> float:
        """How many standard errors, up or down, are beyond chance."""
        return NormalDist().inv_cdf(1.0 - self.alarm / 2.0)

    def verdict(self, probability: float, *, is_material: bool) -> Verdict:
        """Judge what quiet populations would show with this probability.

        Beyond chance and material is an alarm; one of the two, the other nearly, is a notice.
        """
        beyond = probability <= self.alarm
        if beyond and is_material:
            return Verdict.ALARM
        if beyond or (is_material and probability <= self.chance.notice):
            return Verdict.NOTICE
        return Verdict.QUIET


def two_sided(z: float) -> float:
    """Give the probability of a normal figure at least so far from its mean, either way."""
    return erfc(abs(z) / sqrt(2.0))


def one_sided(z: float) -> float:
    """Give the probability of a normal figure at least so far above its mean."""
    return erfc(z / sqrt(2.0)) / 2.0


def between_shares(count: int, total: int, other_count: int, other_total: int) -> float:
    """Give the distance of two shares in standard errors of no difference (pooled).

    >>> round(between_shares(60, 100, 50, 100), 4)  # .10 / sqrt(.55 x .45 x 2 / 100)
    1.4213
    """
    pooled = (count + other_count) / (total + other_total)
    error = sqrt(pooled * (1.0 - pooled) * (1.0 / total + 1.0 / other_total))
    return (count / total - other_count / other_total) / error if error > 0.0 else 0.0


def at_least(count: int, total: int, share: float) -> float:
    """Give the probability of `count` or more of `total` when each comes with `share`.

    >>> round(at_least(3, 3, 0.5), 6), at_least(0, 10, 0.02)
    (0.125, 1.0)
    """
    if count <= 0:
        return 1.0
    if not 0.0 < share < 1.0:
        return float(share >= 1.0)
    sum_ = 0.0
    for each in range(count, total + 1):
        term = exp(_log_chosen(each, total) + each * log(share) + (total - each) * log1p(-share))
        sum_ += term
        if each > total * share and term < _NEGLIGIBLE:
            break
    return min(1.0, sum_)


def _log_chosen(count: int, total: int) -> float:
    return lgamma(total + 1) - lgamma(count + 1) - lgamma(total - count + 1)
