"""How far the people of today are from those of the model's first days: score and figures. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from underwriting.models import stability
from underwriting.models.stability import Stability
from underwriting.watched import Measure, Reading, Verdict, places
from underwriting.watching.bars import Bars
from underwriting.watching.judging import Judge

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Decisions of one time by one model."""

    pds: Floats
    figures: Mapping[str, Floats]
    """By name, NaN where there is none; every figure has as many rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What is compared."""

    model: str
    reference: Sample
    current: Sample


def readings(decided: Decided, bars: Bars) -> tuple[Reading, ...]:
    """Read the drift of the score and of each figure."""
    names = sorted(set(decided.reference.figures) & set(decided.current.figures))
    scores = _read(
        Measure.SCORE_DRIFT,
        {decided.model: (decided.reference.pds, decided.current.pds)},
        bars,
    )
    figures = _read(
        Measure.FIGURE_DRIFT,
        {name: (decided.reference.figures[name], decided.current.figures[name]) for name in names},
        bars,
    )
    return (*scores, *figures)


def _read(
    measure: Measure, pairs: Mapping[str, tuple[Floats, Floats]], bars: Bars
) -> tuple[Reading, ...]:
    judge = Judge(bars.chance, len(pairs))
    found = []
    for subject, (reference, current) in pairs.items():
        if min(len(reference), len(current)) < bars.drift.cases_min:
            too_few = Reading(
                measure=measure, subject=subject, cases=len(current), verdict=Verdict.TOO_FEW
            )
            found.append(too_few)
            continue
        index = stability.psi(reference, current)
        found.append(_judged(measure, subject, index, judge, material=bars.drift.material))
    return tuple(found)


def _judged(
    measure: Measure, subject: str, index: Stability, judge: Judge, *, material: float
) -> Reading:
    def chance(probability: float) -> float:
        return stability.threshold(
            index.expected, index.actual, bins=index.bins, sure=1.0 - probability
        )

    bar = chance(judge.alarm)
    # The index is compared with quantiles: its own tail need not be worked out.
    is_material = index.value >= material
    probability = 1.0
    for at in (judge.chance.notice, judge.alarm):
        if index.value > chance(at):
            probability = at
    return Reading(
        measure=measure,
        subject=subject,
        value=places(index.value),
        low=places(index.interval.low),
        high=places(index.interval.high),
        bar=places(max(bar, material)),
        cases=index.actual,
        verdict=judge.verdict(probability, is_material=is_material),
        detail={"reference": index.expected, "bins": index.bins, "chance": f"{bar:.6f}"},
    )
