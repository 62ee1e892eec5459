"""Read a file of referrals, CSV or XLSX, into rows of text cells, trusting nothing in it.

What a spreadsheet program may have done to a number is a fault of the cell with its remedy, never
a guess.
"""

from __future__ import annotations

import csv
import io
import math
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from http import HTTPStatus
from typing import Final
from xml.etree import ElementTree

import python_calamine as calamine

from kernel.refusals import Refused

BYTES_MAX: Final = 10 * 1024 * 1024
ROWS_MAX: Final = 50_000
COLUMNS_MAX: Final = 50
CELL_MAX: Final = 1_000
RECORDS_MAX: Final = 4 * ROWS_MAX
"""Rows of a file, blank ones included."""
UNPACKED_BYTES_MAX: Final = 150 * 1024 * 1024
MEMBERS_MAX: Final = 500
EXACT_INTEGER_MAX: Final = 10**15
"""Spreadsheets keep 15 digits of a number and make the rest zeros."""
DELIMITERS: Final = ",\t;"

ROUNDED: Final = "was rounded by the spreadsheet: format the column as Text and enter it again"
FORMULA: Final = "is a formula: paste the value in its place"
TOO_LONG: Final = f"is longer than {CELL_MAX} characters"

_ROUNDED: Final = re.compile(r"[+-]?\d+([.,]\d+)?[eE]\+?\d+", re.ASCII)
_FORMULA: Final = re.compile(r"[=@]|[+-](?![\d\s-]*$)", re.ASCII)
_RELATION: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_CELL: Final = re.compile(
    rb"<(?:\w+:)?c\s(?:[^>]*?\s)?r\s*=\s*[\"']([A-Z]{1,3})(\d{1,7})[\"'][^>]*>(\s*<(?:\w+:)?f[\s/>])?"
)


class FileUnreadable(Refused):
    """The file as a whole cannot be read; no row of it was taken."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "file_unreadable"
    title = "The file cannot be read"
    title_zh = "文件无法读取"


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one cell, and what is wrong with the way it stands there."""

    text: str
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row that is not blank, by the number a spreadsheet program shows."""

    number: int
    cells: tuple[Cell, ...]


def read(content: bytes) -> list[Row]:
    """Read every row that is not blank, the header first.

    Raises:
        FileUnreadable: with what to do about it.
    """
    if not content:
        raise FileUnreadable("the file is empty")
    if len(content) > BYTES_MAX:
        raise FileUnreadable(f"the file is larger than {BYTES_MAX // 2**20} MB: split it")
    if content.startswith(b"PK\x03\x04"):
        rows = _workbook_rows(content)
    elif content.startswith(b"\xd0\xcf\x11\xe0"):
        raise FileUnreadable("it is an old or protected workbook: save it as .xlsx or CSV, open")
    else:
        rows = _csv_rows(_decoded(content))
    found = [row for row in rows if any(cell.text for cell in row.cells)]
    if not found:
        raise FileUnreadable("the file has no rows")
    if len(found) - 1 > ROWS_MAX:
        raise FileUnreadable(f"the file has more than {ROWS_MAX:,} rows: split it")
    return found


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise FileUnreadable("it is not text in UTF-8 or GB18030: save it as CSV UTF-8 or .xlsx")


def _csv_rows(text: str) -> Iterator[Row]:
    first_line = text.lstrip().split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=first_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for number, record in enumerate(reader, 1):
            _require_bounds(number, len(record))
            yield Row(number, tuple(_cell_of_text(value) for value in record))
    except csv.Error:
        raise FileUnreadable(
            f"line {reader.line_num} is not CSV: look for a quotation mark that is not closed"
        ) from None


def _workbook_rows(content: bytes) -> Iterator[Row]:
    formulas = _checked_archive(content)
    position, values = _filled_sheet(content)
    for number, line in enumerate(values, 1):
        _require_bounds(number, len(line))
        yield Row(
            number,
            tuple(
                Cell("=", FORMULA)
                if (number, column) in formulas[position]
                else _cell_of_value(value)
                for column, value in enumerate(line)
            ),
        )


def _filled_sheet(content: bytes) -> tuple[int, Sequence[Sequence[object]]]:
    """Read the one visible sheet that holds something, with its place in the workbook.

    With two, nobody could say which is meant. Hidden ones hold the lists of drop-down boxes.
    """
    filled = []
    try:
        with calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)) as book:
            for position, sheet in enumerate(book.sheets_metadata):
                if (
                    sheet.typ is calamine.SheetTypeEnum.WorkSheet
                    and sheet.visible is calamine.SheetVisibleEnum.Visible
                ):
                    values = book.get_sheet_by_index(position).to_python(skip_empty_area=False)
                    if any(value != "" for line in values for value in line):
                        filled.append((position, values))
    except (calamine.CalamineError, ValueError, OSError):
        raise FileUnreadable("the workbook is damaged: open it and save it again") from None
    if len(filled) > 1:
        raise FileUnreadable("more than one sheet holds data: keep one sheet in the file")
    return filled[0] if filled else (0, [])


def _checked_archive(content: bytes) -> list[frozenset[tuple[int, int]]]:
    """Unpack within limits, and find each sheet's formulas: (row number, column from 0).

    The limits are checked before the workbook is opened, because the reader makes room for
    everything between the first and the last cell.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            unpacked = sum(member.file_size for member in members)
            if len(members) > MEMBERS_MAX or unpacked > UNPACKED_BYTES_MAX:
                raise FileUnreadable("the workbook unpacks to too much: keep only the rows")
            if "xl/workbook.xml" not in archive.namelist():
                raise FileUnreadable("it is no Excel workbook: save it as .xlsx or CSV")
            # Reading every member proves that the sizes it told are true.
            formulas = {
                member.filename: frozenset(_formulas(member.filename, archive.read(member)))
                for member in members
            }
            parts = _sheet_parts(archive)
    except (
        zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError,
        ElementTree.ParseError, ValueError, KeyError,
    ):  # fmt: skip
        raise FileUnreadable("the workbook is damaged or protected: save it again") from None
    return [formulas.get(part, frozenset()) for part in parts]


