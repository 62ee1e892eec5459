"""A file of comma-separated text as a table of text; what its columns mean is the spec's."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import polars as pl

from underwriting.models.training_file import ROWS_MAX, TrainingFileFaulty

TEXT_BYTES_MAX: Final = 2 * 1024**3
"""Of a file when unpacked."""
LINE: Final = "_row_of_the_file"
"""Column with the number of the row in its file, the first below the header being 1."""
_GZIP: Final = b"\x1f\x8b"
_MARK: Final = "\ufeff"
_OTHER_SIGNS: Final = {";": "semicolons", "\t": "tabulators", "|": "bars"}
_HEADER_BYTES_MAX: Final = 1_000_000


def text_of(path: Path) -> pl.DataFrame:
    """Read a file as text, whatever its columns, with `LINE` beside them.

    Names and cells lose the blanks round them. Lines with nothing in them are no rows.

    Raises:
        TrainingFileFaulty: no such file, no CSV, a column twice, or too large.
    """
    if not path.is_file():
        raise TrainingFileFaulty(f"there is no file {path.name}")
    try:
        content = _utf8(_content(path), path.name)
        # Without n_rows: with it polars 2.1 drops all that follows an open quotation mark in silence.
        frame = pl.read_csv(io.BytesIO(content), infer_schema=False)
    except pl.exceptions.NoDataError:
        raise TrainingFileFaulty(f"{path.name} is empty") from None
    except (pl.exceptions.PolarsError, OSError, EOFError, zlib.error) as fault:
        raise TrainingFileFaulty(
            f"{path.name} is no CSV file: {type(fault).__name__}; it is damaged, a row has more "
            "cells than the header, or a quotation mark is never closed"
        ) from None
    if frame.height > ROWS_MAX:
        raise TrainingFileFaulty(f"{path.name} has more than {ROWS_MAX} rows")
    frame = _named(frame, content, path.name).with_columns(pl.all().str.strip_chars())
    is_blank = pl.all_horizontal(pl.exclude(LINE).is_null())  # most of them at the end
    return frame.with_row_index(LINE, offset=1).filter(~is_blank)


def with_declared_times(frame: pl.DataFrame, formats: Mapping[str, str], name: str) -> pl.DataFrame:
    """Spell times by ISO 8601 where a spec declares another form for their column.

    Raises:
        TrainingFileFaulty: a cell has not the form; the text names its file, row and column.
    """
    for column, form in formats.items():
        if column not in frame.columns:
            continue
        told = frame[column].set(frame[column] == "", None)
        found = told.str.strptime(pl.Datetime("us"), form, strict=False)
        lost = told.is_not_null() & found.is_null()
        if lost.any():
            line = frame[LINE][int(lost.arg_true()[0])]
            raise TrainingFileFaulty(
                f"{name}: column {column}: row {line} is not a time like {form}"
            )
        frame = frame.with_columns(found.dt.strftime("%Y-%m-%d %H:%M:%S%.f").alias(column))
    return frame


def _content(path: Path) -> bytes:
    with path.open("rb") as opened:
        is_packed = opened.read(2) == _GZIP
    with gzip.open(path) if is_packed else path.open("rb") as opened:
        content = opened.read(TEXT_BYTES_MAX + 1)
    if len(content) > TEXT_BYTES_MAX:
        raise TrainingFileFaulty(f"{path.name} has more than {TEXT_BYTES_MAX} bytes")
    return content


def _utf8(content: bytes, name: str) -> bytes:
    """Give text as UTF-8: what is none is Windows-1252, of which Latin-1 is a part.

    A few broken places among many good ones are no Windows-1252 but damage: read so, every other
    letter of the file would be another one.
    """
    if b"\x00" in content:
        raise TrainingFileFaulty(
            f"{name} holds bytes that are no text (UTF-16 perhaps): UTF-8 is wanted"
        )
    try:
        content.decode()
    except UnicodeDecodeError as fault:
        line = content.count(b"\n", 0, fault.start) + 1
        good = sum(not sign.isascii() for sign in content.decode(errors="ignore"))
        broken = content.decode(errors="replace").count("\ufffd")
        if good > broken:
            raise TrainingFileFaulty(f"{name}: line {line} holds broken UTF-8") from None
        try:
            return content.decode("windows-1252").encode()
        except UnicodeDecodeError as other:
            line = content.count(b"\n", 0, other.start) + 1
            raise TrainingFileFaulty(
                f"{name}: line {line} is neither UTF-8 nor Windows-1252"
            ) from None
    return content


def _named(frame: pl.DataFrame, content: bytes, name: str) -> pl.DataFrame:
    """Name the columns as the header does, without blanks; polars would rename what is twice."""
    start = content[:_HEADER_BYTES_MAX].decode(errors="ignore").removeprefix(_MARK)
    try:
        names = next(csv.reader(io.StringIO(start.lstrip("\r\n"))), [])
    except csv.Error:
        names = []
    names = [each.strip() for each in (names if len(names) == frame.width else frame.columns)]
    if not any(names):
        raise TrainingFileFaulty(f"{name} is empty")
    twice = sorted(each for each, count in Counter(names).items() if each and count > 1)
    if twice:
        raise TrainingFileFaulty(f"{name}: the header names twice: {', '.join(twice)}")
    for sign, words in _OTHER_SIGNS.items():
        if len(names) == 1 and sign in names[0]:
            raise TrainingFileFaulty(f"{name}: cells are parted by {words}; commas are wanted")
    nameless = (f"_column_{place}" for place in range(1, len(names) + 1))
    frame.columns = [each or other for each, other in zip(names, nameless, strict=True)]
    return frame
