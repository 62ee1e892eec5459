"""Comparing what was expected with what came out, cell by cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from disbursement.schedule.verification.cases import Strength

MISSING: Final = "not computed"
_DIGITS_MAX: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first cell that is not as expected."""

    cell: str
    """Where: ``rows[3].interest``, ``totals.fees``, ``apr.pct``."""
    expected: str
    found: str


def first_difference(
    expected: Mapping[str, Any], found: Mapping[str, Any], *, strength: Strength
) -> Difference | None:
    """Find the first cell that differs by more than the strength allows."""
    return next(_differences("", expected, found, strength), None)


def _differences(
    path: str, expected: object, found: object, strength: Strength
) -> Iterator[Difference]:
    if isinstance(expected, Mapping):
        inside = found if isinstance(found, Mapping) else {}
        for key, value in expected.items():
            where = f"{path}.{key}" if path else str(key)
            yield from _differences(where, value, inside.get(key, MISSING), strength)
    elif isinstance(expected, list):
        listed = found if isinstance(found, Sequence) and not isinstance(found, str) else []
        for position, value in enumerate(expected):
            other = listed[position] if position < len(listed) else MISSING
            yield from _differences(f"{path}[{position + 1}]", value, other, strength)
        if len(listed) > len(expected):
            yield Difference(
                cell=f"{path} count", expected=str(len(expected)), found=str(len(listed))
            )
    elif not _same(expected, found, strength):
        yield Difference(cell=path, expected=str(expected), found=str(found))


def _same(expected: object, found: object, strength: Strength) -> bool:
    if expected is None:
        # The source does not state this cell.
        return True
    first, second = _number(expected), _number(found)
    if first is None or second is None:
        return str(expected) == str(found)
    return strength.allows(first, second)


def _number(value: object) -> Decimal | None:
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found.adjusted()) < _DIGITS_MAX else None
