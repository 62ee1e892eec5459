"""Reading the files of a data set as loans with their features, the same for any file of it."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from underwriting.features import columns, tables
from underwriting.features.cells import NotANumber, NotATime
from underwriting.features.columns import ColumnMissing
from underwriting.features.histories import Table
from underwriting.models.artifact import Matrix
from underwriting.models.calibration import Floats
from underwriting.models.reading_panels import unfolded
from underwriting.models.spec_features import Category, Declared
from underwriting.models.spec_sets import EventsFile, Lookup, SetReading, SetSpec
from underwriting.models.split import NotSplit, Places
from underwriting.models.training_file import ROWS_MAX, TrainingFileFaulty

TEXT_BYTES_MAX: Final = 2 * 1024**3
"""Of a file when unpacked."""
ROW: Final = "_row_number"
AS_OF: Final = "_known_until"
NO_WORD: Final = "(none)"
"""Stands for an empty cell among the words of a category."""
_GZIP: Final = b"\x1f\x8b"

Aux = Mapping[str, Sequence[Path]]
"""Second files by name; several parts of one name are put together, equal rows once."""


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

    The file is CSV, plain or gzip, in UTF-8 or else Latin-1. Columns that nobody needs may lack or
    be there; loans that are only judged need no order. A second file that is not named in `aux` is
    looked for beside the rows.

    Raises:
        TrainingFileFaulty: a file or a column is missing, or a value cannot be read.
    """
    declared = spec.declared.used(with_protected=protected)
    raw = text_of(path)
    if is_judged_alone and spec.reading.order not in raw.columns:
        spec = replace(spec, reading=replace(spec.reading, order=None))
    frame, told = _kept(raw, spec.reading, declared, path.name)
    files = _second_files(path, spec.reading, aux or {})
    frame, told = _joined(frame, files, spec.reading, told)
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
        order, months = _order(frame, spec.reading)
    except (ColumnMissing, NotANumber, NotATime, ValueError) as fault:
        raise TrainingFileFaulty(f"{path.name}: {fault}") from None
    return Loans(
        columns={name: found[name].fill_null(float("nan")).to_numpy() for name in found.columns},
        words={each.name: words_of(frame, each) for each in declared.categories},
        bads=_target(frame, spec.reading, path.name),
        order=order,
        months=months,
        judged=_are(frame, spec.reading.judge).to_numpy(),
        told={**told, "unknown_words": unknown},
    )


def beside(spec: SetSpec, paths: Sequence[Path], aux: Aux) -> Aux:
    """Name the second files of some files: those that are given, else those that lie beside."""
    found = {name: list(parts) for name, parts in aux.items()}
    wanted: tuple[Lookup | EventsFile, ...] = (*spec.reading.lookups, *spec.reading.events)
    for each in wanted:
        if each.name not in found:
            there = dict.fromkeys(path.parent / each.file for path in paths)
            found[each.name] = [path for path in there if path.is_file()]
    return {name: parts for name, parts in found.items() if parts}


def text_of(path: Path) -> pl.DataFrame:
    """Read a file as text, whatever its columns; a column's meaning is the spec's.

    Lines with nothing in them are no rows.

    Raises:
        TrainingFileFaulty: no such file, no CSV, or too large.
    """
    if not path.is_file():
        raise TrainingFileFaulty(f"there is no file {path.name}")
    try:
        frame = pl.read_csv(io.BytesIO(_content(path)), infer_schema=False, n_rows=ROWS_MAX + 1)
    except (pl.exceptions.PolarsError, OSError, EOFError, zlib.error) as fault:
        raise TrainingFileFaulty(
            f"{path.name} is no CSV file: {type(fault).__name__}; it is empty or damaged, a row has "
            "more cells than the header, or a quotation mark is never closed"
        ) from None
    if frame.height > ROWS_MAX:
        raise TrainingFileFaulty(f"{path.name} has more than {ROWS_MAX} rows")
    frame = frame.with_columns(pl.all().str.strip_chars())
    return frame.filter(~pl.all_horizontal(pl.all().is_null()))  # blank lines, most at the end


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


def _content(path: Path) -> bytes:
    with path.open("rb") as opened:
        is_packed = opened.read(2) == _GZIP
    with gzip.open(path) if is_packed else path.open("rb") as opened:
        content = opened.read(TEXT_BYTES_MAX + 1)
    if len(content) > TEXT_BYTES_MAX:
        raise TrainingFileFaulty(f"{path.name} has more than {TEXT_BYTES_MAX} bytes")
    try:
        content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1").encode()
    return content


