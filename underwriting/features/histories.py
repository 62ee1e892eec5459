"""Tables of events about somebody, and the figures that are drawn from them.

What counts is what could be known: events before the instant of the dossier, and of an event only
the cells that were known by then (a loan's closing is not known while it runs).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

import polars as pl

from underwriting.features.cells import Plain
from underwriting.features.expressions import Expression, Leaf, Seen, Text

WINDOW_DAYS_MAX: Final = 36_500
_NOUGHT: Final = Decimal(0)


class Aggregate(StrEnum):
    """How many events become one figure.

    A count of nothing is 0, every other figure of nothing is missing. Numbers are those of the
    events whose number is known.
    """

    COUNT = "count"
    """Events."""
    DAYS_SINCE_FIRST = "days_since_first"
    DAYS_SINCE_LAST = "days_since_last"
    KNOWN = "known"
    """Events whose number is known."""
    SUM = "sum"
    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    STD = "std"
    """Of a sample, so of two numbers at least."""
    FIRST = "first"
    """The number of the earliest event; of events at one instant, in the order of the table."""
    LAST = "last"
    CHANGE = "change"
    """The last number less the first."""
    DISTINCT = "distinct"
    """Different words."""
    SHARE = "share"
    """Events over all events of the window, whatever the filter."""


OF_EVENTS: Final = frozenset({
    Aggregate.COUNT, Aggregate.SHARE, Aggregate.DAYS_SINCE_FIRST, Aggregate.DAYS_SINCE_LAST,
})  # fmt: skip
OF_WORDS: Final = frozenset({Aggregate.DISTINCT})
OF_NUMBERS: Final = frozenset(Aggregate) - OF_EVENTS - OF_WORDS
COUNTS: Final = frozenset({Aggregate.COUNT, Aggregate.KNOWN, Aggregate.DISTINCT})


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A table of events, and from when on its rows and cells may be known."""

    table: str
    at: str | None
    """The column with the instant of an event; a row without one is not counted. None: a table
    without times, all of whose rows are known."""
    known_after: tuple[tuple[str, str], ...] = ()
    """Columns that are known only after the time in another: closed_at after closed_at."""

    @property
    def times(self) -> tuple[str, ...]:
        """The columns with a time that say what may be known, each once."""
        at = () if self.at is None else (self.at,)
        return tuple(dict.fromkeys((*at, *(known_at for _, known_at in self.known_after))))

    @property
    def by_time(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The columns with a time, each with those that are known only after it."""
        times = dict.fromkeys(known_at for _, known_at in self.known_after)
        return tuple(
            (at, tuple(column for column, known_at in self.known_after if known_at == at))
            for at in times
        )

    def plain(self) -> dict[str, Plain]:
        """Spell the definition."""
        return {
            "table": self.table,
            "at": self.at,
            "known_after": [list(pair) for pair in self.known_after],
        }


class Table(NamedTuple):
    """Events of many people, as a frame."""

    rows: pl.DataFrame
    key: str
    """The column that says whose event it is."""
    told: str | None = None
    """The column of the base that is true where the table was asked about somebody: without an
    event he has none, while one who was not asked about is missing. None: everybody was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn(Leaf):
    """A figure drawn from the events of one table, within a window, that meet a filter."""

    history: History
    aggregate: Aggregate
    of: Expression | None = None
    """Of each event; None for aggregates of the events themselves."""
    days: int | None = None
    """The window: so many days before the dossier, this far back included. None: all."""
    where: Expression | None = None
    """Events for which this is 1. None: all."""

    def __post_init__(self) -> None:
        """Refuse what means nothing.

        Raises:
            ValueError: the aggregate does not go with what it is of, or the window needs a time.
        """
        if not _fits(self.aggregate, self.of):
            raise ValueError(f"{self.aggregate} does not go with what it is to be drawn from")
        if self.days is not None and not 1 <= self.days <= WINDOW_DAYS_MAX:
            raise ValueError(f"a window has 1 to {WINDOW_DAYS_MAX} days")
        if self.history.at is None and (self.days is not None or self.aggregate in _TIMED):
            raise ValueError(f"the table {self.history.table} has no times")

    def value(self, seen: Seen) -> Decimal | None:
        """Draw the figure from the events at hand; missing where the table was not asked."""
        return None if seen.draw is None else seen.draw(self)

    def leaves(self) -> Iterator[Leaf]:
        """Give the leaf itself; its parts are read from its own table."""
        yield self

    def plain(self) -> Plain:
        """Spell the definition."""
        return {
            "drawn": self.aggregate.value,
            "from": self.history.plain(),
            "of": None if self.of is None else self.of.plain(),
            "days": self.days,
            "where": None if self.where is None else self.where.plain(),
        }


def of_numbers(aggregate: Aggregate, known: list[Decimal]) -> Decimal | None:
    """Work out an aggregate of the known numbers, in the order of their events."""
    if known:
        return _OF_NUMBERS[aggregate](known)
    return Decimal(0) if aggregate is Aggregate.KNOWN else None


def _deviation(known: list[Decimal]) -> Decimal | None:
    if len(known) < 2:
        return None
    middle = sum(known, _NOUGHT) / len(known)
    squares = sum(((each - middle) ** 2 for each in known), _NOUGHT)
    return (squares / (len(known) - 1)).sqrt()


_TIMED: Final = frozenset({Aggregate.DAYS_SINCE_FIRST, Aggregate.DAYS_SINCE_LAST})


def _fits(aggregate: Aggregate, of: Expression | None) -> bool:
    if aggregate is Aggregate.SHARE:
        return False  # a ratio of two counts, see families
    if of is None:
        return aggregate in OF_EVENTS
    return aggregate in (OF_WORDS if isinstance(of, Text) else OF_NUMBERS)


_OF_NUMBERS: Final[Mapping[Aggregate, Callable[[list[Decimal]], Decimal | None]]] = (
    MappingProxyType({
        Aggregate.KNOWN: lambda known: Decimal(len(known)),
        Aggregate.SUM: lambda known: sum(known, _NOUGHT),
        Aggregate.MEAN: lambda known: sum(known, _NOUGHT) / len(known),
        Aggregate.MIN: min,
        Aggregate.MAX: max,
        Aggregate.STD: _deviation,
        Aggregate.FIRST: lambda known: known[0],
        Aggregate.LAST: lambda known: known[-1],
        Aggregate.CHANGE: lambda known: known[-1] - known[0],
    })
)  # fmt: skip
