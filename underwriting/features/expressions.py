"""Expressions: what a feature is made of, declared as a tree and never as text to run.

A tree has leaves (a column, a word in it, a time, the instant of the dossier, a number) and
operations. It can be written in TOML as nested lists: ``["ratio", "balance", ["sum", "a", "b"]]``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple

import polars as pl

from underwriting.canonical import decimal_text
from underwriting.features import cells
from underwriting.features.cells import Column, Plain
from underwriting.features.operations import OPERATIONS

DEPTH_MAX: Final = 20
NAME_MAX: Final = 200
NUMBER_MAX: Final = 10**15


_ONE: Final = Decimal(1)
_NOUGHT: Final = Decimal(0)


class ExpressionFaulty(ValueError):
    """An expression cannot be understood; the text says where."""


class Seen(NamedTuple):
    """One row as an expression sees it."""

    row: Mapping[str, Any]
    as_of: int | None = None
    """Microseconds since 1970, UTC."""
    draw: Callable[[Any], Decimal | None] | None = None
    """Works out a leaf that is drawn from a table of events."""


class Expression(ABC):
    """A number that is worked out from a row, the same for one row and for many."""

    __slots__ = ()

    @abstractmethod
    def value(self, seen: Seen) -> Decimal | None:
        """Work it out for one row; None is missing."""

    @abstractmethod
    def columns(self, leaves: Mapping[Leaf, pl.Expr]) -> pl.Expr:
        """Work it out for whole columns, with those of the leaves at hand; null is missing."""

    @abstractmethod
    def leaves(self) -> Iterator[Leaf]:
        """Name the leaves, in order and maybe twice."""

    @abstractmethod
    def plain(self) -> Plain:
        """Spell the definition; equal spellings mean the same."""


class Leaf(Expression):
    """The end of a branch."""

    __slots__ = ()

    def columns(self, leaves: Mapping[Leaf, pl.Expr]) -> pl.Expr:
        """Give the leaf's own column."""
        return leaves[self]

    def leaves(self) -> Iterator[Leaf]:
        """Give the leaf itself."""
        yield self

    @property
    def reads(self) -> str | None:
        """The column it reads, if any."""
        return None


@dataclass(frozen=True, slots=True)
class Number(Leaf):
    """The number in a column of the row, missing where the cell is empty or coded."""

    column: Column

    def value(self, seen: Seen) -> Decimal | None:
        """Read the number.

        Raises:
            cells.NotANumber: the cell holds something else.
        """
        return cells.number(seen.row.get(self.column.name), self.column)

    def plain(self) -> Plain:
        """Spell the leaf."""
        return self.column.plain()

    @property
    def reads(self) -> str:
        """The column's name."""
        return self.column.name


@dataclass(frozen=True, slots=True)
class IsCode(Leaf):
    """1 where a column holds a code of one meaning, else 0; never missing."""

    column: Column
    meaning: str

    def value(self, seen: Seen) -> Decimal:
        """Tell whether the cell is coded so."""
        return Decimal(cells.code(seen.row.get(self.column.name), self.column) == self.meaning)

    def plain(self) -> Plain:
        """Spell the leaf."""
        return ["is_code", self.column.plain(), self.meaning]

    @property
    def reads(self) -> str:
        """The column's name."""
        return self.column.name


@dataclass(frozen=True, slots=True)
class Text(Leaf):
    """The words of a column, to tell them apart; no number."""

    column: Column

    def word(self, seen: Seen) -> str | None:
        """Read the word."""
        return cells.word(seen.row.get(self.column.name), self.column)

    def value(self, seen: Seen) -> Decimal | None:  # noqa: ARG002
        """Refuse: a word is no number."""
        raise ExpressionFaulty(f"the words of {self.column.name} are no numbers")

    def plain(self) -> Plain:
        """Spell the leaf."""
        return ["words_of", self.column.plain()]

    @property
    def reads(self) -> str:
        """The column's name."""
        return self.column.name


