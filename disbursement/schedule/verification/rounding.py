"""The ways other engines round, by the names the cases give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Final

from disbursement.schedule.factors import down, half_up
from disbursement.schedule.verification.cases import NotComputable
from kernel.rates import CONTEXT

Rounding = Callable[[Fraction], int]


def half_even(value: Fraction) -> int:
    """Round to a whole number, a half to the even neighbour."""
    return round(value)


def up(value: Fraction) -> int:
    """Round to a whole number away towards plus infinity."""
    return -((-value.numerator) // value.denominator)


def half_down(value: Fraction) -> int:
    """Round to a whole number, a half downwards."""
    return -half_up(-value)


NAMED: Final[Mapping[str, Rounding]] = {
    "half_up": half_up,
    "half_even": half_even,
    "half_down": half_down,
    "up": up,
    "ceiling": up,
    "down": down,
    "floor": down,
    "rounded up": up,
    "rounded down": down,
    "round using AwayFromZero": half_up,
    "round using ToEven": half_even,
    "ceil_instalment_to_whole_unit": half_up,
}


def named(name: object) -> Rounding:
    """Find a way of rounding by its name.

    Raises:
        NotComputable: nobody here knows it.
    """
    found = NAMED.get(str(name))
    if found is None:
        raise NotComputable(f"unknown rounding {name!r}")
    return found


def to_multiple(by: Rounding, step: int) -> Rounding:
    """Round to multiples of `step` instead of ones."""
    return lambda value: by(value / step) * step


def to_digits(value: Decimal, digits: int) -> Decimal:
    """Round a Decimal half-up to so many digits after the point."""
    return value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP, context=CONTEXT)
