"""Batches from file to file, some thousand dossiers at a time, so that memory stays bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from kernel.clock import business_day
from underwriting import policy
from underwriting.batch import reading
from underwriting.batch.assessing import Assessor
from underwriting.batch.columns import Columns, instant, part
from underwriting.batch.exact import MICRO
from underwriting.batch.parsing import BatchFaulty
from underwriting.batch.results import Decided
from underwriting.batch.scores import BatchScorer
from underwriting.batch.screening import business_days

ROWS_AT_ONCE: Final = 32_768
ROWS_MAX: Final = 20_000_000
HEADER_BYTES_MAX: Final = 65_536
PARQUET: Final = ".parquet"
CSV: Final = ".csv"


@dataclass(slots=True)
class Summary:
    """What a batch came to."""

    dossiers: int = 0
    alone: int = 0
    """Those that were decided one by one."""
    outcomes: Counter[str] = field(default_factory=Counter)
    policies: Counter[str] = field(default_factory=Counter)

    def add(self, decided: Decided) -> None:
        """Count some decisions."""
        self.dossiers += decided.count
        self.alone += len(decided.alone)
        self.outcomes.update(decided.outcomes())
        self.policies[decided.policy.version] += decided.count


def run(
    source: Path, target: Path, scorer: BatchScorer, *, tell: Callable[[int, int | None], None]
) -> Summary:
    """Decide on every dossier of a file by the policy of its day, and write the decisions.

    `tell` is called with the dossiers that are done and, where that is known, with all of them.
    Nothing is left at `target` unless all of it is.

    Raises:
        BatchFaulty: a file cannot be read or written, or a row cannot be understood.
        NoSuchPolicy: a dossier is older than the first policy.
    """
    summary = Summary()
    assessors: dict[str, Assessor] = {}
    with _writing(target) as sink:
        for frame, total in _read(source):
            if summary.dossiers + frame.height > ROWS_MAX:
                raise BatchFaulty(f"more than {ROWS_MAX:,} dossiers in one file")
            columns = reading.read(frame, first_row=summary.dossiers + 1)
            sink.write(_decide(columns, scorer, assessors, summary))
            tell(summary.dossiers, total)
        if not summary.dossiers:
            raise BatchFaulty(f"{source.name} holds no dossier")
    return summary


def _decide(
    columns: Columns, scorer: BatchScorer, assessors: dict[str, Assessor], summary: Summary
) -> pl.DataFrame:
    """Decide by the policy in force on each dossier's day, and keep the order."""
    days, day_at = np.unique(business_days(columns), return_inverse=True)
    versions = []
    for day in days.tolist():
        rules = policy.in_force(business_day(instant(day * 86_400 * MICRO)))
        versions.append(rules.version)
        assessors.setdefault(rules.version, Assessor(rules, scorer))
    version_at = np.array(versions, dtype=np.object_)[day_at]
    tables, places = [], []
    for version in dict.fromkeys(versions):
        rows = np.flatnonzero(version_at == version)
        those = columns if len(rows) == columns.count else part(columns, rows)
        decided = assessors[version].assess(those)
        summary.add(decided)
        tables.append(decided.frame())
        places.append(rows)
    if len(tables) == 1:
        return tables[0]
    place = pl.Series("place", np.concatenate(places))
    return pl.concat(tables).with_columns(place).sort("place").drop("place")


def _read(source: Path) -> Iterator[tuple[pl.DataFrame, int | None]]:
    """Give the rows of a file, some at a time, and how many there are where that is known."""
    match source.suffix:
        case ".parquet":
            yield from _read_parquet(source)
        case ".csv":
            yield from _read_csv(source)
        case _:
            raise BatchFaulty(f"{source.name}: a batch is a file in {CSV} or {PARQUET}")


def _read_parquet(source: Path) -> Iterator[tuple[pl.DataFrame, int | None]]:
    try:
        scanned = pl.scan_parquet(source)
        total = scanned.select(pl.len()).collect().item()
        for first in range(0, total, ROWS_AT_ONCE):
            yield scanned.slice(first, ROWS_AT_ONCE).collect(), total
    except (OSError, PolarsError) as fault:
        raise BatchFaulty(f"{source.name} cannot be read: {type(fault).__name__}") from None


def _read_csv(source: Path) -> Iterator[tuple[pl.DataFrame, int | None]]:
    try:
        with source.open("rb") as opened:
            header = opened.readline(HEADER_BYTES_MAX)
            if not header.endswith(b"\n"):
                raise BatchFaulty(f"{source.name} holds no dossier, or its header has no end")
            done = 0
            while lines := _lines(opened, header.count(b","), done):
                yield _parsed(header, lines, first_row=done + 1), None
                done += len(lines)
    except OSError as fault:
        raise BatchFaulty(f"{source.name} cannot be read: {fault.strerror}") from None


def _lines(opened: BinaryIO, commas: int, done: int) -> list[bytes]:
    """Take the next lines; none may have fewer fields than the header."""
    found: list[bytes] = []
    for line in opened:
        if line.strip() and line.count(b",") < commas:
            raise BatchFaulty(f"row {done + len(found) + 1}: fewer fields than the header")
        found.append(line)
        if len(found) == ROWS_AT_ONCE:
            break
    return found


def _parsed(header: bytes, lines: list[bytes], *, first_row: int) -> pl.DataFrame:
    content = BytesIO(header + b"".join(lines))
    try:
        frame = pl.read_csv(content, infer_schema=False, encoding="utf8")
    except PolarsError as fault:
        raise BatchFaulty(f"after row {first_row - 1}: {type(fault).__name__}") from None
    if frame.height != len(lines):
        raise BatchFaulty(f"after row {first_row - 1}: a field runs over several lines")
    return frame


class _Sink(Protocol):
    """Something that takes tables, one after the other."""

    def write(self, frame: pl.DataFrame) -> None:
        """Take one more."""
        ...

    def finish(self) -> None:
        """Put everything where it belongs."""
        ...


@contextmanager
def _writing(target: Path) -> Iterator[_Sink]:
    """Write beside the target first, so that half a file never stands for a whole one."""
    if target.suffix not in {CSV, PARQUET}:
        raise BatchFaulty(f"{target.name}: decisions are written in {CSV} or {PARQUET}")
    if target.exists():
        raise BatchFaulty(f"{target.name} is there already")
    beside = target.with_name(f".{target.name}.part")
    try:
        with beside.open("wb") as opened:
            sink: _Sink = _Lines(opened) if target.suffix == CSV else _Parquet(opened)
            yield sink
            sink.finish()
        beside.rename(target)
    except OSError as fault:
        raise BatchFaulty(f"{target.name} cannot be written: {fault.strerror}") from None
    finally:
        beside.unlink(missing_ok=True)


class _Lines:
    """Writes CSV as it comes."""

    def __init__(self, opened: BinaryIO) -> None:
        self._opened = opened
        self._begun = False

    def write(self, frame: pl.DataFrame) -> None:
        frame.write_csv(self._opened, include_header=not self._begun)
        self._begun = True

    def finish(self) -> None:
        """Everything is written."""


class _Parquet:
    """Keeps decisions, some hundred bytes each, until all are there, and writes them at once."""

    def __init__(self, opened: BinaryIO) -> None:
        self._opened = opened
        self._kept: list[pl.DataFrame] = []

    def write(self, frame: pl.DataFrame) -> None:
        self._kept.append(frame)

    def finish(self) -> None:
        if self._kept:
            pl.concat(self._kept).write_parquet(self._opened)
