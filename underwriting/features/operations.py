"""The operations of which features are made: each once for one row and once for whole columns.

Nothing else can stand in an expression, so a feature's text is never run as a program. Numbers
nearer than a millionth count as equal and a divisor nearer to nought than that counts as nought:
columns are floats, single rows are decimals, and 0.1 + 0.2 must be 0.3 for both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from functools import reduce
from operator import add, mul
from types import MappingProxyType
from typing import Final, cast

import polars as pl

NEAR: Final = Decimal("0.000001")
DAY: Final = 86_400_000_000
"""Microseconds; times stand as whole microseconds, which floats hold exactly."""
PARTS_MAX: Final = 100

_NEAR: Final = float(NEAR)
_DAY: Final = Decimal(DAY)
_ONE: Final = Decimal(1)
_NOUGHT: Final = Decimal(0)
_LOG_MIN: Final = NEAR - 1
"""Below it the logarithm of 1 + x runs away or is none."""

Parts = Sequence[Decimal | None]
Columns = Sequence[pl.Expr]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation with its number of parts; a part may be missing, and so may the outcome."""

    least: int
    most: int
    one: Callable[[Parts], Decimal | None]
    """Of one row."""
    many: Callable[[Columns], pl.Expr]
    """Of whole columns."""


def _if_known(
    of: Callable[[Sequence[Decimal]], Decimal | None],
) -> Callable[[Parts], Decimal | None]:
    """Let an operation be missing as soon as one of its parts is."""

    def one(parts: Parts) -> Decimal | None:
        for part in parts:
            if part is None:
                return None
        return of(cast("Sequence[Decimal]", parts))

    return one


def _of_known(of: Callable[[Sequence[Decimal]], Decimal]) -> Callable[[Parts], Decimal | None]:
    """Let an operation take the parts that are known, and be missing where none is."""

    def one(parts: Parts) -> Decimal | None:
        known = [part for part in parts if part is not None]
        return of(known) if known else None

    return one


def _flag(told: bool) -> Decimal:  # noqa: FBT001 - it is the value
    return _ONE if told else _NOUGHT


def _flags(told: pl.Expr) -> pl.Expr:
    return told.cast(pl.Float64)


def _ratio(parts: Sequence[Decimal]) -> Decimal | None:
    above, below = parts
    return None if abs(below) < NEAR else above / below


def _ratios(parts: Columns) -> pl.Expr:
    above, below = parts
    return pl.when(below.abs() >= _NEAR).then(above / below)


def _share(parts: Sequence[Decimal]) -> Decimal | None:
    return _ratio((parts[0], sum(parts, _NOUGHT)))


def _shares(parts: Columns) -> pl.Expr:
    return _ratios((parts[0], reduce(add, parts)))


def _log1p(parts: Sequence[Decimal]) -> Decimal | None:
    (part,) = parts
    return None if part < _LOG_MIN else (part + 1).ln()


def _log1ps(parts: Columns) -> pl.Expr:
    (part,) = parts
    return pl.when(part >= float(_LOG_MIN)).then(part.log1p())


def _sqrt(parts: Sequence[Decimal]) -> Decimal | None:
    (part,) = parts
    return None if part < 0 else part.sqrt()


def _sqrts(parts: Columns) -> pl.Expr:
    (part,) = parts
    return pl.when(part >= 0).then(part.sqrt())


def _within(parts: Sequence[Decimal]) -> Decimal | None:
    part, low, high = parts
    return part if low - NEAR <= part <= high + NEAR else None


def _withins(parts: Columns) -> pl.Expr:
    part, low, high = parts
    return pl.when((part >= low - _NEAR) & (part <= high + _NEAR)).then(part)


def _clip(parts: Sequence[Decimal]) -> Decimal:
    part, low, high = parts
    return min(max(part, low), high)


def _clips(parts: Columns) -> pl.Expr:
    part, low, high = parts
    above = pl.when(part > low).then(part).when(part.is_not_null()).then(low)
    return pl.when(above < high).then(above).when(above.is_not_null()).then(high)


def _first_known(parts: Parts) -> Decimal | None:
    for part in parts:
        if part is not None:
            return part
    return None


def _known_sum(parts: Columns) -> pl.Expr:
    known = pl.any_horizontal([part.is_not_null() for part in parts])
    return pl.when(known).then(pl.sum_horizontal(parts, ignore_nulls=True))


