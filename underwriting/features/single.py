"""Working out features for one row: only those that are asked for, each table read once."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from underwriting.features import cells, histories
from underwriting.features.declaration import Feature
from underwriting.features.expressions import Expression, Seen, Text
from underwriting.features.histories import Aggregate, Drawn, History
from underwriting.features.operations import DAY

Rows = Sequence[Mapping[str, Any]]


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
        return expression.value(self._seen)

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
        if as_of is None and history.known_after:
            raise ValueError(f"the table {history.table} needs an instant to know what was known")
        self._history = history
        self._as_of = as_of
        self._is_told = rows is not None
        self._seen: list[Seen] = []
        self._times: list[int] = []
        self._chosen: dict[tuple[int | None, int], tuple[Expression | None, list[int]]] = {}
        self._numbers: dict[int, tuple[Expression, list[Decimal | None]]] = {}
        self._words: dict[int, tuple[Text, list[str | None]]] = {}
        self._take(rows or ())

    def draw(self, drawn: Drawn) -> Decimal | None:
        if not self._is_told:
            return None
        places = self._places(drawn)
        if drawn.of is None:
            if drawn.aggregate is Aggregate.COUNT:
                return Decimal(len(places))
            times = [self._times[place] for place in places]
            return histories.of_times(drawn.aggregate, times, self._as_of)
        if isinstance(drawn.of, Text):
            words = self._words_of(drawn.of)
            return Decimal(len({words[place] for place in places} - {None}))
        numbers = self._numbers_of(drawn.of)
        known = [number for place in places if (number := numbers[place]) is not None]
        return histories.of_numbers(drawn.aggregate, known)

    def _take(self, rows: Rows) -> None:
        at = self._history.at
        kept: list[tuple[int, Mapping[str, Any]]] = []
        for row in rows:
            when = 0 if at is None else cells.moment(row.get(at), at)
            if when is None or (at is not None and self._as_of is not None and when >= self._as_of):
                continue
            kept.append((when, self._masked(row)))
        if at is not None:
            kept.sort(key=lambda each: each[0])
            self._times = [when for when, _ in kept]
        self._seen = [Seen(row, self._as_of) for _, row in kept]

    def _masked(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Hide the cells that were not known yet."""
        hidden = [
            column
            for column, known_at in self._history.known_after
            if not self._is_past(cells.moment(row.get(known_at), known_at))
        ]
        return row if not hidden else {**row, **dict.fromkeys(hidden)}

    def _is_past(self, when: int | None) -> bool:
        return when is not None and self._as_of is not None and when < self._as_of

    def _places(self, drawn: Drawn) -> list[int]:
        key = (drawn.days, id(drawn.where))
        found = self._chosen.get(key)
        if found is None:
            found = (drawn.where, self._choose(drawn.days, drawn.where))
            self._chosen[key] = found
        return found[1]

    def _choose(self, days: int | None, where: Expression | None) -> list[int]:
        first = 0
        if days is not None:
            if self._as_of is None:
                raise ValueError("a window needs the instant before which it lies")
            first = bisect_left(self._times, self._as_of - days * DAY)
        places = range(first, len(self._seen))
        if where is None:
            return list(places)
        flags = self._numbers_of(where)
        return [place for place in places if flags[place] == 1]

    def _numbers_of(self, expression: Expression) -> list[Decimal | None]:
        found = self._numbers.get(id(expression))
        if found is None:
            found = (expression, [expression.value(seen) for seen in self._seen])
            self._numbers[id(expression)] = found
        return found[1]

    def _words_of(self, text: Text) -> list[str | None]:
        found = self._words.get(id(text))
        if found is None:
            found = (text, [text.word(seen) for seen in self._seen])
            self._words[id(text)] = found
        return found[1]