@dataclass(frozen=True, slots=True)
class IsWord(Leaf):
    """1 where a column holds one of some words, 0 where another, missing where none."""

    column: Column
    among: tuple[str, ...]

    def value(self, seen: Seen) -> Decimal | None:
        """Tell whether the cell holds one of the words."""
        return self.of_word(cells.word(seen.row.get(self.column.name), self.column))

    def of_word(self, word: str | None) -> Decimal | None:
        """Tell whether a word is one of them."""
        if word is None:
            return None
        return _ONE if word in self.among else _NOUGHT

    def plain(self) -> Plain:
        """Spell the leaf."""
        return ["is_word", self.column.plain(), *self.among]

    @property
    def reads(self) -> str:
        """The column's name."""
        return self.column.name


@dataclass(frozen=True, slots=True)
class Moment(Leaf):
    """The time in a column, in microseconds since 1970, UTC; what has no zone counts as UTC."""

    name: str

    def value(self, seen: Seen) -> Decimal | None:
        """Read the time.

        Raises:
            cells.NotATime: the cell holds something else.
        """
        at = cells.moment(seen.row.get(self.name), self.name)
        return None if at is None else Decimal(at)

    def plain(self) -> Plain:
        """Spell the leaf."""
        return ["time_of", self.name]

    @property
    def reads(self) -> str:
        """The column's name."""
        return self.name


@dataclass(frozen=True, slots=True)
class AsOf(Leaf):
    """The instant up to which the row may know anything, in microseconds since 1970, UTC."""

    def value(self, seen: Seen) -> Decimal | None:
        """Give the instant."""
        return None if seen.as_of is None else Decimal(seen.as_of)

    def plain(self) -> Plain:
        """Spell the leaf."""
        return ["as_of"]


@dataclass(frozen=True, slots=True)
class Constant(Leaf):
    """A number."""

    number: Decimal

    def value(self, seen: Seen) -> Decimal:  # noqa: ARG002 - the same for every row
        """Give the number."""
        return self.number

    def plain(self) -> Plain:
        """Spell the number."""
        return {"number": decimal_text(self.number)}


@dataclass(frozen=True, slots=True)
class Apply(Expression):
    """An operation on some parts."""

    operation: str
    parts: tuple[Expression, ...]

    def value(self, seen: Seen) -> Decimal | None:
        """Work it out for one row."""
        return OPERATIONS[self.operation].one([part.value(seen) for part in self.parts])

    def columns(self, leaves: Mapping[Leaf, pl.Expr]) -> pl.Expr:
        """Work it out for whole columns."""
        return OPERATIONS[self.operation].many([part.columns(leaves) for part in self.parts])

    def leaves(self) -> Iterator[Leaf]:
        """Name the leaves of all parts."""
        for part in self.parts:
            yield from part.leaves()

    def plain(self) -> Plain:
        """Spell the operation with its parts."""
        return [self.operation, *(part.plain() for part in self.parts)]


def column(
    name: str,
    *,
    words: Mapping[str, Decimal] | None = None,
    special: Mapping[str, str] | None = None,
    missing: Sequence[str] = (),
) -> Number:
    """Declare the number in a column, with the words, codes and words for nothing it may hold."""
    return Number(
        Column(
            name=name,
            words=tuple((words or {}).items()),
            special=tuple((special or {}).items()),
            missing=tuple(missing),
        )
    )