OPERATIONS: Final[Mapping[str, Operation]] = MappingProxyType({
    "sum": Operation(
        least=1, most=PARTS_MAX, one=_if_known(lambda parts: sum(parts, _NOUGHT)),
        many=lambda parts: reduce(add, parts),
    ),
    "sum_known": Operation(
        least=1, most=PARTS_MAX, one=_of_known(lambda parts: sum(parts, _NOUGHT)), many=_known_sum,
    ),
    "mean_known": Operation(
        least=1, most=PARTS_MAX, one=_of_known(lambda parts: sum(parts, _NOUGHT) / len(parts)),
        many=lambda parts: pl.mean_horizontal(parts, ignore_nulls=True),
    ),
    "min": Operation(least=1, most=PARTS_MAX, one=_of_known(min), many=pl.min_horizontal),
    "max": Operation(least=1, most=PARTS_MAX, one=_of_known(max), many=pl.max_horizontal),
    "difference": Operation(
        least=2, most=2, one=_if_known(lambda parts: parts[0] - parts[1]),
        many=lambda parts: parts[0] - parts[1],
    ),
    "product": Operation(
        least=1, most=PARTS_MAX, one=_if_known(lambda parts: reduce(mul, parts)),
        many=lambda parts: reduce(mul, parts),
    ),
    "ratio": Operation(least=2, most=2, one=_if_known(_ratio), many=_ratios),
    "share_of": Operation(least=2, most=PARTS_MAX, one=_if_known(_share), many=_shares),
    "log1p": Operation(least=1, most=1, one=_if_known(_log1p), many=_log1ps),
    "sqrt": Operation(least=1, most=1, one=_if_known(_sqrt), many=_sqrts),
    "abs": Operation(
        least=1, most=1, one=_if_known(lambda parts: abs(parts[0])),
        many=lambda parts: parts[0].abs(),
    ),
    "negative": Operation(
        least=1, most=1, one=_if_known(lambda parts: -parts[0]), many=lambda parts: -parts[0],
    ),
    "floor": Operation(
        least=1, most=1,
        one=_if_known(lambda parts: (parts[0] + NEAR).to_integral_value(ROUND_FLOOR)),
        many=lambda parts: (parts[0] + _NEAR).floor(),
    ),
    "within": Operation(least=3, most=3, one=_if_known(_within), many=_withins),
    "clip": Operation(least=3, most=3, one=_if_known(_clip), many=_clips),
    "if_missing": Operation(least=2, most=PARTS_MAX, one=_first_known, many=pl.coalesce),
    "count_known": Operation(
        least=1, most=PARTS_MAX,
        one=lambda parts: Decimal(sum(part is not None for part in parts)),
        many=lambda parts: pl.sum_horizontal([_flags(part.is_not_null()) for part in parts]),
    ),
    "is_missing": Operation(
        least=1, most=1, one=lambda parts: _flag(parts[0] is None),
        many=lambda parts: _flags(parts[0].is_null()),
    ),
    "is_known": Operation(
        least=1, most=1, one=lambda parts: _flag(parts[0] is not None),
        many=lambda parts: _flags(parts[0].is_not_null()),
    ),
    "at_least": Operation(
        least=2, most=2, one=_if_known(lambda parts: _flag(parts[0] >= parts[1] - NEAR)),
        many=lambda parts: _flags(parts[0] >= parts[1] - _NEAR),
    ),
    "at_most": Operation(
        least=2, most=2, one=_if_known(lambda parts: _flag(parts[0] <= parts[1] + NEAR)),
        many=lambda parts: _flags(parts[0] <= parts[1] + _NEAR),
    ),
    "equals": Operation(
        least=2, most=2, one=_if_known(lambda parts: _flag(abs(parts[0] - parts[1]) <= NEAR)),
        many=lambda parts: _flags((parts[0] - parts[1]).abs() <= _NEAR),
    ),
    "every": Operation(
        least=1, most=PARTS_MAX, one=_if_known(lambda parts: _flag(all(part == 1 for part in parts))),
        many=lambda parts: reduce(mul, [_flags(part == 1) for part in parts]),
    ),
    "any": Operation(
        least=1, most=PARTS_MAX, one=_of_known(lambda parts: _flag(any(part == 1 for part in parts))),
        many=lambda parts: pl.max_horizontal([_flags(part == 1) for part in parts]),
    ),
    "not": Operation(
        least=1, most=1, one=_if_known(lambda parts: _flag(parts[0] != 1)),
        many=lambda parts: _flags(parts[0] != 1),
    ),
    "days": Operation(
        least=2, most=2, one=_if_known(lambda parts: (parts[0] - parts[1]) / _DAY),
        many=lambda parts: (parts[0] - parts[1]) / float(DAY),
    ),
})  # fmt: skip
