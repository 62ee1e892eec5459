"""Lists of reasons in columns: for each dossier the first few, each once, in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from underwriting.batch.exact import Flags, Whole
from underwriting.reasons import REASONS_MAX, Reason

REASONS: Final = (None, *Reason)
"""A reason's number is its place here; 0 is none."""
CODES: Final[Mapping[Reason, int]] = {
    reason: place for place, reason in enumerate(REASONS) if reason is not None
}

Numbers = NDArray[np.uint8]


class Listed:
    """The first `most` reasons of each dossier."""

    def __init__(self, count: int, most: int = REASONS_MAX) -> None:
        self.numbers: Numbers = np.zeros((count, most), dtype=np.uint8)
        self.length: Whole = np.zeros(count, dtype=np.int64)

    def add(self, where: Flags | Whole, reason: Reason | Numbers) -> None:
        """Append a reason to some dossiers, or to each its own (0 appends nothing)."""
        rows = np.flatnonzero(where) if where.dtype == np.bool_ else where
        number: Numbers = (
            np.full(len(rows), CODES[reason], dtype=np.uint8)
            if isinstance(reason, Reason)
            else reason[rows]
        )
        known = (self.numbers[rows] == number[:, None]).any(axis=1)
        fresh = ~known & (self.length[rows] < self.numbers.shape[1]) & (number != 0)
        rows = rows[fresh]
        self.numbers[rows, self.length[rows]] = number[fresh]
        self.length[rows] += 1

    def extend(self, where: Flags | Whole, others: Numbers) -> None:
        """Append lists; `others` has a line for every dossier."""
        for place in range(others.shape[1]):
            self.add(where, np.ascontiguousarray(others[:, place]))

    def first(self, most: int = REASONS_MAX) -> Numbers:
        """Give the first few."""
        return self.numbers[:, :most]


def told(numbers: Numbers) -> tuple[Reason, ...]:
    """Name the reasons of one dossier."""
    return tuple(reason for number in numbers if (reason := REASONS[number]) is not None)
