"""Integer arithmetic on whole columns, rounded as `Money` rounds; no fen rests on a float."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

FEN_SAFE: Final = 10**12
"""Ten thousand million yuan; a dossier with a larger amount is decided alone."""
INT64_MAX: Final = 2**63 - 1
MICRO: Final = 1_000_000
_NEAR: Final = 2.0**-48
"""A product of a few floats is closer than this part of itself to the exact one."""


class NotInColumns(Exception):
    """A number of the policy has more digits than 64 bits leave room for."""


def half_up(top: Whole, bottom: Whole | int) -> Whole:
    """Divide and round half-up; neither is negative, and twice the top fits into 64 bits."""
    return (2 * top + bottom) // (2 * bottom)


def times(fen: Whole, factor: Decimal) -> Whole:
    """Multiply amounts from zero to `FEN_SAFE` as `Money.times` does.

    Raises:
        NotInColumns: the factor has too many digits.
    """
    num, den = factor.as_integer_ratio()
    if 2 * FEN_SAFE * num + den > INT64_MAX:
        raise NotInColumns(f"a factor of {factor} is too fine")
    return half_up(fen * num, den)


def floor_times(fen: Whole, factor: Fraction) -> Whole:
    """Multiply amounts from zero on and round down, whatever the size of the quotient's terms.

    A float says nearly what it is; where that could decide, whole numbers do.
    """
    near = fen * (factor.numerator / factor.denominator)
    made: Whole = np.floor(near).astype(np.int64)
    unsure = np.abs(near - np.rint(near)) <= (near + 1.0) * _NEAR
    for place in np.flatnonzero(unsure):
        made[place] = int(fen[place]) * factor.numerator // factor.denominator
    return made


def micros(values: Floats) -> Whole:
    """Count millionths of finite numbers as ``f"{value:.6f}"`` rounds them."""
    scaled = values * MICRO
    made = np.rint(scaled).astype(np.int64)
    unsure = np.abs(np.abs(scaled - np.floor(scaled)) - 0.5) <= (np.abs(scaled) + 1.0) * _NEAR
    for place in zip(*np.nonzero(unsure), strict=True):
        made[place] = int(Decimal(f"{float(values[place]):.6f}").scaleb(6))
    return made


def fits(*factors: Whole | float) -> Flags:
    """Tell where a product of numbers from zero on stays far below what 64 bits hold."""
    product: Floats = np.ones(1)
    for factor in factors:
        product = product * np.asarray(factor, dtype=np.float64)
    found: Flags = product < 2.0**61
    return found
