"""What a benchmark gives back, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.yardsticks import Machine, Yardstick


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What a ratio must reach, or stay under."""

    bound: float
    is_floor: bool

    def is_met(self, ratio: float) -> bool:
        return ratio >= self.bound if self.is_floor else ratio <= self.bound

    def __str__(self) -> str:
        return f"{'>=' if self.is_floor else '<='} {self.bound:.2f}"


def at_least(bound: float) -> Bar:
    """Make the bar of a throughput: ours over the bare one's."""
    return Bar(bound=bound, is_floor=True)


def at_most(bound: float) -> Bar:
    """Make the bar of a duration: ours over the bare one's."""
    return Bar(bound=bound, is_floor=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The ratios of one case, one a round, and what the machine did beside it."""

    benchmark: str
    case: str
    ratios: tuple[float, ...]
    """Empty when the case could not be measured; the notes say why."""
    bar: Bar | None
    """None: shown for comparison only."""
    yardstick: Yardstick | None = None
    notes: str = ""

    @property
    def verdict(self) -> str:
        """Whether the median meets the bar, and by how much it misses."""
        if not self.ratios:
            return "not run"
        if self.bar is None:
            return "no bar"
        middle = median(self.ratios)
        if self.bar.is_met(middle):
            return "ok"
        missing = abs(middle - self.bar.bound) / self.bar.bound
        return f"MISSED by {missing:.0%}" if missing >= 0.01 else "MISSED by <1%"

    def as_plain(self) -> dict[str, Any]:
        """Give the row for a JSON file."""
        return {
            "benchmark": self.benchmark,
            "case": self.case,
            "bar": None if self.bar is None else str(self.bar),
            "rounds": len(self.ratios),
            "min": min(self.ratios, default=None),
            "median": median(self.ratios) if self.ratios else None,
            "max": max(self.ratios, default=None),
            "ratios": list(self.ratios),
            "verdict": self.verdict,
            "yardstick": None if self.yardstick is None else self.yardstick.as_plain(),
            "notes": self.notes,
        }


_HEADINGS = ("benchmark", "case", "bar", "median", "min", "max", "n", "verdict")
_RIGHT = frozenset({"median", "min", "max", "n"})


def lines(machine: Machine, rows: Sequence[Row]) -> Iterable[str]:
    """Lay the rows out as text: one line of ratios and one of notes for each."""
    cells = [_HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[k]) for line in cells) for k in range(len(_HEADINGS))]
    yield f"machine: {machine}"
    yield ""
    yield _laid_out(cells[0], widths)
    yield _laid_out(tuple("-" * width for width in widths), widths)
    for row, line in zip(rows, cells[1:], strict=True):
        yield _laid_out(line, widths)
        beside = [row.notes, "" if row.yardstick is None else str(row.yardstick)]
        yield "    " + "; ".join(part for part in beside if part)


def _cells(row: Row) -> tuple[str, ...]:
    figures = (median(row.ratios), min(row.ratios), max(row.ratios)) if row.ratios else ()
    return (
        row.benchmark,
        row.case,
        "" if row.bar is None else str(row.bar),
        *(f"{figure:.2f}" for figure in figures),
        *([""] * (3 - len(figures))),
        str(len(row.ratios)),
        row.verdict,
    )


def _laid_out(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(
        cell.rjust(width) if heading in _RIGHT else cell.ljust(width)
        for heading, cell, width in zip(_HEADINGS, cells, widths, strict=True)
    ).rstrip()
