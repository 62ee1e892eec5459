"""Working out features for many rows at once, equal to `single` row for row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from underwriting.features import columns
from underwriting.features.cells import CellFaulty
from underwriting.features.declaration import Feature
from underwriting.features.drawing import AS_OF, ROW, Events, Floats
from underwriting.features.expressions import AsOf, Constant, Leaf
from underwriting.features.histories import Drawn, History, Table

CELLS_MAX: Final = 16_000_000
"""Of one chunk: 64 MB of Float32, and three times as much while it is made."""


def batch(
    features: Sequence[Feature],
    base: pl.DataFrame,
    tables: Mapping[str, Table],
    *,
    key: str,
    as_of: str | None,
) -> pl.DataFrame:
    """Work out features for every row of a base: one Float64 column each, null for missing.

    `key` is the base's column that the tables' keys are looked up in, `as_of` its column with the
    instant up to which a row may know anything; None: every event counts. A table that a feature
    needs and `tables` lacks was not asked, so its figures are missing.

    Raises:
        ColumnMissing: the base or a table lacks a column that a feature reads.
        NotANumber, NotATime: a cell that is read holds something else; the text names its row.
        ValueError: a row has no `as_of`, or a feature needs it and there is none.
    """
    return _Prepared(base, tables, key=key, as_of=as_of).frame(features, pl.Float64)


def chunks(
    features: Sequence[Feature],
    base: pl.DataFrame,
    tables: Mapping[str, Table],
    *,
    key: str,
    as_of: str | None,
    cells_max: int = CELLS_MAX,
) -> Iterator[pl.DataFrame]:
    """Work out many features a few at a time, as Float32: memory stays bounded.

    Each frame has some of the features in the order asked for, for all rows of the base. Raises
    as `batch` does.
    """
    prepared = _Prepared(base, tables, key=key, as_of=as_of)
    width = max(1, cells_max // max(1, base.height))
    for first in range(0, len(features), width):
        yield prepared.frame(features[first : first + width], pl.Float32)


class _Prepared:
    """A base and its tables, read once for many features."""

    def __init__(
        self, base: pl.DataFrame, tables: Mapping[str, Table], *, key: str, as_of: str | None
    ) -> None:
        self._base = base
        self._tables = tables
        self._key = key
        self._as_of = _instants(base, as_of)
        self._events: dict[History, Events | None] = {}
        self._leaves: dict[Leaf, pl.Series] = {}

    def frame(
        self, features: Sequence[Feature], kind: type[pl.Float64] | type[pl.Float32]
    ) -> pl.DataFrame:
        drawn = self._drawn(features)
        worked_out = self._worked_out(
            [each for each in features if not isinstance(each.expression, Drawn)], drawn
        )
        narrow = np.float64 if kind is pl.Float64 else np.float32
        found = []
        for feature in features:
            figures = (
                drawn[id(feature.of)]
                if isinstance(feature.of, Drawn)
                else worked_out[feature.name].to_numpy()
            )
            inside = _bounded(figures, feature).astype(narrow, copy=False)
            found.append(pl.Series(feature.name, inside, dtype=kind, nan_to_null=True))
        return pl.DataFrame(found)

    def _drawn(self, features: Sequence[Feature]) -> dict[int, Floats]:
        """Draw what the features need from events, by the identity of the definition."""
        wanted: dict[History, dict[int, Drawn]] = {}
        for feature in features:
            for leaf in feature.expression.leaves():
                if isinstance(leaf, Drawn):
                    wanted.setdefault(leaf.history, {})[id(leaf)] = leaf
        found: dict[int, Floats] = {}
        for history, leaves in wanted.items():
            try:
                found |= self._drawn_of(history, leaves)
            except CellFaulty as fault:
                fault.table = history.table
                raise
        return found

    def _drawn_of(self, history: History, leaves: Mapping[int, Drawn]) -> dict[int, Floats]:
        events = self._events_of(history)
        if events is None:
            return dict.fromkeys(leaves, np.full(self._base.height, np.nan))
        return {id(leaf): figures for leaf, figures in events.draw(list(leaves.values()))}

    def _events_of(self, history: History) -> Events | None:
        if history not in self._events:
            table = self._tables.get(history.table)
            if table is not None and history.known_after and self._as_of.null_count():
                raise ValueError(f"the table {history.table} needs an instant")
            self._events[history] = (
                None
                if table is None
                else Events(history, table, self._with_places(), key=self._key)
            )
        return self._events[history]

    def _with_places(self) -> pl.DataFrame:
        if self._key not in self._base.columns:
            raise columns.ColumnMissing(f"there is no column {self._key!r}")
        return self._base.with_columns(self._as_of).with_row_index(ROW)

    def _worked_out(self, features: Sequence[Feature], drawn: Mapping[int, Floats]) -> pl.DataFrame:
        """Work out what is not just drawn, from leaves of the base and what was drawn."""
        leaves = dict.fromkeys(leaf for feature in features for leaf in feature.expression.leaves())
        names = {leaf: f"leaf{place}" for place, leaf in enumerate(leaves)}
        known = {leaf: pl.col(name) for leaf, name in names.items()}
        frame = pl.DataFrame(
            [
                pl.Series(ROW, np.arange(self._base.height)),
                *(self._leaf(leaf, drawn).alias(name) for leaf, name in names.items()),
            ]
        )
        return frame.select(
            ROW,
            *(
                feature.expression.columns(known)
                .cast(pl.Float64)
                .fill_null(float("nan"))
                .alias(feature.name)
                for feature in features
            ),
        )

    def _leaf(self, leaf: Leaf, drawn: Mapping[int, Floats]) -> pl.Series:
        if isinstance(leaf, Drawn):
            return pl.Series(drawn[id(leaf)], nan_to_null=True)
        if isinstance(leaf, Constant):
            return columns.constant(leaf, self._base.height)
        if leaf not in self._leaves:
            self._leaves[leaf] = (
                self._as_of if isinstance(leaf, AsOf) else columns.read(self._base, leaf)
            ).cast(pl.Float64)
        return self._leaves[leaf]


def _instants(base: pl.DataFrame, as_of: str | None) -> pl.Series:
    if as_of is None:
        return pl.Series(AS_OF, [None], dtype=pl.Int64).new_from_index(0, base.height)
    if as_of not in base.columns:
        raise columns.ColumnMissing(f"there is no column {as_of!r}")
    found = columns.moments(base[as_of]).alias(AS_OF)
    if found.null_count():
        row = int(found.is_null().arg_true()[0]) + 1
        raise ValueError(f"column {as_of}: row {row} has no instant")
    return found


def _bounded(figures: Floats, feature: Feature) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        inside = (figures >= float(feature.low)) & (figures <= float(feature.high))
    return np.where(inside, figures, np.nan)
