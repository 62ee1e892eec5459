"""Working out features for one row: only those that are asked for, each table read once."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from underwriting.features import cells, histories
from underwriting.features.cells import Column
from underwriting.features.declaration import Feature
from underwriting.features.expressions import Apply, Expression, IsWord, Moment, Number, Seen, Text
from underwriting.features.histories import Aggregate, Drawn, History
from underwriting.features.operations import DAY, OPERATIONS

Rows = Sequence[Mapping[str, Any]]

_COUNT: Final = Aggregate.COUNT


def single(
    features: Sequence[Feature],
    row: Mapping[str, Any],
    tables: Mapping[str, Rows],
    *,
    as_of: datetime | date | float | None,
) -> dict[str, Decimal | None]:
    """Work out features for one row with the events of its tables.

    A table that is not among `tables` was not asked: what would be drawn from it is missing. One
    with no rows was asked and has nothing. Without `as_of` every event counts.

    Raises:
        NotANumber, NotATime: a cell that is read holds something else.
        ValueError: a feature needs `as_of`, and there is none.
    """
    known = Known(row, tables, as_of=as_of)
    return {feature.name: feature.bounded(known.value(feature.expression)) for feature in features}


class Known:
    """One row with its tables, from which figures are worked out when they are asked for."""

    def __init__(
        self,
        row: Mapping[str, Any],
        tables: Mapping[str, Rows],
        *,
        as_of: datetime | date | float | None,
    ) -> None:
        self._as_of = cells.moment(as_of, "as_of")
        self._tables = tables
        self._pasts: dict[int, _Past] = {}
        self._seen = Seen(row, self._as_of, self._draw)

    def value(self, expression: Expression) -> Decimal | None:
        """Work out an expression."""
        return self._draw(expression) if type(expression) is Drawn else expression.value(self._seen)

    def _draw(self, drawn: Drawn) -> Decimal | None:
        # By identity: hashing a definition would cost more than what it saves. The definition is
        # kept beside, so that the number cannot be used again by another.
        past = self._pasts.get(id(drawn.history))
        if past is None:
            rows = self._tables.get(drawn.history.table)
            past = _Past(drawn.history, rows, self._as_of)
            self._pasts[id(drawn.history)] = past
        return past.draw(drawn)


class _Past:
    """The events of one table that were known at an instant, in the order of time."""

    def __init__(self, history: History, rows: Rows | None, as_of: int | None) -> None:
        if rows is not None and as_of is None and history.known_after:
            raise ValueError(f"the table {history.table} needs an instant to know what was known")
        self._history = history
        self._as_of = as_of
        self._is_told = rows is not None
        self._rows: list[Mapping[str, Any]] = []
        self._times: list[int] = []
        self._moments: dict[str, list[int | None]] = {}
        self._chosen: dict[tuple[int | None, int], tuple[Expression | None, list[int]]] = {}
        self._firsts: dict[int, int] = {}
        self._passed: dict[int, tuple[Expression | None, list[int]]] = {}
        self._numbers: dict[int, tuple[Expression, list[Decimal | None]]] = {}
        self._words: dict[Column, list[str | None]] = {}
        self._take(rows or ())

    def draw(self, drawn: Drawn) -> Decimal | None:
        if not self._is_told:
            return None
        chosen = self._chosen.get((drawn.days, id(drawn.where)))
        places = self._choose(drawn) if chosen is None else chosen[1]
        if drawn.of is None:
            if drawn.aggregate is _COUNT:
                return Decimal(len(places))
            if not places or self._as_of is None:
                return None
            place = places[0] if drawn.aggregate is Aggregate.DAYS_SINCE_FIRST else places[-1]
            return Decimal(self._as_of - self._times[place]) / DAY
        if type(drawn.of) is Text:
            words = self._words_of(drawn.of.column)
            return Decimal(len({words[place] for place in places} - {None}))
        numbers = self._numbers_of(drawn.of)
        known = [number for place in places if (number := numbers[place]) is not None]
        return histories.of_numbers(drawn.aggregate, known)

    def _take(self, rows: Rows) -> None:
        """Keep the events that were known, in the order of time, and hide what was not known."""
        history, as_of = self._history, self._as_of
        times = {
            name: [cells.moment(row.get(name), name) for row in rows] for name in history.times
        }
        places = list(range(len(rows)))
        if history.at is not None:
            known = {
                place: when
                for place, when in enumerate(times[history.at])
                if when is not None and (as_of is None or when < as_of)
            }
            places = sorted(known, key=known.__getitem__)
            self._times = [known[place] for place in places]
        hidden: dict[int, dict[str, None]] = {}
        for known_at, columns in history.by_time:
            for place in places:
                when = times[known_at][place]
                if when is None or as_of is None or when >= as_of:
                    hidden.setdefault(place, {}).update(dict.fromkeys(columns))
        nothing: dict[str, None] = {}
        self._rows = [
            rows[place] if place not in hidden else {**rows[place], **hidden[place]}
            for place in places
        ]
        self._moments = {
            name: [None if name in hidden.get(place, nothing) else whens[place] for place in places]
            for name, whens in times.items()
        }

    def _choose(self, drawn: Drawn) -> list[int]:
        """Find the events of a window that meet a filter, in the order of time."""
        places = self._passing(drawn.where)
        if drawn.days is not None:
            places = places[bisect_left(places, self._first(drawn.days)) :]
        self._chosen[drawn.days, id(drawn.where)] = (drawn.where, places)
        return places

    def _first(self, days: int) -> int:
        """Find the first event of a window."""
        first = self._firsts.get(days)
        if first is None:
            if self._as_of is None:
                raise ValueError("a window needs the instant before which it lies")
            first = bisect_left(self._times, self._as_of - days * DAY)
            self._firsts[days] = first
        return first

    def _passing(self, where: Expression | None) -> list[int]:
        found = self._passed.get(id(where))
        if found is None:
            found = (where, self._meeting(where))
            self._passed[id(where)] = found
        return found[1]

    def _meeting(self, where: Expression | None) -> list[int]:
        if where is None:
            return list(range(len(self._rows)))
        if type(where) is IsWord:
            words = self._words_of(where.column)
            return [place for place, word in enumerate(words) if word in where.among]
        return [place for place, flag in enumerate(self._numbers_of(where)) if flag == 1]

    def _numbers_of(self, expression: Expression) -> list[Decimal | None]:
        """Work out an expression for every event, each part of it once."""
        found = self._numbers.get(id(expression))
        if found is None:
            found = (expression, self._worked_out(expression))
            self._numbers[id(expression)] = found
        return found[1]

    def _worked_out(self, expression: Expression) -> list[Decimal | None]:
        # By type and not isinstance, which asks an abstract class's registry at every miss.
        if type(expression) is Apply:
            one = OPERATIONS[expression.operation].one
            parts = [self._numbers_of(part) for part in expression.parts]
            return [one(row) for row in zip(*parts, strict=True)]
        if type(expression) is IsWord:
            return [expression.of_word(word) for word in self._words_of(expression.column)]
        if type(expression) is Moment and expression.name in self._moments:
            whens = self._moments[expression.name]
            return [None if when is None else Decimal(when) for when in whens]
        if type(expression) is Number:
            column = expression.column
            return [cells.number(row.get(column.name), column) for row in self._rows]
        return [expression.value(Seen(row, self._as_of)) for row in self._rows]

    def _words_of(self, column: Column) -> list[str | None]:
        found = self._words.get(column)
        if found is None:
            found = [cells.word(row.get(column.name), column) for row in self._rows]
            self._words[column] = found
        return found