def parse(written: object, names: Mapping[str, Expression], *, depth: int = 0) -> Expression:
    """Read an expression: a name, a number, or a list that begins with an operation.

    A name is looked up in `names` (columns with their codes, or other features) and is otherwise
    a column of the row as it stands.

    >>> parse(["ratio", "owed", ["sum", "limit", 1]], {}).value(
    ...     Seen({"owed": Decimal(30), "limit": Decimal(59)}))
    Decimal('0.5')

    Raises:
        ExpressionFaulty: no such operation, too few or too many parts, or too deep.
    """
    if depth > DEPTH_MAX:
        raise ExpressionFaulty(f"an expression is at most {DEPTH_MAX} deep")
    if isinstance(written, str):
        return names[written] if written in names else column(_name(written))
    if isinstance(written, int | float | Decimal) and not isinstance(written, bool):
        return Constant(_number(written))
    if not isinstance(written, list) or not written or not isinstance(written[0], str):
        raise ExpressionFaulty("an expression is a name, a number or a list with an operation")
    operation, *parts = written
    if operation in _LEAVES:
        return _LEAVES[operation](parts, names)
    known = OPERATIONS.get(operation)
    if known is None:
        raise ExpressionFaulty(f"there is no operation {operation!r}")
    if not known.least <= len(parts) <= known.most:
        raise ExpressionFaulty(f"{operation!r} takes {known.least} to {known.most} parts")
    return Apply(operation, tuple(parse(part, names, depth=depth + 1) for part in parts))


def shared(expression: Expression, pool: dict[Expression, Expression]) -> Expression:
    """Let equal parts of several expressions be one object, so that each is worked out once."""
    if isinstance(expression, Apply):
        parts = tuple(shared(part, pool) for part in expression.parts)
        expression = Apply(expression.operation, parts)
    return pool.setdefault(expression, expression)


def column_of(written: object, names: Mapping[str, Expression]) -> Column:
    """Read the name of a column.

    Raises:
        ExpressionFaulty: it is none, or the name of something worked out.
    """
    found = names.get(_name(written)) or column(_name(written))
    if not isinstance(found, Number):
        raise ExpressionFaulty(f"{written!r} is no column")
    return found.column


def _is_word(parts: list[object], names: Mapping[str, Expression]) -> Expression:
    if len(parts) < 2:
        raise ExpressionFaulty("'is_word' takes a column and words")
    return IsWord(column_of(parts[0], names), tuple(_name(word) for word in parts[1:]))


def _is_code(parts: list[object], names: Mapping[str, Expression]) -> Expression:
    if len(parts) != 2:
        raise ExpressionFaulty("'is_code' takes a column and the meaning of a code")
    coded, meaning = column_of(parts[0], names), _name(parts[1])
    if meaning not in coded.codes:
        raise ExpressionFaulty(f"{coded.name} has no code that means {meaning!r}")
    return IsCode(coded, meaning)


def _time_of(parts: list[object], names: Mapping[str, Expression]) -> Expression:
    if len(parts) != 1:
        raise ExpressionFaulty("'time_of' takes a column with a time")
    return Moment(column_of(parts[0], names).name)


def _days_since(parts: list[object], names: Mapping[str, Expression]) -> Expression:
    if len(parts) != 1:
        raise ExpressionFaulty("'days_since' takes a column with a time")
    return Apply("days", (AsOf(), Moment(column_of(parts[0], names).name)))


def _days_between(parts: list[object], names: Mapping[str, Expression]) -> Expression:
    if len(parts) != 2:
        raise ExpressionFaulty("'days_between' takes two columns with times, the earlier first")
    earlier, later = (Moment(column_of(part, names).name) for part in parts)
    return Apply("days", (later, earlier))


_LEAVES: Final = {
    "is_word": _is_word,
    "is_code": _is_code,
    "time_of": _time_of,
    "days_since": _days_since,
    "days_between": _days_between,
}


def _name(written: object) -> str:
    if not isinstance(written, str) or not 0 < len(written) <= NAME_MAX:
        raise ExpressionFaulty("a name or a word is a short text")
    return written


def _number(written: int | float | Decimal) -> Decimal:
    number = Decimal(str(written))
    if not number.is_finite() or abs(number) > NUMBER_MAX:
        raise ExpressionFaulty("a number is finite and not huge")
    return number