def _sheet_parts(archive: zipfile.ZipFile) -> list[str]:
    """Name the archive member of each sheet, in the order of the workbook."""
    targets = {
        entry.get("Id", ""): entry.get("Target", "")
        for entry in _elements(archive, "xl/_rels/workbook.xml.rels", "Relationship")
    }
    return [
        posixpath.normpath(posixpath.join("/xl", targets[sheet.get(f"{_RELATION}id", "")]))[1:]
        for sheet in _elements(archive, "xl/workbook.xml", "sheet")
    ]


def _elements(archive: zipfile.ZipFile, member: str, tag: str) -> list[ElementTree.Element]:
    part = archive.read(member)
    if b"<!" in part:
        raise ValueError("a workbook declares no document type")
    root = ElementTree.fromstring(part)  # noqa: S314 - declarations were refused above
    return [element for element in root.iter() if element.tag.rpartition("}")[2] == tag]


def _formulas(name: str, part: bytes) -> Iterator[tuple[int, int]]:
    if not name.startswith("xl/worksheets/"):
        return
    if b"\0" in part[:200]:
        raise FileUnreadable("the workbook is written in an unusual way: save it as CSV UTF-8")
    for found in _CELL.finditer(part):
        row, column = int(found[2]), _column(found[1])
        _require_bounds(row, column + 1)
        if found[3]:
            yield row, column


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number - 1


def _require_bounds(rows: int, columns: int) -> None:
    if rows > RECORDS_MAX:
        raise FileUnreadable(
            f"there is something in row {rows:,}: the file may have {ROWS_MAX:,} rows"
        )
    if columns > COLUMNS_MAX:
        raise FileUnreadable(f"there are more than {COLUMNS_MAX} columns: keep those asked for")


def _cell_of_text(value: str) -> Cell:
    text = value.strip().removeprefix("'")
    if len(text) > CELL_MAX:
        return Cell(text[:CELL_MAX], TOO_LONG)
    if _ROUNDED.fullmatch(text):
        return Cell(text, ROUNDED)
    if _FORMULA.match(text):
        return Cell(text, FORMULA)
    return Cell(text)


def _cell_of_value(value: object) -> Cell:
    match value:
        case str():
            return _cell_of_text(value)
        case bool():
            return Cell(str(value).upper())
        case int() | float():
            return _cell_of_number(value)
        case datetime() | date():
            return Cell(value.isoformat())
        case _:
            return Cell(str(value))


def _cell_of_number(value: float) -> Cell:
    if not math.isfinite(value) or abs(value) >= EXACT_INTEGER_MAX:
        return Cell(f"{value:.5E}", ROUNDED)
    return Cell(str(int(value)) if value == int(value) else str(value))
