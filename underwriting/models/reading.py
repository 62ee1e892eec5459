"""Reading the files of a data set as loans with their features, the same for any file of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from underwriting.features import columns, tables
from underwriting.features.cells import CellFaulty
from underwriting.features.columns import ColumnMissing
from underwriting.features.histories import Table
from underwriting.models import reading_beside
from underwriting.models.artifact import Matrix
from underwriting.models.calibration import Floats
from underwriting.models.reading_beside import Aux, Second
from underwriting.models.reading_panels import unfolded
from underwriting.models.reading_text import LINE, text_of, with_declared_times
from underwriting.models.spec_features import Category, Declared
from underwriting.models.spec_sets import SetReading, SetSpec
from underwriting.models.split import NotSplit, Places
from underwriting.models.training_file import TrainingFileFaulty

ROW: Final = "_row_number"
AS_OF: Final = "_known_until"
NO_WORD: Final = "(none)"
"""Stands for an empty cell among the words of a category."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loans:
    """Loans of one file with their features, in the order of the file."""

    columns: Mapping[str, Floats]
    """Numbers by feature, NaN for missing."""
    words: Mapping[str, NDArray[np.object_]]
    """Words by category."""
    bads: Floats
    order: Floats | None
    months: tuple[str, ...] | None
    judged: NDArray[np.bool_]
    told: Mapping[str, Any]
    """How many rows were read and left out, and what was found on the way."""
    cells: Mapping[str, NDArray[np.uint64]] = field(default_factory=dict)
    """Hashes of the cells by column of the file, to tell loans that stand in two files; without
    numbers of rows: what nobody reads and differs in every row."""

    def __len__(self) -> int:
        """Count the loans."""
        return len(self.bads)

    def part(self, places: Places) -> Loans:
        """Take some of the loans."""
        return replace(
            self,
            columns={name: values[places] for name, values in self.columns.items()},
            words={name: words[places] for name, words in self.words.items()},
            bads=self.bads[places],
            order=None if self.order is None else self.order[places],
            months=None if self.months is None else tuple(self.months[at] for at in places),
            judged=self.judged[places],
            cells={name: hashes[places] for name, hashes in self.cells.items()},
        )

    def only_judged(self) -> Loans:
        """Take the loans that are judged."""
        return self.part(np.flatnonzero(self.judged))

    def numbers(self) -> Matrix:
        """Give the numbers alone, as rows, to tell loans that are alike.

        Raises:
            NotSplit: there are only words, and loans of one word on one side teach nothing of
                the other.
        """
        if not self.columns:
            raise NotSplit("loans without a time are split by their numbers, and have none")
        return np.column_stack([values.astype(np.float32) for values in self.columns.values()])


def read(
    path: Path,
    spec: SetSpec,
    *,
    aux: Aux | None = None,
    protected: bool = False,
    is_judged_alone: bool = False,
) -> Loans:
    """Read the loans that a spec keeps, with the features it declares.

    The file is CSV, plain or gzip, in UTF-8 or else Windows-1252. Columns that nobody needs may
    lack or be there; loans that are only judged need no order. A second file that is not named in
    `aux` is looked for beside the rows.

    Raises:
        TrainingFileFaulty: a file or a column is missing, or a cell cannot be read; the text names
            the file, the column and the row, counted from the first below the header.
    """
    declared = spec.declared.used(with_protected=protected)
    raw = text_of(path)
    if is_judged_alone and spec.reading.order not in raw.columns:
        spec = replace(spec, reading=replace(spec.reading, order=None))
    needed = _needed(raw, spec.reading, declared, path.name)
    frame, told = _kept(raw, spec.reading, path.name)
    cells = _hashed(frame.select(raw.columns), needed)
    files = reading_beside.read(path, spec.reading, declared, aux or {})
    frame, without = reading_beside.joined(frame, files, spec.reading)
    frame, unknown = _known_words(frame, declared, spec.reading)
    events = _events(frame, files, spec.reading)
    try:
        found = tables.batch(
            declared.features,
            frame,
            events,
            key=ROW if spec.reading.panels or spec.reading.key is None else spec.reading.key,
            as_of=None if spec.reading.as_of is None else AS_OF,
        )
        order, months = _order(frame, spec.reading, path.name)
    except CellFaulty as fault:
        if fault.column == AS_OF and isinstance(spec.reading.as_of, str):
            fault.column = spec.reading.as_of
        text = reading_beside.told(fault, frame, files, reading=spec.reading, name=path.name)
        raise TrainingFileFaulty(text) from None
    except (ColumnMissing, ValueError) as fault:
        raise TrainingFileFaulty(f"{path.name}: {fault}") from None
    return Loans(
        columns={name: found[name].fill_null(float("nan")).to_numpy() for name in found.columns},
        words={each.name: words_of(frame, each) for each in declared.categories},
        bads=_target(frame, spec.reading, path.name),
        order=order,
        months=months,
        judged=_are(frame, spec.reading.judge).to_numpy(),
        cells=cells,
        told={**told, "rows_without": without, "unknown_words": unknown},
    )


