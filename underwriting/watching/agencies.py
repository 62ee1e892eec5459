"""What is approved and granted to whom an agency referred, against its own days before. Pure.

Agencies differ, and may: what rings is an agency that is no longer what it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, sqrt

from underwriting.models.metrics import wilson
from underwriting.watched import Measure, Reading, Verdict, places
from underwriting.watching.bars import Bars
from underwriting.watching.judging import Z_95, Judge, between_shares, two_sided


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """The decisions of some days on one agency's cases, or on one group's."""

    name: str
    decided: int
    approved: int
    limit_sum: float
    """In yuan, of the approved."""
    limit_squares: float

    @property
    def mean_limit(self) -> float:
        """In yuan; 0 when nothing was approved."""
        return self.limit_sum / self.approved if self.approved else 0.0

    @property
    def limit_error(self) -> float:
        """Standard error of the mean limit; infinite for fewer than two."""
        if self.approved < 2:
            return inf
        mean = self.mean_limit
        variance = max(0.0, self.limit_squares / self.approved - mean * mean)
        return sqrt(variance / (self.approved - 1))


def readings(
    current: Sequence[Granted], reference: Mapping[str, Granted], bars: Bars
) -> tuple[Reading, ...]:
    """Read the share approved and the mean limit of each agency."""
    judge = Judge(bars.chance, sum(each.decided >= bars.agencies.cases_min for each in current))
    found = []
    for each in current:
        before = reference.get(each.name)
        found.append(_approval(each, before, judge, bars))
        found.append(_limit(each, before, judge, bars))
    return tuple(found)


def _approval(now: Granted, before: Granted | None, judge: Judge, bars: Bars) -> Reading:
    least = bars.agencies.cases_min
    if now.decided < least:
        return Reading(
            measure=Measure.APPROVAL,
            subject=now.name,
            cases=now.decided,
            verdict=Verdict.TOO_FEW,
        )
    share, interval = now.approved / now.decided, wilson(now.approved, now.decided)
    verdict, detail = Verdict.QUIET, {"approved": now.approved}
    if before is not None and before.decided >= least:
        z = between_shares(now.approved, now.decided, before.approved, before.decided)
        change = share - before.approved / before.decided
        is_material = abs(change) >= bars.agencies.approval_material
        verdict = judge.verdict(two_sided(z), is_material=is_material)
        detail |= {"before_approved": before.approved, "before_decided": before.decided}
    return Reading(
        measure=Measure.APPROVAL,
        subject=now.name,
        value=places(share),
        low=places(interval.low),
        high=places(interval.high),
        cases=now.decided,
        verdict=verdict,
        detail=detail,
    )


def _limit(now: Granted, before: Granted | None, judge: Judge, bars: Bars) -> Reading:
    least = bars.agencies.cases_min
    if now.approved < least:
        return Reading(
            measure=Measure.LIMIT, subject=now.name, cases=now.approved, verdict=Verdict.TOO_FEW
        )
    verdict, detail = Verdict.QUIET, {}
    if before is not None and before.approved >= least:
        is_material = (
            abs(now.mean_limit / before.mean_limit - 1.0) >= bars.agencies.limit_material
            if before.mean_limit
            else False
        )
        verdict = judge.verdict(two_sided(between_means(now, before)), is_material=is_material)
        detail = {"before_mean": f"{before.mean_limit:.2f}", "before_approved": before.approved}
    return of_mean(Measure.LIMIT, now, verdict=verdict, detail=detail)


def of_mean(
    measure: Measure,
    granted: Granted,
    *,
    part: str = "",
    verdict: Verdict,
    detail: Mapping[str, object],
) -> Reading:
    """Read a mean limit in yuan with its interval."""
    return Reading(
        measure=measure,
        subject=granted.name,
        part=part,
        value=places(granted.mean_limit),
        low=places(granted.mean_limit - Z_95 * granted.limit_error),
        high=places(granted.mean_limit + Z_95 * granted.limit_error),
        cases=granted.approved,
        verdict=verdict,
        detail=dict(detail),
    )


def between_means(one: Granted, other: Granted) -> float:
    """Give the distance of two mean limits in standard errors (Welch)."""
    error = sqrt(one.limit_error**2 + other.limit_error**2)
    return (one.mean_limit - other.mean_limit) / error if 0.0 < error < inf else 0.0
