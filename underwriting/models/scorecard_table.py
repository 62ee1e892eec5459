"""A scorecard as the table that a person reads: one row for each bin of each figure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np

from underwriting.models.scorecard import CODE_MARK, Line, Scorecard

OTHERS: Final = "all others"
MISSING: Final = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One bin of one figure: who is in it, what it showed and what it is worth."""

    figure: str
    label: str
    loans: int
    bads: int
    evidence: float
    """Log-odds of default less those of all loans; above 0 is worse than the average."""
    points: float

    def to_plain(self) -> dict[str, Any]:
        """Spell the row as people read it."""
        return {
            "figure": self.figure,
            "label": self.label,
            "loans": self.loans,
            "bads": self.bads,
            "evidence": f"{self.evidence:.6f}",
            "points": f"{self.points:.2f}",
        }


def attributes(card: Scorecard) -> tuple[Attribute, ...]:
    """Give every bin of the card in the order of its lines.

    The points of one bin of each figure and the card's `points("")` add to the score.
    """
    return tuple(
        Attribute(
            figure=line.name,
            label=label,
            loans=line.bins.loans[place],
            bads=line.bins.bads[place],
            evidence=line.bins.evidence[place],
            points=points,
        )
        for line in card.lines
        for place, (label, points) in enumerate(
            zip(_labels(line), _points(card, line), strict=True)
        )
    )


def _points(card: Scorecard, line: Line) -> list[float]:
    found = -card.scale.factor * line.parts(np.arange(len(line.bins.evidence)))
    return [float(each) for each in found]


def _labels(line: Line) -> Iterator[str]:
    yield from _levels(line) if line.levels else _ranges(line.bins.edges)
    yield MISSING
    for code in line.codes:
        yield f"code {code.partition(CODE_MARK)[2]}"


def _ranges(edges: tuple[float, ...]) -> Iterator[str]:
    if not edges:
        yield "any value"
        return
    yield f"up to {edges[0]:g}"
    for low, high in pairwise(edges):
        yield f"above {low:g}, up to {high:g}"
    yield f"above {edges[-1]:g}"


def _levels(line: Line) -> Iterator[str]:
    """Name the words of each bin; their ranks are whole numbers and the edges lie between."""
    ends = [int(edge) + 1 for edge in line.bins.edges]
    for start, end in zip([0, *ends], [*ends, len(line.levels)], strict=True):
        yield ", ".join(word or OTHERS for word in line.levels[start:end])