def count_in(some: Loans, others: Loans) -> int:
    """Count the loans that stand among others, too: alike in every column that both files have."""
    shared = sorted(set(some.cells) & set(others.cells))
    if not shared:
        return 0
    rows, known = (
        pl.DataFrame({name: loans.cells[name] for name in shared}) for loans in (some, others)
    )
    return rows.join(known.unique(), on=shared, how="semi").height


def words_of(frame: pl.DataFrame, category: Category) -> NDArray[np.object_]:
    """Give the words of a category: without case, accents and double blanks, crossed by a bar."""
    plain = [
        pl.col(name)
        .str.to_uppercase()
        .str.normalize("NFKD")
        .str.replace_all(r"\p{M}", "")
        .str.replace_all(r"\s+", " ")
        .str.replace(r"^(-?\d+)\.0+$", "$1")
        .fill_null(NO_WORD)
        for name in category.columns
    ]
    return frame.select(pl.concat_str(plain, separator="|")).to_series().to_numpy()


def _needed(raw: pl.DataFrame, reading: SetReading, declared: Declared, name: str) -> set[str]:
    """Name the columns that must be there, and refuse a file without them."""
    elsewhere = {column for lookup in reading.lookups for column in lookup.columns}
    elsewhere |= {name for panel in reading.panels for name in panel.columns}
    needed = declared.reads() - elsewhere
    needed |= {reading.target, *reading.keep, *reading.judge, *reading.drop_where_all}
    needed |= {column for column in (reading.order, reading.key) if column is not None}
    needed |= {reading.as_of} if isinstance(reading.as_of, str) else set()
    needed |= {
        column
        for panel in reading.panels
        for columns_ in (*panel.columns.values(), panel.beside)
        for column in columns_
    }
    missing = sorted(needed - set(raw.columns))
    if reading.target in missing:
        raise TrainingFileFaulty(
            f"{name} lacks the target column {reading.target}: what became of the loans is needed"
        )
    if missing:
        raise TrainingFileFaulty(f"{name} lacks the columns: {', '.join(missing)}")
    return needed


def _kept(raw: pl.DataFrame, reading: SetReading, name: str) -> tuple[pl.DataFrame, dict[str, Any]]:
    if reading.missing:
        raw = raw.with_columns(
            pl.when(~pl.exclude(LINE).is_in(["", *reading.missing]))
            .then(pl.exclude(LINE))
            .name.keep()
        )
    frame = raw.filter(_are(raw, reading.keep))
    if reading.drop_where_all:
        blank = pl.all_horizontal(
            pl.col(column).cast(pl.Float64, strict=False).eq_missing(number)
            for column, number in reading.drop_where_all.items()
        )
        frame = frame.filter(~blank)
    if frame.is_empty():
        raise TrainingFileFaulty(f"{name}: no row is of the kind the spec keeps")
    as_of = reading.as_of
    instant = pl.lit(as_of) if as_of is None or isinstance(as_of, date) else pl.col(as_of)
    frame = with_declared_times(frame, reading.times, name)
    frame = frame.with_row_index(ROW).with_columns(instant.alias(AS_OF))
    if isinstance(as_of, str):
        _require(frame, as_of, name)
    return frame, {"rows_read": raw.height, "rows_kept": frame.height}


