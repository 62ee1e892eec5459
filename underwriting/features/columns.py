"""Reading whole columns, cell for cell as `cells` reads one."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import polars as pl

from underwriting.features import cells
from underwriting.features.cells import CellFaulty, Column, Meanings, NotANumber, NotATime
from underwriting.features.expressions import Constant, IsCode, IsWord, Leaf, Moment, Number, Text
from underwriting.features.operations import DAY

_NUMBERS: Final = pl.Float64
_YEAR_FIRST: Final = r"^\d{4}-\d{2}-\d{2}"
"""Of 08/05/2016 nobody knows which is the month, so no other order is guessed."""


class ColumnMissing(ValueError):
    """A table lacks a column that a feature reads."""


def read(frame: pl.DataFrame, leaf: Leaf) -> pl.Series:
    """Read a leaf of every row: words for `Text`, Int64 for `Moment`, Float64 for the others.

    Raises:
        ColumnMissing, NotANumber, NotATime.
    """
    name = leaf.reads
    if name is None or name not in frame.columns:
        raise ColumnMissing(f"there is no column {name!r}")
    cells_ = frame[name]
    if isinstance(cells_.dtype, pl.Categorical | pl.Enum):
        cells_ = cells_.cast(pl.String)
    match leaf:
        case Moment():
            return moments(cells_)
        case Number(column):
            return _numbers(cells_, column)
        case Text(column):
            return _words(cells_, column)
        case IsWord(column, among):
            return _words(cells_, column).is_in(list(among)).cast(_NUMBERS)
        case IsCode(column, meaning):
            return _coded(cells_, column, meaning)
        case _:
            raise ColumnMissing(f"a {type(leaf).__name__} stands in no column")


def constant(leaf: Constant, height: int) -> pl.Series:
    """Give a number as a column.

    As a literal it would shorten what it meets to one row (polars 2.1: ``lit >= when/then`` over
    nothing but nulls).
    """
    return pl.Series([float(leaf.number)], dtype=_NUMBERS).new_from_index(0, height)


def moments(cells_: pl.Series) -> pl.Series:
    """Read times as microseconds since 1970, UTC; what has no zone counts as UTC.

    Text is ISO 8601: YYYY-MM-DD, with or without a time of day.

    Raises:
        NotATime: a cell holds something else.
    """
    kind = cells_.dtype
    if kind.is_numeric():
        return (cells_.cast(_NUMBERS).fill_nan(None) * DAY).cast(pl.Int64)
    if kind == pl.Null:
        return cells_.cast(pl.Int64)
    if kind == pl.String:
        text = _stripped(cells_)
        ordered = text.set(~text.str.contains(_YEAR_FIRST), None)
        try:
            found = ordered.str.to_datetime(time_unit="us", strict=False)
        except pl.exceptions.ComputeError:  # not one cell looks like a time
            found = pl.Series(cells_.name, dtype=pl.Datetime("us")).extend_constant(None, len(text))
        _require_all(text, found, NotATime("column {name}: row {row} is not a time as YYYY-MM-DD"))
        cells_, kind = found, found.dtype
    if kind == pl.Date or isinstance(kind, pl.Datetime):
        return cells_.dt.epoch("us")
    raise NotATime(f"column {cells_.name} holds no times")


def _numbers(cells_: pl.Series, column: Column) -> pl.Series:
    if cells_.dtype == pl.String:
        text = _words(cells_, column)
        if column.special:
            coded = _meaning_of_text(text, cells.codes(column))
            text = text.set(coded, None)
        spelled = text.cast(_NUMBERS, strict=False)
        found = _translated(text, spelled, column) if column.words else spelled
        _require_all(text, found, NotANumber("column {name}: row {row} is not a number"))
    else:
        found = _plain_numbers(cells_)
        for meanings in (cells.nothings(column), cells.codes(column)):
            found = found.set(_among(found, meanings.by_number), None)
        if column.words:
            told, found = found, _translated(None, found, column)
            _require_all(told, found, NotANumber("column {name}: row {row} is no known word"))
    return found.set(~found.is_finite(), None)


def _translated(text: pl.Series | None, spelled: pl.Series, column: Column) -> pl.Series:
    meanings = cells.numbers(column)
    by_number = spelled.replace_strict(
        [float(each) for each in meanings.by_number],
        [float(each) for each in meanings.by_number.values()],
        default=None,
        return_dtype=_NUMBERS,
    )
    if text is None:
        return by_number
    by_text = text.replace_strict(
        list(meanings.by_text),
        [float(each) for each in meanings.by_text.values()],
        default=None,
        return_dtype=_NUMBERS,
    )
    return by_text.fill_null(by_number)


def _words(cells_: pl.Series, column: Column) -> pl.Series:
    if cells_.dtype == pl.String:
        text = _stripped(cells_)
        if column.missing:
            text = text.set(_meaning_of_text(text, cells.nothings(column)), None)
        return text
    found = _plain_numbers(cells_)
    found = found.set(_among(found, cells.nothings(column).by_number), None)
    whole = found == found.floor()
    return (
        pl.select(
            pl.when(whole).then(found.cast(pl.Int64, strict=False).cast(pl.String))
            .otherwise(found.cast(pl.String))
            .alias(cells_.name)
        ).to_series()
    )  # fmt: skip


def _coded(cells_: pl.Series, column: Column, meaning: str) -> pl.Series:
    wanted = {text: word for text, word in column.special if word == meaning}
    chosen = cells.codes(Column(name=column.name, special=tuple(wanted.items())))
    if cells_.dtype == pl.String:
        found = _meaning_of_text(_words(cells_, column), chosen)
    else:
        found = _among(_plain_numbers(cells_), chosen.by_number)
    return found.cast(_NUMBERS).alias(cells_.name)


def _meaning_of_text(text: pl.Series, meanings: Meanings[str]) -> pl.Series:
    """Tell where a word has a meaning, by its letters or by the number it spells."""
    by_text = text.is_in(list(meanings.by_text)).fill_null(value=False)
    if not meanings.by_number:
        return by_text
    return by_text | _among(text.cast(_NUMBERS, strict=False), meanings.by_number)


def _among(found: pl.Series, wanted: Iterable[Decimal]) -> pl.Series:
    numbers = [float(each) for each in wanted]
    return found.is_in(numbers).fill_null(value=False)


def _plain_numbers(cells_: pl.Series) -> pl.Series:
    kind = cells_.dtype
    if not (kind.is_numeric() or kind in {pl.Boolean, pl.Null}):
        raise NotANumber(f"column {cells_.name} holds no numbers")
    return cells_.cast(_NUMBERS).fill_nan(None)


def _stripped(cells_: pl.Series) -> pl.Series:
    text = cells_.str.strip_chars()
    return text.set(text == "", None)


def _require_all(told: pl.Series, found: pl.Series, fault: CellFaulty) -> None:
    lost = told.is_not_null() & found.is_null()
    if lost.any():
        row = int(lost.arg_true()[0]) + 1
        named = type(fault)(str(fault).format(name=told.name, row=row))
        named.column, named.row = told.name, row
        raise named
