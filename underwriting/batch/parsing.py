"""Columns of a table turned into numbers; the first row that cannot be read is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import polars as pl

from underwriting.batch.columns import NONE, Texts
from underwriting.batch.exact import Flags, Floats, Whole

_AMOUNT: Final = r"^-?(?:0|[1-9]\d{0,15})(?:\.\d{1,2})?$"
_INSTANT: Final = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)$"
_YEARS: Final = (1992, 2899)
"""Shanghai's clock has not changed since 1991."""


class BatchFaulty(ValueError):
    """A table of dossiers cannot be read; the text names the row and the column."""


class Table:
    """Some rows of a file of dossiers."""

    def __init__(self, frame: pl.DataFrame, *, first_row: int) -> None:
        self._frame = frame
        self._first_row = first_row

    @property
    def height(self) -> int:
        """How many rows there are."""
        return self._frame.height

    def refuse(self, name: str, wrong: Flags | pl.Series, why: str) -> None:
        """Refuse the table for the first row in which something is wrong.

        Raises:
            BatchFaulty: there is one.
        """
        places = np.flatnonzero(np.asarray(wrong))
        if len(places):
            row = self._first_row + int(places[0])
            raise BatchFaulty(f"row {row}, {name}: {why}")

    def texts(self, name: str, *, may_lack: bool = False) -> pl.Series:
        """Read a column as text."""
        column = self._frame[name]
        found = column if column.dtype == pl.String else column.cast(pl.String)
        if not may_lack:
            self.refuse(name, found.is_null(), "nothing stands there")
        return found

    def known(self, name: str) -> Flags:
        """Tell where something stands."""
        found: Flags = self._frame[name].is_not_null().to_numpy()
        return found

    def joined(self, names: Sequence[str], *, between: str) -> pl.Series:
        """Join some columns into one text a row; what is not there is empty."""
        texts = [pl.col(name).cast(pl.String).fill_null("") for name in names]
        return self._frame.select(pl.concat_str(texts, separator=between)).to_series()

    def amounts(self, name: str, *, may_lack: bool = False, below_zero: bool = False) -> Whole:
        """Read amounts in yuan as fen; `NONE` where nothing stands."""
        column = self._frame[name]
        if column.dtype.is_float():
            raise BatchFaulty(f"{name}: amounts are text or decimals, never floats")
        texts = self.texts(name, may_lack=may_lack)
        known = texts.is_not_null()
        if not known.any():
            return np.full(self.height, NONE, dtype=np.int64)
        self.refuse(name, known & ~_like(texts, _AMOUNT), "no amount in yuan")
        parts = texts.str.strip_prefix("-").str.split_exact(".", 1).struct.unnest()
        whole = parts.to_series(0).cast(pl.Int64)
        part = parts.to_series(1).fill_null("").str.pad_end(2, "0").cast(pl.Int64)
        fen = whole * 100 + part
        found = _numbers(pl.select(pl.when(texts.str.starts_with("-")).then(-fen).otherwise(fen)))
        if not below_zero:
            self.refuse(name, (found < 0) & known.to_numpy(), "an amount below zero")
        return found

    def counts(self, name: str, *, most: int, may_lack: bool = False) -> Whole:
        """Read whole numbers from zero on; `NONE` where nothing stands."""
        column = self._frame[name]
        if column.dtype.is_integer():
            found = column.cast(pl.Int64)
        else:
            texts = self.texts(name, may_lack=may_lack)
            self.refuse(name, texts.is_not_null() & ~_like(texts, r"^\d{1,9}$"), "no whole number")
            found = texts.cast(pl.Int64)
        wrong = found.is_not_null() & ~found.is_between(0, most)
        self.refuse(name, wrong, f"a number from 0 to {most}")
        if not may_lack:
            self.refuse(name, found.is_null(), "nothing stands there")
        return found.fill_null(NONE).to_numpy()

    def flags(self, name: str, *, may_lack: bool = False) -> Flags:
        """Read true and false; false where nothing stands."""
        column = self._frame[name]
        if column.dtype != pl.Boolean:
            texts = self.texts(name, may_lack=may_lack)
            known = texts.is_in(["true", "false"])
            self.refuse(name, texts.is_not_null() & ~known, "true or false")
            column = texts == "true"
        elif not may_lack:
            self.refuse(name, column.is_null(), "nothing stands there")
        return column.fill_null(value=False).to_numpy()

    def numbers(self, name: str) -> Floats:
        """Read figures; not a number where nothing stands."""
        column = self._frame[name]
        if not column.dtype.is_numeric():
            texts = self.texts(name, may_lack=True)
            found = texts.cast(pl.Float64, strict=False)
            self.refuse(name, texts.is_not_null() & found.is_null(), "no number")
        else:
            found = column.cast(pl.Float64)
        self.refuse(
            name, found.is_not_null() & ~found.is_finite().fill_null(value=True), "no number"
        )
        return found.fill_null(float("nan")).to_numpy()

    def instants(self, name: str, *, may_lack: bool = False) -> Whole:
        """Read times with their offset as microseconds since 1970; 0 where nothing stands."""
        column = self._frame[name]
        if column.dtype == pl.String:
            texts = self.texts(name, may_lack=may_lack)
            wrong = texts.is_not_null() & ~_like(texts, _INSTANT)
            self.refuse(name, wrong, "no time with its offset (2026-11-20T10:00:00+08:00)")
            found = texts.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
            self.refuse(name, texts.is_not_null() & found.is_null(), "no such time")
        elif isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone is not None:
            found = column.dt.cast_time_unit("us").dt.convert_time_zone("UTC")
        else:
            raise BatchFaulty(f"{name}: times are text or have a time zone")
        if not may_lack:
            self.refuse(name, found.is_null(), "nothing stands there")
        wrong = found.is_not_null() & ~found.dt.year().is_between(*_YEARS)
        self.refuse(name, wrong, f"a time between {_YEARS[0]} and {_YEARS[1]}")
        return found.dt.epoch("us").fill_null(0).to_numpy()

    def words(self, name: str, known: list[str], *, may_lack: bool = False) -> Whole:
        """Read words of a list as their places in it; 0 where nothing stands."""
        texts = self.texts(name, may_lack=may_lack)
        self.refuse(name, texts.is_not_null() & ~texts.is_in(known), f"any of {', '.join(known)}")
        places = texts.replace_strict(known, list(range(len(known))), return_dtype=pl.Int64)
        return places.fill_null(0).to_numpy()

    def distinct(
        self, name: str, read: Callable[[str], Any], *, may_lack: bool = False
    ) -> tuple[Whole, list[Any]]:
        """Read texts of which there are few: the place of each, and what they mean."""
        return self.distinct_of(name, self.texts(name, may_lack=may_lack), read)

    def distinct_of(
        self, name: str, texts: pl.Series, read: Callable[[str], Any]
    ) -> tuple[Whole, list[Any]]:
        """Do the same with texts that were made of columns."""
        known = texts.drop_nulls().unique(maintain_order=True).to_list()
        values = []
        for text in known:
            try:
                values.append(read(text))
            except ValueError as fault:
                self.refuse(name, texts == text, str(fault))
        if not known:
            return np.zeros(self.height, dtype=np.int64), []
        places = texts.replace_strict(known, list(range(len(known))), return_dtype=pl.Int64)
        return places.fill_null(0).to_numpy(), values


def objects(texts: pl.Series) -> Texts:
    """Give texts as they are compared and joined, an empty one where nothing stands."""
    found: Texts = texts.fill_null("").to_numpy()
    return found


def _like(texts: pl.Series, pattern: str) -> pl.Series:
    return texts.str.contains(pattern).fill_null(value=False)


def _numbers(frame: pl.DataFrame) -> Whole:
    found: Whole = frame.to_series().fill_null(NONE).to_numpy()
    return found
