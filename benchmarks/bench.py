"""What every benchmark is given, and the order in which both sides take turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Measured = TypeVar("Measured")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where and how long to measure."""

    server_url: str
    folder: Path
    """For scripts."""
    disk: Path | None
    """A folder on the server's disk to see how fast that is; None leaves this yardstick out."""
    seconds: int
    """Length of one measured stretch against the database."""
    rounds: int
    clients: int
    """How many work at the same time, of either side."""
    people: int
    """Generated debtors to assess, and to learn from each month."""
    dossiers: int
    """Dossiers to decide on at once."""
    loans: int
    """Generated loans whose schedules are made at once."""
    legs: int
    """Payouts of one round through the saga."""
    open_loans: tuple[int, ...]
    """Sizes of the stock whose day is closed, the smallest first."""
    say: Callable[[str], None]
    """Shows progress."""


def take_turns(
    ours: Callable[[], Measured], theirs: Callable[[], Measured], *, rounds: int
) -> Sequence[tuple[Measured, Measured]]:
    """Measure ours, theirs, ours, theirs ...: what slows the machine down meets both."""
    return [(ours(), theirs()) for _ in range(rounds)]
