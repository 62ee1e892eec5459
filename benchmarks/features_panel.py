"""Taiwan's card clients as a panel of six statements each, and a family of features over it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from underwriting.features import families
from underwriting.features.declaration import Feature, Source
from underwriting.features.families import Family
from underwriting.features.histories import Table

FILE: Final = Path(__file__).parents[2] / "shared" / "data" / "taiwan" / "train.csv.gz"
AS_OF: Final = date(2005, 10, 1)
MONTHS: Final = (9, 8, 7, 6, 5, 4)
"""Of the statements that the columns ending in 1 to 6 stand for."""
WINDOWS: Final = {"31d": 31, "62d": 62, "93d": 93, "123d": 123, "all": None}
AGGREGATES: Final = (
    "count", "known", "sum", "mean", "min", "max", "std", "first", "last", "change",
)  # fmt: skip
MEASURES: Final = {
    "status": "status",
    "bill": "bill",
    "paid": "paid",
    "used": ["ratio", "bill", "limit"],
    "paid_share": ["ratio", "paid", "bill"],
    "left": ["difference", "bill", "paid"],
    "open": ["difference", "limit", "bill"],
    "paid_of_limit": ["ratio", "paid", "limit"],
    "bill_log": ["log1p", ["max", "bill", 0]],
    "paid_log": ["log1p", "paid"],
    "late": ["max", "status", 0],
}
FILTERS: Final = {
    "late": ["at_least", "status", 1],
    "revolving": ["equals", "status", 0],
    "unused": ["at_most", "status", -2],
    "owing": ["at_least", "bill", 1],
    "paid": ["at_least", "paid", 1],
    "full": ["at_least", ["ratio", "bill", "limit"], 0.9],
    "low": ["at_most", ["ratio", "bill", "limit"], 0.3],
    "part": ["at_most", ["ratio", "paid", "bill"], 0.5],
}


@dataclass(frozen=True, slots=True)
class Panel:
    """Clients and their statements."""

    clients: pl.DataFrame
    statements: pl.DataFrame

    @property
    def tables(self) -> dict[str, Table]:
        return {"statements": Table(self.statements, "ID")}


def read(clients_max: int) -> Panel:
    """Read the panel of so many clients; their six statements hold 19 of the 23 raw columns."""
    raw = pl.read_csv(FILE).head(clients_max)
    statements = [
        raw.select(
            "ID",
            pl.lit(date(2005, month, 1)).alias("at"),
            pl.col(f"PAY_{place}").alias("status"),
            pl.col(f"BILL_AMT{place}").alias("bill"),
            pl.col(f"PAY_AMT{place}").alias("paid"),
            pl.col("LIMIT_BAL").alias("limit"),
        )
        for place, month in enumerate(MONTHS, start=1)
    ]
    return Panel(raw.select("ID", pl.lit(AS_OF).alias("as_of")), pl.concat(statements))


def family() -> Family:
    """Cross measures, aggregates, windows and filters."""
    measures = {
        name: {"of": of, "meaning": name, "reason": "many_accounts"}
        for name, of in MEASURES.items()
    }
    return families.parse(
        {
            "table": "statements",
            "at": "at",
            "windows": list(WINDOWS),
            "aggregates": list(AGGREGATES),
            "filters": FILTERS,
            "measures": {"rows": {"meaning": "rows", "reason": "many_accounts"}, **measures},
        },
        {},
        source=Source.DATA_SET,
    )


def features() -> list[Feature]:
    """Give every member of the family."""
    every = family()
    return [every.feature(name) for name in every.names()]


def by_hand(panel: Panel) -> Iterator[pl.DataFrame]:
    """Work the same features out with polars alone: one group_by a window and filter."""
    bill, paid, limit, status = (pl.col(name) for name in ("bill", "paid", "limit", "status"))
    owed_share = pl.when(bill != 0).then(paid / bill)
    rows = panel.statements.sort("ID", "at").with_columns(
        used=bill / limit,
        paid_share=owed_share,
        left=bill - paid,
        open=limit - bill,
        paid_of_limit=paid / limit,
        bill_log=bill.clip(0).log1p(),
        paid_log=paid.log1p(),
        late=status.clip(0),
    )
    meets = {
        "all": pl.lit(value=True),
        "late": status >= 1,
        "revolving": status == 0,
        "unused": status <= -2,
        "owing": bill >= 1,
        "paid": paid >= 1,
        "full": bill / limit >= 0.9,
        "low": bill / limit <= 0.3,
        "part": owed_share <= 0.5,
    }
    for window, days in WINDOWS.items():
        within = (
            rows if days is None else rows.filter((AS_OF - pl.col("at")).dt.total_days() <= days)
        )
        for name, filter_ in meets.items():
            tail = f"{window}__{name}"
            grouped = within.filter(filter_).group_by("ID").agg(_aggregates(tail))
            yield _for_everybody(panel.clients, grouped).drop("ID")


def _aggregates(tail: str) -> Iterator[pl.Expr]:
    yield pl.len().cast(pl.Float64).alias(f"statements__rows__count__{tail}")
    for measure in MEASURES:
        numbers = pl.col(measure).cast(pl.Float64)
        first, last = numbers.first(ignore_nulls=True), numbers.last(ignore_nulls=True)
        made = {
            "known": numbers.count().cast(pl.Float64),
            "sum": pl.when(numbers.count() > 0).then(numbers.sum()),
            "mean": numbers.mean(),
            "min": numbers.min(),
            "max": numbers.max(),
            "std": numbers.std(),
            "first": first,
            "last": last,
            "change": last - first,
        }
        for aggregate, figure in made.items():
            yield figure.alias(f"statements__{measure}__{aggregate}__{tail}")


def _for_everybody(clients: pl.DataFrame, grouped: pl.DataFrame) -> pl.DataFrame:
    """Give those without such a statement a count of 0 and nothing else."""
    counts = [name for name in grouped.columns if "__count__" in name or "__known__" in name]
    return (
        clients.select("ID")
        .join(grouped, on="ID", how="left", maintain_order="left")
        .with_columns(pl.col(counts).fill_null(0.0))
    )
