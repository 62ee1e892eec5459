"""A dossier as a row with its tables of events, and many dossiers as frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final

import polars as pl

from underwriting.bureau_file import Account, BureauFile, Inquiry, Repayment
from underwriting.dossier import Dossier
from underwriting.features.declaration import Feature
from underwriting.features.histories import Table
from underwriting.features.single import Known, Rows

KEY: Final = "dossier"
"""Its place among the dossiers: an application may have several, each with its own past."""
AS_OF: Final = "as_of"
_YUAN_A_FEN: Final = Decimal("0.01")
TABLES: Final[Mapping[str, type[Inquiry | Account | Repayment]]] = {
    "inquiries": Inquiry,
    "accounts": Account,
    "repayments": Repayment,
}
"""The tables of events, and what a row of each is."""

_KINDS: Final[Mapping[str, pl.DataType | type[pl.DataType]]] = {
    "datetime": pl.Datetime("us", "UTC"),
    "Money": pl.Float64,
    "int": pl.Float64,
}


class EventTables(Mapping[str, Rows]):
    """The bureau's file as tables; each is made when a feature asks for it."""

    def __init__(self, file: BureauFile) -> None:
        self._file = file

    def __getitem__(self, table: str) -> Rows:
        """Give the rows of a table that was told.

        Raises:
            KeyError: it was not told, or there is none.
        """
        events = getattr(self._file, table) if table in TABLES else None
        if events is None:
            raise KeyError(table)
        return [_row(event) for event in events]

    def __iter__(self) -> Iterator[str]:
        """Name the tables that were told."""
        return (table for table in TABLES if getattr(self._file, table) is not None)

    def __len__(self) -> int:
        """Count the tables that were told."""
        return sum(1 for _ in self)


class Told(Mapping[str, Decimal | None]):
    """The figures of one dossier; what is drawn or worked out is so when it is asked for.

    To go through it names the figures that are told. Any other feature is found by its name.
    """

    def __init__(
        self,
        figures: Mapping[str, Decimal | None],
        features: Mapping[str, Feature],
        *,
        file: BureauFile,
        as_of: datetime,
    ) -> None:
        self._figures = dict(figures)
        self._features = features
        self._found: dict[str, Decimal | None] = {}
        self._known = Known(figures, EventTables(file), as_of=as_of)

    def __getitem__(self, name: str) -> Decimal | None:
        """Give a figure.

        Raises:
            KeyError: it was not told and no feature of this name works it out.
        """
        if name in self._figures:
            return self._figures[name]
        if name not in self._found:
            feature = self._features[name]
            if feature.of is None:
                raise KeyError(name)
            self._found[name] = self._known.value(feature.of)
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        """Name the figures that are told."""
        return iter(self._figures)

    def __len__(self) -> int:
        """Count the figures that are told."""
        return len(self._figures)


def frames(
    dossiers: Sequence[Dossier], figures: Sequence[Mapping[str, Decimal | None]]
) -> tuple[pl.DataFrame, dict[str, Table]]:
    """Give many dossiers as a base and its tables, for `tables.batch` with `KEY` and `AS_OF`.

    `figures` are those that were told of each, by name.
    """
    names = sorted({name for told in figures for name in told})
    base = pl.DataFrame(
        {
            KEY: range(len(dossiers)),
            AS_OF: pl.Series([each.as_of for each in dossiers], dtype=pl.Datetime("us", "UTC")),
            **{
                _told(table): [getattr(each.bureau_file, table) is not None for each in dossiers]
                for table in TABLES
            },
            **{
                name: pl.Series([_number(told.get(name)) for told in figures], dtype=pl.Float64)
                for name in names
            },
        }
    )
    return base, {table: _table(dossiers, table, kind) for table, kind in TABLES.items()}


def _table(
    dossiers: Sequence[Dossier], table: str, kind: type[Inquiry | Account | Repayment]
) -> Table:
    rows = [
        {KEY: place, **_row(event)}
        for place, each in enumerate(dossiers)
        for event in getattr(each.bureau_file, table) or ()
    ]
    columns = {
        each.name: pl.Series(
            [_number(row[each.name]) for row in rows], dtype=_dtype(str(each.type))
        )
        for each in fields(kind)
    }
    columns[KEY] = pl.Series([row[KEY] for row in rows], dtype=pl.Int64)
    return Table(pl.DataFrame(columns), KEY, _told(table))


def _dtype(kind: str) -> pl.DataType | type[pl.DataType]:
    return _KINDS.get(kind.removesuffix(" | None"), pl.String)


def _told(table: str) -> str:
    return f"{table}__told"


def _number(cell: object) -> object:
    return float(cell) if isinstance(cell, Decimal | int) else cell


def _row(event: Inquiry | Account | Repayment) -> dict[str, Any]:
    names, cells_of, amounts = _READERS[type(event)]
    found = dict(zip(names, cells_of(event), strict=True))
    for name in amounts:
        found[name] = found[name].fen * _YUAN_A_FEN
    return found


def _reader(
    kind: type[Inquiry | Account | Repayment],
) -> tuple[tuple[str, ...], Callable[[object], tuple[Any, ...]], tuple[str, ...]]:
    """Give the names of a row, what takes their cells at once, and which of them are amounts."""
    names = tuple(each.name for each in fields(kind))
    amounts = tuple(each.name for each in fields(kind) if str(each.type) == "Money")
    return names, attrgetter(*names), amounts


_READERS: Final = {kind: _reader(kind) for kind in TABLES.values()}
