"""Families: thousands of features from a few lines, each made only when it is asked for by name.

A family crosses the measures of one table of events with aggregates, windows and filters. The name
of a member says what it is: ``inquiries__rows__count__7d__cash_loan`` is the table, the measure,
the aggregate, the window and the filter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from itertools import product
from typing import Any, Final

from underwriting.features import expressions
from underwriting.features.declaration import Feature, Sign, Source, Unit
from underwriting.features.expressions import Apply, Expression, ExpressionFaulty, Text
from underwriting.features.histories import (
    COUNTS,
    OF_EVENTS,
    OF_NUMBERS,
    OF_WORDS,
    WINDOW_DAYS_MAX,
    Aggregate,
    Drawn,
    History,
)
from underwriting.reasons import Reason

BETWEEN: Final = "__"
ROWS: Final = "rows"
"""The measure of the events themselves."""
ALL: Final = "all"
"""The window without an end, and the filter that lets everything through."""
MEMBERS_MAX: Final = 1_000_000
HIGH: Final = Decimal(10) ** 15
PARTS_MAX: Final = 500

_TIMED: Final = frozenset({Aggregate.DAYS_SINCE_FIRST, Aggregate.DAYS_SINCE_LAST})


class FamilyFaulty(ValueError):
    """A family cannot be made; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What is measured of each event of a table."""

    meaning: str
    of: Expression | None
    """A number, words to tell apart, or None for the event itself."""
    unit: Unit = Unit.COUNT
    sign: Sign = Sign.FREE
    """Of what rises with it: every aggregate but deviations, changes and times."""
    reason: Reason

    def goes_with(self, aggregate: Aggregate) -> bool:
        """Tell whether an aggregate means something for this measure."""
        if self.of is None:
            return aggregate in OF_EVENTS
        return aggregate in (OF_WORDS if isinstance(self.of, Text) else OF_NUMBERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """All features that a table of events gives."""

    history: History
    source: Source
    measures: Mapping[str, Measure]
    aggregates: tuple[Aggregate, ...]
    windows: tuple[str, ...]
    """``"30d"`` for so many days, or ``"all"``."""
    filters: Mapping[str, Expression | None]
    """By name; an event passes where the expression is 1. ``"all"`` is None."""
    days: Mapping[str, int | None] = field(init=False)

    def __post_init__(self) -> None:
        """Check the names, of which the members' names are made, and share equal parts.

        Raises:
            FamilyFaulty: a name that cannot be told from its neighbours, or too many members.
        """
        names = (self.history.table, *self.measures, *self.filters)
        bad = [name for name in names if not name.isidentifier() or BETWEEN in name]
        bad += [name for name in names if name.startswith("_") or name.endswith("_")]
        if bad:
            raise FamilyFaulty(f"not a name for a part of a family: {', '.join(sorted(set(bad)))}")
        object.__setattr__(self, "days", {word: _days(word) for word in self.windows})
        if self.history.at is None and any(days is not None for days in self.days.values()):
            raise FamilyFaulty("a window of days needs a column with the time of an event")
        if len(self) > MEMBERS_MAX:
            raise FamilyFaulty(f"a family has at most {MEMBERS_MAX} members")
        pool: dict[Expression, Expression] = {}
        measures = {
            name: replace(each, of=_shared(each.of, pool)) for name, each in self.measures.items()
        }
        filters = {name: _shared(each, pool) for name, each in self.filters.items()}
        object.__setattr__(self, "measures", measures)
        object.__setattr__(self, "filters", filters)

    def __len__(self) -> int:
        """Count the members without making them."""
        pairs = sum(1 for _ in self._pairs())
        return pairs * len(self.windows) * len(self.filters)

    def names(self) -> Iterator[str]:
        """Name the members, those that share events beside each other."""
        for window, chosen in product(self.windows, self.filters):
            for measure, aggregate in self._pairs():
                yield BETWEEN.join((self.history.table, measure, aggregate.value, window, chosen))

    def feature(self, name: str) -> Feature:
        """Make the member of a name.

        Raises:
            KeyError: there is no such member.
        """
        try:
            table, measure_name, word, window, chosen = name.split(BETWEEN)
            measure, aggregate = self.measures[measure_name], Aggregate(word)
            days, where = self.days[window], self.filters[chosen]
        except ValueError:
            raise KeyError(name) from None
        fits = aggregate in self.aggregates and measure.goes_with(aggregate)
        if table != self.history.table or not fits or not self._is_timed(aggregate):
            raise KeyError(name)
        is_count = aggregate in COUNTS
        timed = aggregate in _TIMED
        return Feature(
            name=name,
            meaning=f"{measure.meaning}: {aggregate.value}, window {window}, {chosen}",
            unit=_unit(measure, aggregate),
            source=self.source,
            sign=_sign(measure, aggregate),
            reason=measure.reason,
            low=Decimal(0) if is_count or timed else -HIGH,
            high=HIGH,
            of=self._drawn(measure, aggregate, days, where),
        )

    def _pairs(self) -> Iterator[tuple[str, Aggregate]]:
        for (name, measure), aggregate in product(self.measures.items(), self.aggregates):
            if measure.goes_with(aggregate) and self._is_timed(aggregate):
                yield name, aggregate

    def _is_timed(self, aggregate: Aggregate) -> bool:
        return self.history.at is not None or aggregate not in _TIMED

    def _drawn(
        self, measure: Measure, aggregate: Aggregate, days: int | None, where: Expression | None
    ) -> Expression:
        if aggregate is Aggregate.SHARE:
            some, every = (
                Drawn(history=self.history, aggregate=Aggregate.COUNT, days=days, where=chosen)
                for chosen in (where, None)
            )
            return Apply("ratio", (some, every))
        return Drawn(
            history=self.history, aggregate=aggregate, of=measure.of, days=days, where=where
        )


def _shared(each: Expression | None, pool: dict[Expression, Expression]) -> Expression | None:
    return None if each is None else expressions.shared(each, pool)


def _unit(measure: Measure, aggregate: Aggregate) -> Unit:
    if aggregate in COUNTS:
        return Unit.COUNT
    if aggregate in _TIMED:
        return Unit.DAYS
    return Unit.RATIO if aggregate is Aggregate.SHARE else measure.unit


def _sign(measure: Measure, aggregate: Aggregate) -> Sign:
    if aggregate in {Aggregate.STD, Aggregate.CHANGE} | _TIMED:
        return Sign.FREE
    return measure.sign


def _days(word: str) -> int | None:
    if word == ALL:
        return None
    if word.endswith("d") and word[:-1].isdecimal() and 1 <= int(word[:-1]) <= WINDOW_DAYS_MAX:
        return int(word[:-1])
    raise FamilyFaulty(f"a window is 'all' or a number of days such as '30d', not {word!r}")


def parse(written: Mapping[str, Any], names: Mapping[str, Expression], *, source: Source) -> Family:
    """Read a family from a table of TOML; `names` are the columns of its events with their codes.

    Keys: ``table``, ``at``, ``known_after`` (column to column), ``windows``, ``aggregates``,
    ``filters`` (name to expression; ``all`` is always there) and ``measures``, each with ``of``
    (an expression) or ``words_of`` (a column) or neither (the events), ``meaning``, ``unit``,
    ``sign`` and ``reason``.

    Raises:
        FamilyFaulty: a key is missing or unknown, or a value cannot be used.
    """
    try:
        _only(
            written, {"table", "at", "known_after", "windows", "aggregates", "filters", "measures"}
        )
        return Family(
            history=History(
                table=_text(written["table"]),
                at=None if written.get("at") is None else _text(written["at"]),
                known_after=tuple(
                    (_text(column), _text(known))
                    for column, known in written.get("known_after", {}).items()
                ),
            ),
            source=source,
            measures={
                name: _measure(each, names) for name, each in _some(written["measures"]).items()
            },
            aggregates=tuple(Aggregate(word) for word in _unique(written["aggregates"])),
            windows=_unique(written.get("windows", [ALL])),
            filters={
                ALL: None,
                **{
                    name: expressions.parse(each, names)
                    for name, each in _some(written.get("filters", {})).items()
                },
            },
        )
    except KeyError as missing:
        raise FamilyFaulty(f"a family lacks {missing}") from None
    except (TypeError, AttributeError, ValueError, InvalidOperation) as fault:
        raise FamilyFaulty(f"a family cannot be read: {fault}") from None


def _measure(written: Mapping[str, Any], names: Mapping[str, Expression]) -> Measure:
    _only(written, {"of", "words_of", "meaning", "unit", "sign", "reason"})
    if "of" in written and "words_of" in written:
        raise FamilyFaulty("a measure is of a number or of words, not of both")
    of: Expression | None = None
    if "of" in written:
        of = expressions.parse(written["of"], names)
    elif "words_of" in written:
        of = Text(expressions.column_of(written["words_of"], names))
    return Measure(
        meaning=_text(written["meaning"]),
        of=of,
        unit=Unit(written.get("unit", Unit.COUNT.value)),
        sign=Sign[str(written.get("sign", "free")).upper()],
        reason=Reason(written["reason"]),
    )


def _only(written: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(set(written) - known)
    if unknown:
        raise FamilyFaulty(f"unknown keys: {', '.join(unknown)}")


def _text(written: object) -> str:
    if not isinstance(written, str) or not written:
        raise ExpressionFaulty("a name is a text")
    return written


def _some(written: Mapping[str, Any]) -> Mapping[str, Any]:
    if len(written) > PARTS_MAX:
        raise FamilyFaulty(f"a table of at most {PARTS_MAX} names is needed")
    return written


def _unique(written: Sequence[str]) -> tuple[str, ...]:
    if not isinstance(written, list) or not written or len(set(written)) != len(written):
        raise FamilyFaulty("a list of words is needed, each once")
    return tuple(_text(word) for word in written)
