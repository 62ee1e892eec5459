"""Loans whose end is known: were the probabilities right, and did they rank? Pure.

A loan counts when its whole term and some months more are over, by the calendar, never because it
was closed: loans that end early end well, so a window of closed loans would look better than it is.
Every figure is of granted loans alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from underwriting.models import metrics
from underwriting.watched import Measure, Reading, Verdict, places
from underwriting.watching.bars import Bars
from underwriting.watching.judging import Judge, one_sided, two_sided

Floats = NDArray[np.float64]
ALL: Final = "all"
OF_GRANTED: Final = "granted loans alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Matured:
    """Matured loans of one group, added up."""

    name: str
    loans: int
    expected: float
    """The sum of their probabilities of default."""
    spread: float
    """The sum of pd x (1 - pd): the variance of the number of bad ones."""
    bads: int
    good_held_bad: int = 0
    """Good ones whose probability was above the mean of all."""
    bad_held_good: int = 0
    """Bad ones whose probability was not."""


def calibration(
    by_agency: Sequence[Matured], by_month: Sequence[Matured], bars: Bars
) -> tuple[Reading, ...]:
    """Read bad loans observed over expected: in all, by agency and by month of booking."""
    whole = _summed(by_month)
    parts = [("", whole), *(("agency", each) for each in by_agency)]
    parts += [("month", each) for each in by_month]
    counted = [each for _, each in parts if each.loans >= bars.loans.loans_min]
    judge = Judge(bars.chance, len(counted))
    material = bars.loans.calibration_material
    return tuple(
        in_the_large(
            Measure.CALIBRATION, each, judge, part=part, bars=(bars.loans.loans_min, material)
        )
        for part, each in parts
        if each.loans
    )


def in_the_large(
    measure: Measure, group: Matured, judge: Judge, *, part: str, bars: tuple[int, float]
) -> Reading:
    """Read one group's observed over expected; `bars` are the fewest loans and what is material."""
    loans_min, material = bars
    if group.loans < loans_min or group.expected <= 0.0:
        return Reading(
            measure=measure,
            subject=group.name,
            part=part,
            cases=group.loans,
            verdict=Verdict.TOO_FEW,
        )
    ratio = group.bads / group.expected
    error = sqrt(group.spread)
    z = (group.bads - group.expected) / error if error > 0.0 else 0.0
    interval = metrics.wilson(group.bads, group.loans)
    scale = group.loans / group.expected
    return Reading(
        measure=measure,
        subject=group.name,
        part=part,
        value=places(ratio),
        low=places(interval.low * scale),
        high=places(interval.high * scale),
        bar=places(1.0 + max(material, judge.z * error / group.expected)),
        cases=group.loans,
        verdict=judge.verdict(two_sided(z), is_material=abs(ratio - 1.0) >= material),
        detail={
            "bads": group.bads,
            "expected": f"{group.expected:.3f}",
            "of": OF_GRANTED,
        },
    )


def ranking(pds: Floats, bads: Floats, bars: Bars, *, model: str) -> tuple[Reading, ...]:
    """Read AUC and KS of matured loans against the least that is asked of a model in service."""
    if not len(bads):
        return ()
    count = int(bads.sum())
    enough = len(bads) >= bars.loans.loans_min and min(count, len(bads) - count) >= (
        bars.loans.bads_min
    )
    measures = (Measure.DISCRIMINATION, Measure.SEPARATION)
    if not enough:
        return tuple(
            Reading(measure=each, subject=model, cases=len(bads), verdict=Verdict.TOO_FEW)
            for each in measures
        )
    found = metrics.measure(pds, bads)
    ks_error = (found.intervals["ks"].high - found.intervals["ks"].low) / (2.0 * metrics.Z_95)
    parts: tuple[tuple[str, float, float, float], ...] = (
        ("auc", found.auc, found.auc_error, bars.loans.auc_min),
        ("ks", found.ks, ks_error, bars.loans.ks_min),
    )
    judge = Judge(bars.chance, 1)
    return tuple(
        Reading(
            measure=measure,
            subject=model,
            value=places(value),
            low=places(found.intervals[name].low),
            high=places(found.intervals[name].high),
            bar=places(least),
            cases=found.loans,
            verdict=_below(value, error, least, judge),
            detail={"bads": found.bads, "of": OF_GRANTED},
        )
        for measure, (name, value, error, least) in zip(measures, parts, strict=True)
    )


def _below(value: float, error: float, least: float, judge: Judge) -> Verdict:
    probability = one_sided((least - value) / error) if error > 0.0 else float(value >= least)
    return judge.verdict(probability, is_material=value < least)


def _summed(groups: Sequence[Matured]) -> Matured:
    def total(of: Callable[[Matured], float]) -> float:
        return sum(map(of, groups))

    return Matured(
        name=ALL,
        loans=sum(each.loans for each in groups),
        expected=total(lambda each: each.expected),
        spread=total(lambda each: each.spread),
        bads=sum(each.bads for each in groups),
    )