def _kept(
    raw: pl.DataFrame, reading: SetReading, declared: Declared, name: str
) -> tuple[pl.DataFrame, dict[str, Any]]:
    if reading.missing:
        raw = raw.with_columns(
            pl.when(~pl.all().is_in(["", *reading.missing])).then(pl.all()).name.keep()
        )
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
    frame = frame.with_row_index(ROW).with_columns(instant.alias(AS_OF))
    return frame, {"rows_read": raw.height, "rows_kept": frame.height}


def _are(frame: pl.DataFrame, wanted: Mapping[str, tuple[str, ...]]) -> pl.Series:
    found = pl.Series([True]).new_from_index(0, frame.height)
    for column, words in wanted.items():
        found &= frame[column].is_in(list(words)).fill_null(value=False)
    return found


def _second_files(path: Path, reading: SetReading, aux: Aux) -> dict[str, pl.DataFrame]:
    wanted: tuple[Lookup | EventsFile, ...] = (*reading.lookups, *reading.events)
    unknown = sorted(set(aux) - {each.name for each in wanted})
    if unknown:
        raise TrainingFileFaulty(f"the spec knows no second file named: {', '.join(unknown)}")
    found = {}
    for each in wanted:
        parts = list(aux.get(each.name, ()))
        beside = path.parent / each.file
        if not parts and not beside.is_file():
            raise TrainingFileFaulty(
                f"{path.name} needs the second file {each.name}: name it by "
                f"--aux {each.name}=FILE or put {each.file} beside it"
            )
        read_ = [text_of(part) for part in parts or [beside]]
        if any(each.key not in part.columns for part in read_):
            raise TrainingFileFaulty(f"the second file {each.name} lacks the column {each.key}")
        found[each.name] = pl.concat(read_, how="diagonal").unique(maintain_order=True)
    return found


def _joined(
    frame: pl.DataFrame,
    files: Mapping[str, pl.DataFrame],
    reading: SetReading,
    told: dict[str, Any],
) -> tuple[pl.DataFrame, dict[str, Any]]:
    unknown: dict[str, int] = {}
    for lookup in reading.lookups:
        file = files[lookup.name]
        lacking = sorted(set(lookup.columns) - set(file.columns))
        if lacking:
            raise TrainingFileFaulty(
                f"the second file {lookup.name} lacks the columns: {', '.join(lacking)}"
            )
        first = file.select(lookup.key, *lookup.columns).unique(
            lookup.key, keep="first", maintain_order=True
        )
        frame = frame.join(
            first, left_on=reading.key, right_on=lookup.key, how="left", maintain_order="left"
        )
        unknown[lookup.name] = _without(frame, first[lookup.key], reading)
    for each in reading.events:
        unknown[each.name] = _without(frame, files[each.name][each.key], reading)
    return frame, {**told, "rows_without": unknown}


def _without(frame: pl.DataFrame, keys: pl.Series, reading: SetReading) -> int:
    assert reading.key is not None
    return int((~frame[reading.key].is_in(keys.unique().to_list()).fill_null(value=False)).sum())


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
    frame: pl.DataFrame, files: Mapping[str, pl.DataFrame], reading: SetReading
) -> dict[str, Table]:
    found = {each.name: Table(rows=files[each.name], key=each.key) for each in reading.events}
    for panel in reading.panels:
        assert isinstance(reading.as_of, date)
        found[panel.name] = Table(rows=unfolded(frame, panel, reading.as_of, key=ROW), key=ROW)
    return found


def _order(
    frame: pl.DataFrame, reading: SetReading
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
        row = int(instants.is_null().arg_true()[0]) + 1
        raise TrainingFileFaulty(f"column {reading.order}: kept row {row} has no time")
    months = instants.cast(pl.Datetime("us")).dt.strftime("%Y-%m").to_list()
    order = instants.cast(pl.Float64).to_numpy()
    return (-order if reading.is_newest_first else order), tuple(months)


def _target(frame: pl.DataFrame, reading: SetReading, name: str) -> Floats:
    told = frame[reading.target].cast(pl.Float64, strict=False)
    lost = ~told.is_in([0.0, 1.0]).fill_null(value=False)
    if lost.any():
        raise TrainingFileFaulty(
            f"{name}: the target {reading.target} is 0 or 1 in every row, and is something else in "
            f"{int(lost.sum())}, first in kept row {int(lost.arg_true()[0]) + 1}"
        )
    return told.to_numpy()
