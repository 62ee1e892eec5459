"""Rows of a source file read as named figures, for training and for loading a sandbox alike."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

import polars as pl

from underwriting.models.spec import Reading, TrainingSpec

FILE_BYTES_MAX: Final = 2 * 1024**3
ROWS_MAX: Final = 5_000_000
TARGET: Final = "target"
MONTH: Final = "month"


class TrainingFileFaulty(ValueError):
    """A training file cannot be used; the text says where and why."""


def read_training_file(path: Path, spec: TrainingSpec) -> pl.DataFrame:
    """Read the rows the spec keeps: one column per figure, `target` and `month`.

    Figures are Float64 with null for what is missing, the target is 0 or 1, the month is the
    first day of it. The file is CSV, plain or gzip, and keeps its order.

    Raises:
        TrainingFileFaulty: no such file, too large, a column missing, or a value that is no
            number, no 0 or 1, no date.
    """
    reading = spec.reading
    raw = _raw(path, reading)
    for column, words in reading.keep.items():
        raw = raw.filter(pl.col(column).is_in(list(words)))
    for column in reading.only_where_empty:
        raw = raw.filter(pl.col(column).is_null())
    if raw.is_empty():
        raise TrainingFileFaulty("no row of the file is of the kind the spec keeps")
    figures = [_figure(raw[column], figure, reading) for figure, column in reading.columns.items()]
    return pl.DataFrame([*figures, _target(raw[reading.target]), _month(raw[reading.month])])


def is_kept(row: Mapping[str, object], spec: TrainingSpec) -> bool:
    """Tell whether a row of the source file, by column, is one the spec keeps."""
    reading = spec.reading
    return all(str(row[column]) in words for column, words in reading.keep.items()) and all(
        _is_empty(row[column]) for column in reading.only_where_empty
    )


def as_figures(row: Mapping[str, object], spec: TrainingSpec) -> dict[str, Decimal | None]:
    """Give the figures of one row of the source file, exactly as training reads them.

    Values may be text as it stands in the file, or numbers.

    Raises:
        TrainingFileFaulty: a value is neither a number nor a word the spec knows.
        KeyError: the row lacks a column.
    """
    return {
        figure: _number(row[column], figure, spec.reading)
        for figure, column in spec.reading.columns.items()
    }


def _raw(path: Path, reading: Reading) -> pl.DataFrame:
    if not path.is_file():
        raise TrainingFileFaulty(f"there is no file {path.name}")
    if path.stat().st_size > FILE_BYTES_MAX:
        raise TrainingFileFaulty(f"a training file has at most {FILE_BYTES_MAX} bytes")
    needed = {
        *reading.columns.values(),
        reading.target,
        reading.month,
        *reading.keep,
        *reading.only_where_empty,
    }
    try:
        # All text first: a column's meaning is the spec's, not a guess from its first rows. Without
        # n_rows: with it polars 2.1 drops all that follows an open quotation mark in silence.
        raw = pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as fault:
        raise TrainingFileFaulty(f"not a CSV file: {type(fault).__name__}") from None
    missing = sorted(needed - set(raw.columns))
    if missing:
        raise TrainingFileFaulty(f"the file lacks the columns: {', '.join(missing)}")
    if raw.height > ROWS_MAX:
        raise TrainingFileFaulty(f"a training file has at most {ROWS_MAX} rows")
    return raw.select(sorted(needed))


def _figure(column: pl.Series, figure: str, reading: Reading) -> pl.Series:
    text = column.str.strip_chars()
    text = text.set(text == "", None)
    words = reading.words.get(figure)
    if words is not None:
        numbers = {word: float(number) for word, number in words.items()}
        found = text.replace_strict(numbers, default=None, return_dtype=pl.Float64)
    else:
        found = text.cast(pl.Float64, strict=False)
        found = found.set(~found.is_finite(), None)
    lost = text.is_not_null() & found.is_null()
    if lost.any():
        place = int(lost.arg_true()[0])
        raise TrainingFileFaulty(f"column {column.name}: kept row {place + 1} is not a number")
    return found.alias(figure)


def _target(column: pl.Series) -> pl.Series:
    if not column.is_in(["0", "1"]).fill_null(value=False).all():
        raise TrainingFileFaulty(f"column {column.name}: the target is 0 or 1 in every row")
    return column.cast(pl.Int8).alias(TARGET)


def _month(column: pl.Series) -> pl.Series:
    found = column.str.to_date("%Y-%m-%d", strict=False)
    if found.null_count():
        raise TrainingFileFaulty(f"column {column.name}: the month is a date YYYY-MM-DD")
    return found.dt.month_start().alias(MONTH)


def _number(value: object, figure: str, reading: Reading) -> Decimal | None:
    if _is_empty(value):
        return None
    text = str(value).strip()
    words = reading.words.get(figure)
    try:
        number = Decimal(text) if words is None else words[text]
    except (InvalidOperation, KeyError):
        number = Decimal("NaN")
    if not number.is_finite():
        raise TrainingFileFaulty(f"the value of {figure} is not a number")
    return number


def _is_empty(value: object) -> bool:
    return value is None or not str(value).strip()
