"""Suggesting what a payment without its key may belong to; a person decides, nothing is closed.

Equal amounts to one card are common, so a suggestion is a hint and never a match.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

DAYS_APART_MAX = 3


class Loose(NamedTuple):
    """A payment that only one side has: its number in the table compared, and what is known."""

    number: int
    fen: int
    card: str
    day: date


def suggest(ours: Iterable[Loose], theirs: Iterable[Loose]) -> Mapping[int, tuple[int, ...]]:
    """Give for each of our loose payments the channel's with the same amount, card and about day."""
    by_content: dict[tuple[int, str], list[Loose]] = defaultdict(list)
    for other in theirs:
        by_content[other.fen, other.card].append(other)
    return {
        one.number: found
        for one in ours
        if (
            found := tuple(
                other.number for other in by_content[one.fen, one.card] if _near(one, other)
            )
        )
    }


def _near(one: Loose, other: Loose) -> bool:
    return abs((one.day - other.day).days) <= DAYS_APART_MAX
