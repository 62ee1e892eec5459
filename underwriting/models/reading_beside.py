"""The second files of a data set: found, put together, joined, and named when a cell is faulty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import polars as pl

from underwriting.features.cells import CellFaulty
from underwriting.features.histories import Drawn
from underwriting.models.reading_text import LINE, text_of, with_declared_times
from underwriting.models.spec_features import Declared
from underwriting.models.spec_sets import EventsFile, Lookup, Panel, SetReading, SetSpec
from underwriting.models.training_file import TrainingFileFaulty

Aux = Mapping[str, Sequence[Path]]
"""Second files by name; several parts of one name are put together, equal rows once."""

_PART: Final = "_part_of_the_file"


class Second(NamedTuple):
    """The rows of a second file, each with its part and its place in it."""

    rows: pl.DataFrame
    parts: tuple[str, ...]
    """The names of the files that were put together."""

    def place(self, part: int, line: int, column: str) -> str:
        """Name a cell."""
        return f"{self.parts[part]}: column {column}: row {line}"


def beside(spec: SetSpec, paths: Sequence[Path], aux: Aux) -> Aux:
    """Name the second files of some files: those that are given, else those that lie beside."""
    found = {name: list(parts) for name, parts in aux.items()}
    for each in _wanted(spec.reading):
        if each.name not in found:
            there = dict.fromkeys(path.parent / each.file for path in paths)
            found[each.name] = [path for path in there if path.is_file()]
    return {name: parts for name, parts in found.items() if parts}


def read(path: Path, reading: SetReading, declared: Declared, aux: Aux) -> dict[str, Second]:
    """Read the second files of a file.

    Raises:
        TrainingFileFaulty: one is missing, unknown, cannot be read or lacks a column.
    """
    unknown = sorted(set(aux) - {each.name for each in _wanted(reading)})
    if unknown:
        raise TrainingFileFaulty(f"the spec knows no second file named: {', '.join(unknown)}")
    found = {}
    for each in _wanted(reading):
        parts = list(aux.get(each.name, ()))
        near = path.parent / each.file
        if not parts and not near.is_file():
            raise TrainingFileFaulty(
                f"{path.name} needs the second file {each.name}: name it by "
                f"--aux {each.name}=FILE or put {each.file} beside it"
            )
        found[each.name] = _put_together(each, parts or [near], reading, declared)
    return found


def joined(
    frame: pl.DataFrame, files: Mapping[str, Second], reading: SetReading
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Add the columns of lookups, and count by file the rows of which it knows nothing."""
    unknown: dict[str, int] = {}
    for lookup in reading.lookups:
        first = (
            files[lookup.name]
            .rows.select(
                lookup.key,
                *lookup.columns,
                pl.col(LINE).alias(_line(lookup.name)),
                pl.col(_PART).alias(_part(lookup.name)),
            )
            .unique(lookup.key, keep="first", maintain_order=True)
        )
        frame = frame.join(
            first, left_on=reading.key, right_on=lookup.key, how="left", maintain_order="left"
        )
        unknown[lookup.name] = _without(frame, first[lookup.key], reading)
    for each in reading.events:
        unknown[each.name] = _without(frame, files[each.name].rows[each.key], reading)
    return frame, unknown


def told(
    fault: CellFaulty,
    frame: pl.DataFrame,
    files: Mapping[str, Second],
    *,
    reading: SetReading,
    name: str,
) -> str:
    """Name the file, the column and the row of a faulty cell, wherever the cell came from."""
    column, row = fault.column, fault.row
    if column is None or row is None:
        return f"{name}: {fault}"
    what = str(fault).partition(f"row {row} ")[2]
    panel = next((each for each in reading.panels if each.name == fault.table), None)
    if fault.table is not None and fault.table in files:
        file = files[fault.table]
        part, line = file.rows.select(_PART, LINE).row(row - 1)
        return f"{file.place(part, line, column)} {what}"
    if panel is not None:
        column, row = _unfolded(panel, column, row, frame.height)
    for lookup in reading.lookups:
        if fault.table is None and column in lookup.columns:
            part, line = frame.select(_part(lookup.name), _line(lookup.name)).row(row - 1)
            return f"{files[lookup.name].place(part, line, column)} {what}"
    return f"{name}: column {column}: row {frame[LINE][row - 1]} {what}"


def _unfolded(panel: Panel, column: str, row: int, height: int) -> tuple[str, int]:
    """Say which column and row of the file a cell of a panel was."""
    month, place = divmod(row - 1, height)
    return panel.columns.get(column, {month: column})[month], place + 1


def _wanted(reading: SetReading) -> tuple[Lookup | EventsFile, ...]:
    return (*reading.lookups, *reading.events)


def _put_together(
    each: Lookup | EventsFile, paths: Sequence[Path], reading: SetReading, declared: Declared
) -> Second:
    needed = {each.key}
    needed |= set(each.columns) if isinstance(each, Lookup) else _events_read(each.name, declared)
    parts = []
    for number, path in enumerate(paths):
        part = text_of(path)
        missing = sorted(needed - set(part.columns))
        if missing:
            raise TrainingFileFaulty(
                f"{path.name}, the second file {each.name}, lacks the columns: {', '.join(missing)}"
            )
        part = with_declared_times(part, reading.times, path.name)
        parts.append(part.with_columns(pl.lit(number).alias(_PART)))
    rows = pl.concat(parts, how="diagonal")
    cells = [column for column in rows.columns if column not in {_PART, LINE}]
    return Second(
        rows.unique(cells, keep="first", maintain_order=True), tuple(path.name for path in paths)
    )


def _events_read(table: str, declared: Declared) -> set[str]:
    """Name the columns of a table that the features read."""
    found: set[str] = set()
    for feature in declared.features:
        for leaf in feature.expression.leaves():
            if isinstance(leaf, Drawn) and leaf.history.table == table:
                found |= set(leaf.history.times)
                for part in (leaf.of, leaf.where):
                    if part is not None:
                        found |= {each.reads for each in part.leaves() if each.reads is not None}
    return found


def _without(frame: pl.DataFrame, keys: pl.Series, reading: SetReading) -> int:
    assert reading.key is not None
    return int((~frame[reading.key].is_in(keys.unique().to_list()).fill_null(value=False)).sum())


def _line(name: str) -> str:
    return f"_row_of_{name}"


def _part(name: str) -> str:
    return f"_part_of_{name}"
