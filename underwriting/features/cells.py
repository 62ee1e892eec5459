"""Reading one cell of a row: a number, a word, a code or a time, however it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final, Generic, TypeAlias, TypeVar

from underwriting.canonical import decimal_text
from underwriting.features.operations import DAY

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

Meaning = TypeVar("Meaning")

Plain: TypeAlias = "str | int | Sequence[Plain] | Mapping[str, Plain] | None"
"""A definition spelled in what JSON has."""


@dataclass(frozen=True, slots=True)
class Meanings(Generic[Meaning]):
    """What some words mean, by the words and by the numbers they spell."""

    by_text: Mapping[str, Meaning]
    by_number: Mapping[Decimal, Meaning]


class CellFaulty(ValueError):
    """A cell cannot be read; the text never quotes it."""

    column: str | None = None
    row: int | None = None
    """Of a whole column, counted from 1."""
    table: str | None = None
    """The table of events that the column is of; None: the rows themselves."""


class NotANumber(CellFaulty):
    """A cell holds neither a number nor a word that its column knows."""


class NotATime(CellFaulty):
    """A cell holds no time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a row and how its cells are read.

    What is coded is no number: a code makes the number missing, and an indicator tells which.
    A word, a code or a word for nothing that is written as a number matches the number however
    that is written: ``"96"`` is ``96`` and ``96.0``.
    """

    name: str
    words: tuple[tuple[str, Decimal], ...] = ()
    """Where the column holds words: the number each stands for. Any other word is a fault."""
    special: tuple[tuple[str, str], ...] = ()
    """Codes as they are written (``"96"``, ``"N/A"``), and the name of what each means."""
    missing: tuple[str, ...] = ()
    """Words that mean nothing was told; an empty cell always does."""

    @property
    def codes(self) -> tuple[str, ...]:
        """What the codes mean, each once."""
        return tuple(dict.fromkeys(meaning for _, meaning in self.special))

    def plain(self) -> dict[str, Plain]:
        """Spell the column with its words and codes."""
        told: dict[str, list[Plain]] = {
            "words": [[word, decimal_text(number)] for word, number in self.words],
            "special": [list(pair) for pair in self.special],
            "missing": list(self.missing),
        }
        return {"column": self.name, **{key: value for key, value in told.items() if value}}


def word(cell: object, column: Column) -> str | None:
    """Read a cell as a word; None when it is empty or says that nothing was told."""
    if cell is None or cell != cell:  # noqa: PLR0124 - a NaN alone differs from itself
        return None
    text = cell.strip() if isinstance(cell, str) else _text(cell)
    if not text or (column.missing and _look_up(nothings(column), text) is not None):
        return None
    return text


def code(cell: object, column: Column) -> str | None:
    """Give the meaning of a coded cell; None when it is not coded."""
    if not column.special:
        return None
    text = word(cell, column)
    return None if text is None else _look_up(codes(column), text)


def number(cell: object, column: Column) -> Decimal | None:
    """Read a cell as a number; None when it is missing or coded.

    Raises:
        NotANumber: it holds something else.
    """
    if type(cell) is Decimal and not (column.special or column.words or column.missing):
        return cell if cell.is_finite() else None
    text = word(cell, column)
    if text is None or (column.special and _look_up(codes(column), text) is not None):
        return None
    found = _look_up(numbers(column), text) if column.words else _decimal(text)
    if found is None:
        raise NotANumber(f"column {column.name}: a cell is not a number")
    return found if found.is_finite() else None


def moment(cell: object, name: str) -> int | None:
    """Read a cell as a time, in microseconds since 1970, UTC; a bare number counts days.

    Raises:
        NotATime: it holds something else.
    """
    if cell is None or cell == "":
        return None
    if type(cell) is datetime and cell.tzinfo is not None:
        return (cell - EPOCH) // _MICROSECOND
    try:
        if isinstance(cell, str):
            cell = datetime.fromisoformat(cell.strip())
        if isinstance(cell, datetime):
            aware = cell if cell.tzinfo is not None else cell.replace(tzinfo=UTC)
            return (aware - EPOCH) // _MICROSECOND
        if isinstance(cell, date):
            return (cell - EPOCH.date()).days * DAY
        if isinstance(cell, int | float | Decimal) and not isinstance(cell, bool):
            return int(Decimal(str(cell)) * DAY)
    except (ValueError, InvalidOperation, OverflowError):
        pass
    raise NotATime(f"column {name}: a cell is not a time")


@lru_cache(maxsize=4096)
def codes(column: Column) -> Meanings[str]:
    """Give the meanings of a column's codes."""
    return _meanings(column.special)


@lru_cache(maxsize=4096)
def numbers(column: Column) -> Meanings[Decimal]:
    """Give the numbers that a column's words stand for."""
    return _meanings(column.words)


@lru_cache(maxsize=4096)
def nothings(column: Column) -> Meanings[str]:
    """Give the words of a column that mean nothing was told."""
    return _meanings(tuple((text, text) for text in column.missing))


def _meanings(pairs: tuple[tuple[str, Meaning], ...]) -> Meanings[Meaning]:
    by_number = {}
    for text, meaning in pairs:
        spelled = _decimal(text)
        if spelled is not None and spelled.is_finite():
            by_number[spelled] = meaning
    return Meanings(by_text=dict(pairs), by_number=by_number)


def _look_up(meanings: Meanings[Meaning], text: str) -> Meaning | None:
    found = meanings.by_text.get(text)
    if found is not None or not meanings.by_number:
        return found
    spelled = _decimal(text)
    if spelled is None or not spelled.is_finite():
        return None
    return meanings.by_number.get(spelled)


def _decimal(text: str) -> Decimal | None:
    # Decimal itself would also take 1_000 and the digits of other scripts, which no column holds.
    if "_" in text or not text.isascii():
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _text(cell: object) -> str:
    if isinstance(cell, bool):
        return str(int(cell))
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
