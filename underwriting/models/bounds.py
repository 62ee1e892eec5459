"""An upper bound of the probability of default, from how many loans stand behind each level of it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal
from typing import Final

import numpy as np

from underwriting.models import metrics
from underwriting.models.calibration import Floats

BINS: Final = 10
Z_90: Final = 1.281552
"""The true share of bads of a bin lies above its bound one time in ten."""
STEP: Final = Decimal("0.000001")

Points = Sequence[Sequence[str]]


def points(pds: Floats, bads: Floats) -> list[list[str]]:
    """Give mean probability and upper bound of bins of equal count, both rising.

    The bound of a bin is the upper end of Wilson's interval of its share of bads, never below its
    own mean nor below the bound of a bin before it.
    """
    order = np.argsort(pds, kind="stable")
    found: list[list[str]] = []
    highest = Decimal(0)
    for part in np.array_split(order, min(BINS, len(pds))):
        mean = _up(float(pds[part].mean()))
        upper = metrics.wilson(int(bads[part].sum()), len(part), z=Z_90).high
        highest = max(highest, mean, _up(upper))
        if found and Decimal(found[-1][0]) == mean:
            found.pop()
        found.append([str(mean), str(highest)])
    return found


def upper(at: Points, pd: Decimal) -> Decimal:
    """Give the bound of a probability: between the points a straight line, never below `pd`.

    Below the first point its bound holds; above the last the line runs to (1, 1).

    >>> upper([["0.1", "0.2"], ["0.3", "0.5"]], Decimal("0.2"))
    Decimal('0.350000')
    """
    known = [(Decimal(mean), Decimal(bound)) for mean, bound in at]
    if not known:
        return pd
    known.append((Decimal(1), Decimal(1)))
    left, low = known[0]
    if pd <= left:
        return max(pd, low)
    for right, high in known[1:]:
        if pd <= right and right > left:
            share = (pd - left) / (right - left)
            line = low + (high - low) * share
            return max(pd, line.quantize(STEP, rounding=ROUND_CEILING))
        left, low = right, high
    return pd


def _up(value: float) -> Decimal:
    return min(Decimal(1), Decimal(repr(value)).quantize(STEP, rounding=ROUND_CEILING))