def _hashed(frame: pl.DataFrame, needed: set[str]) -> dict[str, NDArray[np.uint64]]:
    found = {}
    for cells in frame.drop(LINE):
        if cells.name not in needed and cells.n_unique() == len(cells):
            continue
        numbers = cells.cast(pl.Float64, strict=False).cast(pl.String)  # 5 is 5.0
        found[cells.name] = pl.select(pl.coalesce(numbers, cells)).to_series().hash().to_numpy()
    return found


def _require(frame: pl.DataFrame, column: str, name: str) -> None:
    lost = frame[column].is_null() | (frame[column] == "")
    if lost.any():
        row = frame[LINE][int(lost.arg_true()[0])]
        raise TrainingFileFaulty(f"{name}: column {column}: row {row} has no time")


def _are(frame: pl.DataFrame, wanted: Mapping[str, tuple[str, ...]]) -> pl.Series:
    found = pl.Series([True]).new_from_index(0, frame.height)
    for column, words in wanted.items():
        found &= frame[column].is_in(list(words)).fill_null(value=False)
    return found


def _known_words(
    frame: pl.DataFrame, declared: Declared, reading: SetReading
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Blank words that no spec knows, and count them: new files have new words."""
    is_new = {
        column: ~pl.col(column).is_in([*known, *nothing, ""])
        for column, (known, nothing) in sorted(declared.worded().items())
        if column in frame.columns
    }
    for column in reading.dirty:
        if column in frame.columns:
            is_new[column] = (pl.col(column) != "") & pl.col(column).cast(
                pl.Float64, strict=False
            ).is_null()
    counts = {}
    for column, found in is_new.items():
        lost = found & pl.col(column).is_not_null()
        count = int(frame.select(lost.sum()).item())
        if count:
            counts[column] = count
            frame = frame.with_columns(pl.when(~lost).then(pl.col(column)).alias(column))
    return frame, counts


def _events(
    frame: pl.DataFrame, files: Mapping[str, Second], reading: SetReading
) -> dict[str, Table]:
    found = {each.name: Table(rows=files[each.name].rows, key=each.key) for each in reading.events}
    for panel in reading.panels:
        assert isinstance(reading.as_of, date)
        found[panel.name] = Table(rows=unfolded(frame, panel, reading.as_of, key=ROW), key=ROW)
    return found


def _order(
    frame: pl.DataFrame, reading: SetReading, name: str
) -> tuple[Floats | None, tuple[str, ...] | None]:
    if reading.order is None:
        return None, None
    told = frame[reading.order]
    numbers = told.cast(pl.Float64, strict=False)
    if not numbers.null_count():
        order = numbers.to_numpy()
        return (-order if reading.is_newest_first else order), None
    instants = columns.moments(told)
    if instants.null_count():
        row = frame[LINE][int(instants.is_null().arg_true()[0])]
        raise TrainingFileFaulty(f"{name}: column {reading.order}: row {row} has no time")
    months = instants.cast(pl.Datetime("us")).dt.strftime("%Y-%m").to_list()
    order = instants.cast(pl.Float64).to_numpy()
    return (-order if reading.is_newest_first else order), tuple(months)


def _target(frame: pl.DataFrame, reading: SetReading, name: str) -> Floats:
    told = frame[reading.target].cast(pl.Float64, strict=False)
    lost = ~told.is_in([0.0, 1.0]).fill_null(value=False)
    if lost.any():
        raise TrainingFileFaulty(
            f"{name}: the target {reading.target} is 0 or 1 in every row, and is something else in "
            f"{int(lost.sum())}, first in row {frame[LINE][int(lost.arg_true()[0])]}"
        )
    return told.to_numpy()
