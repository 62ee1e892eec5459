"""What contributions are measured from: the people whom the policy lends to.

TreeSHAP measures from the average of everybody the model learnt from. A debtor who is declined asks
what sets him apart from those who are not, so the average contributions of those are taken off.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import numpy as np

from underwriting.models.calibration import Floats

ROWS_MAX: Final = 2_000
"""Evenly spaced; the average of so many is known to a hundredth of what it varies by."""


def sample(count: int) -> list[int]:
    """Name the rows, of so many, that the average is taken of."""
    taken = min(ROWS_MAX, count)
    return [place * count // taken for place in range(taken)]


def of(explained: Floats, pds: Floats, *, pd_max: Decimal) -> dict[str, Any]:
    """Give the average contributions of those up to a probability of default, for a manifest."""
    approved = explained[pds <= float(pd_max), :-1]
    parts = approved.mean(axis=0) if len(approved) else np.zeros(explained.shape[1] - 1)
    return {
        "pd_max": str(pd_max),
        "rows": len(approved),
        "parts": [f"{part:.6f}" for part in parts.tolist()],
    }


def read(plain: object, *, width: int) -> Floats:
    """Read what is taken off each contribution; nothing where a manifest is older than baselines.

    Raises:
        KeyError, TypeError, ValueError: the manifest misspells it.
    """
    if plain is None:
        return np.zeros(width)
    if not isinstance(plain, dict):
        raise TypeError("a baseline is an object")
    found: Floats = np.array([float(text) for text in plain["parts"]], dtype=np.float64)
    if found.shape != (width,) or not np.isfinite(found).all():
        raise ValueError("a baseline has a number for each feature")
    return found


def taken_off(explained: Floats, parts: Floats) -> Floats:
    """Measure from the baseline: what is taken off a feature is added to the bias.

    Works on one row and on many alike; the parts with the bias still add up to the margin.
    """
    found = explained.copy()
    found[..., :-1] -= parts
    found[..., -1] += parts.sum()
    return found
