"""Drawing figures from a table of events for many rows at once.

Polars reads, joins and sorts the events once. A window with a filter then picks events once for
all figures that share it, and each figure is one pass of numpy over runs of equal rows, which is
several times as fast as a group_by where cells are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from underwriting.features import columns
from underwriting.features.expressions import AsOf, Constant, Expression, Leaf, Text
from underwriting.features.histories import COUNTS, Aggregate, Drawn, History, Table
from underwriting.features.operations import DAY

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

ROW: Final = "__row"
AS_OF: Final = "__as_of"
_EVENT: Final = "__event"
_AT: Final = "__at"
_KEY: Final = "__key"


@dataclass(frozen=True, slots=True)
class _Run:
    """Events that a window and a filter picked, in runs of one base row each."""

    events: Places | None
    """Which; None for all."""
    starts: Places
    lengths: Places
    rows: Places
    """The base row of each run."""


class Events:
    """The events of one table that each row of a base may know, in the order of time.

    `base` has `ROW` and `AS_OF` (microseconds, null where no instant is given) beside the key.
    """

    def __init__(self, history: History, table: Table, base: pl.DataFrame, *, key: str) -> None:
        self._history = history
        self._table = table.rows
        self._height = base.height
        self._told = None if table.told is None else _told(base, table.told)
        self._values: dict[int, tuple[Expression, Floats]] = {}
        pairs = self._pairs(table, base, key)
        self._rows: Places = pairs[ROW].to_numpy().astype(np.int64)
        self._events = pairs[_EVENT]
        self._at = pairs[_AT]
        self._as_of = pairs[AS_OF]

    def draw(self, wanted: Sequence[Drawn]) -> Iterator[tuple[Drawn, Floats]]:
        """Give the figures, one float a row of the base and NaN for what is missing."""
        conditions: dict[tuple[int | None, int], list[Drawn]] = {}
        for drawn in wanted:
            conditions.setdefault((drawn.days, id(drawn.where)), []).append(drawn)
        for alike in conditions.values():
            run = self._run(alike[0].days, alike[0].where)
            for of, same in _by_measure(alike):
                for drawn, figures in self._measured(of, same, run):
                    yield drawn, self._hide_untold(figures)

    def _pairs(self, table: Table, base: pl.DataFrame, key: str) -> pl.DataFrame:
        at = self._history.at
        if table.key not in table.rows.columns:
            raise columns.ColumnMissing(f"there is no column {table.key!r}")
        times = (
            pl.Series(_AT, [0], dtype=pl.Int64).new_from_index(0, table.rows.height)
            if at is None
            else _moments(table.rows, at).alias(_AT)
        )
        events = pl.DataFrame([table.rows[table.key].alias(_KEY), times]).with_row_index(_EVENT)
        if at is not None:
            events = events.filter(pl.col(_AT).is_not_null())
        people = base.select(pl.col(key).alias(_KEY), ROW, AS_OF)
        try:
            pairs = people.join(events, on=_KEY, how="inner")
        except pl.exceptions.PolarsError as fault:
            raise ValueError(
                f"the keys of {self._history.table} and of the base are of two kinds"
            ) from fault
        if at is not None:
            pairs = pairs.filter(pl.col(AS_OF).is_null() | (pl.col(_AT) < pl.col(AS_OF)))
        return pairs.sort(ROW, _AT, _EVENT)

    def _run(self, days: int | None, where: Expression | None) -> _Run:
        picked: NDArray[np.bool_] | None = None
        if days is not None:
            if self._as_of.null_count():
                raise ValueError("a window needs the instant before which it lies")
            picked = (self._at >= self._as_of - days * DAY).to_numpy()
        if where is not None:
            meets = self._numbers(where) == 1
            picked = meets if picked is None else picked & meets
        events = None if picked is None or picked.all() else np.flatnonzero(picked)
        return _runs(events, self._rows if events is None else self._rows[events])

    def _measured(
        self, of: Expression | None, same: Sequence[Drawn], run: _Run
    ) -> Iterator[tuple[Drawn, Floats]]:
        if of is None:
            for drawn in same:
                yield drawn, self._of_times(drawn.aggregate, run)
            return
        if isinstance(of, Text):
            found = self._distinct(of, run)
            for drawn in same:
                yield drawn, found
            return
        numbers = self._numbers(of)
        measured = _Measured(numbers if run.events is None else numbers[run.events], run)
        for drawn in same:
            yield drawn, self._placed(drawn.aggregate, measured.of(drawn.aggregate), measured.run)

    def _of_times(self, aggregate: Aggregate, run: _Run) -> Floats:
        if aggregate is Aggregate.COUNT:
            return self._placed(aggregate, run.lengths.astype(np.float64), run)
        places = (
            run.starts if aggregate is Aggregate.DAYS_SINCE_FIRST else run.starts + run.lengths - 1
        )
        if run.events is not None:
            places = run.events[places]
        since = (self._as_of - self._at).cast(pl.Float64).fill_null(float("nan")).to_numpy()
        return self._placed(aggregate, since[places] / DAY, run)

    def _distinct(self, text: Text, run: _Run) -> Floats:
        words = self._leaf(text).cast(pl.Categorical).to_physical().cast(pl.Float64)
        codes = words.fill_null(float("nan")).to_numpy()
        measured = _Measured(codes if run.events is None else codes[run.events], run)
        return self._placed(Aggregate.DISTINCT, measured.distinct(), measured.run)

    def _placed(self, aggregate: Aggregate, figures: Floats, run: _Run) -> Floats:
        """Put the figures of the runs to their rows; a count of nothing is 0."""
        if len(run.rows) == self._height:
            return figures
        nothing = 0.0 if aggregate in COUNTS else np.nan
        placed = np.full(self._height, nothing, dtype=np.float64)
        placed[run.rows] = figures
        return placed

    def _hide_untold(self, figures: Floats) -> Floats:
        return figures if self._told is None else np.where(self._told, figures, np.nan)

    def _numbers(self, expression: Expression) -> Floats:
        found = self._values.get(id(expression))
        if found is None:
            found = (expression, self._worked_out(expression))
            self._values[id(expression)] = found
        return found[1]

    def _worked_out(self, expression: Expression) -> Floats:
        leaves = list(dict.fromkeys(expression.leaves()))
        names = {leaf: f"leaf{place}" for place, leaf in enumerate(leaves)}
        frame = pl.DataFrame(
            [pl.Series(ROW, self._rows), *(self._leaf(leaf).alias(names[leaf]) for leaf in leaves)]
        )
        found = frame.select(
            expression.columns({leaf: pl.col(name) for leaf, name in names.items()})
            .cast(pl.Float64)
            .fill_null(float("nan"))
            .alias("found")
        ).to_series()
        numbers: Floats = found.to_numpy()
        return numbers

    def _leaf(self, leaf: Leaf) -> pl.Series:
        """Read a leaf of every event, hiding cells that were not known yet."""
        if isinstance(leaf, AsOf):
            return self._as_of.cast(pl.Float64)
        if isinstance(leaf, Constant):
            return columns.constant(leaf, len(self._rows))
        found = columns.read(self._table, leaf).gather(self._events)
        if not isinstance(leaf, Text):
            found = found.cast(pl.Float64)
        for name, known_at in self._history.known_after:
            if name == leaf.reads:
                known = _moments(self._table, known_at).gather(self._events) < self._as_of
                found = _masked(found, known)
        return found


class _Measured:
    """The known numbers of a run, and what they come to."""

    def __init__(self, numbers: Floats, run: _Run) -> None:
        known = ~np.isnan(numbers)
        if known.all():
            self.run = run
        else:
            numbers = numbers[known]
            self.run = _runs(None, np.repeat(run.rows, run.lengths)[known])
        self._numbers = numbers
        self._starts = self.run.starts
        self._lengths = self.run.lengths

    def of(self, aggregate: Aggregate) -> Floats:
        return _OF_NUMBERS[aggregate](self) if len(self._numbers) else self._numbers

    def known(self) -> Floats:
        return self._lengths.astype(np.float64)

    def sums(self) -> Floats:
        return self._summed(self._numbers)

    def means(self) -> Floats:
        return self.sums() / self._lengths

    def least(self) -> Floats:
        found: Floats = np.minimum.reduceat(self._numbers, self._starts)
        return found

    def largest(self) -> Floats:
        found: Floats = np.maximum.reduceat(self._numbers, self._starts)
        return found

    def first(self) -> Floats:
        return self._numbers[self._starts]

    def last(self) -> Floats:
        ends: Places = self._starts + self._lengths - 1
        return self._numbers[ends]

    def changes(self) -> Floats:
        return self.last() - self.first()

    def deviations(self) -> Floats:
        apart = self._numbers - np.repeat(self.means(), self._lengths)
        with np.errstate(invalid="ignore", divide="ignore"):
            found: Floats = np.sqrt(self._summed(apart * apart) / (self._lengths - 1))
        return np.where(self._lengths > 1, found, np.nan)

    def distinct(self) -> Floats:
        if not len(self._numbers):
            return self._numbers
        words = self._numbers.astype(np.int64)
        width = int(words.max()) + 1
        runs = np.repeat(np.arange(len(self._starts)), self._lengths)
        each = np.unique(runs * width + words) // width
        return np.bincount(each, minlength=len(self._starts)).astype(np.float64)

    def _summed(self, numbers: Floats) -> Floats:
        found: Floats = np.add.reduceat(numbers, self._starts)
        return found


_OF_NUMBERS: Final[Mapping[Aggregate, Callable[[_Measured], Floats]]] = MappingProxyType({
    Aggregate.KNOWN: _Measured.known,
    Aggregate.SUM: _Measured.sums,
    Aggregate.MEAN: _Measured.means,
    Aggregate.MIN: _Measured.least,
    Aggregate.MAX: _Measured.largest,
    Aggregate.STD: _Measured.deviations,
    Aggregate.FIRST: _Measured.first,
    Aggregate.LAST: _Measured.last,
    Aggregate.CHANGE: _Measured.changes,
})  # fmt: skip


def _runs(events: Places | None, rows: Places) -> _Run:
    """Find where each base row's events begin, in rows that are sorted."""
    if not len(rows):
        return _Run(events, rows, rows, rows)
    starts = np.flatnonzero(np.concatenate([[True], rows[1:] != rows[:-1]]))
    lengths = np.diff(np.append(starts, len(rows)))
    return _Run(events, starts, lengths, rows[starts])


def _by_measure(alike: Iterable[Drawn]) -> Iterable[tuple[Expression | None, list[Drawn]]]:
    found: dict[int, tuple[Expression | None, list[Drawn]]] = {}
    for drawn in alike:
        found.setdefault(id(drawn.of), (drawn.of, []))[1].append(drawn)
    return found.values()


def _moments(frame: pl.DataFrame, name: str) -> pl.Series:
    if name not in frame.columns:
        raise columns.ColumnMissing(f"there is no column {name!r}")
    return columns.moments(frame[name])


def _masked(found: pl.Series, known: pl.Series) -> pl.Series:
    return pl.select(pl.when(known).then(found)).to_series().alias(found.name)


def _told(base: pl.DataFrame, name: str) -> NDArray[np.bool_]:
    if name not in base.columns:
        raise columns.ColumnMissing(f"there is no column {name!r}")
    told: NDArray[np.bool_] = base[name].cast(pl.Boolean).fill_null(value=False).to_numpy()
    return told
