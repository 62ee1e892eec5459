"""Matching bank lines that show payments one by one against the rows of the channel's file.

A line names a payment by our order number, or by the channel's number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from disbursement.matching.flows import DIRECTIONS, PAYOUT, Flow
from disbursement.matching.kinds import BreakKind, Difference
from disbursement.statements.lines import Direction, LineKind
from kernel.money import ZERO, Money


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSums:
    """What the bank's single lines add up to."""

    paid: Money = ZERO
    returned: Money = ZERO


NO_ITEMS: Final = ItemSums()


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleLines:
    """Bank lines that name single payments, and those that name nothing of the day."""

    pairs: pl.DataFrame
    """Columns `row` and `line`: lines that agree with a row to the fen."""
    strangers: pl.DataFrame
    """The lines, as they came, that no row of the day explains."""
    sums: ItemSums
    differences: tuple[Difference, ...]


def match_lines(channel: pl.DataFrame, bank: pl.DataFrame, *, flow: Flow = PAYOUT) -> SingleLines:
    """Compare bank lines with the payments and returns of a settlement day's file."""
    out, back = DIRECTIONS[flow.principal], DIRECTIONS[flow.back]
    directions = {LineKind.PAID.value: out.value, LineKind.RETURNED.value: back.value}
    rows = channel.filter(pl.col("kind") != LineKind.OTHER.value).select(
        "row",
        "fen",
        "order_no",
        by_reference="reference",
        direction=pl.col("kind")
        .cast(pl.String())
        .replace_strict(directions)
        .cast(bank.schema["direction"]),
    )
    lines = bank.with_columns(is_single=pl.struct("direction", "reference").is_unique())
    found = _found(lines, rows, "order_no")
    rest = lines.join(found, on="line", how="anti")
    found = pl.concat([found, _found(rest, rows, "by_reference")])
    agrees = (pl.col("fen") == pl.col("fen_row")) & pl.col("is_single")
    return SingleLines(
        pairs=found.filter(agrees).select("row", "line"),
        strangers=rest.join(found, on="line", how="anti").select(*bank.columns),
        sums=ItemSums(paid=_sum(found, out), returned=_sum(found, back)),
        differences=tuple(map(_difference, _named(found.filter(~agrees).sort("line")))),
    )


def _found(lines: pl.DataFrame, rows: pl.DataFrame, key: str) -> pl.DataFrame:
    """Join lines to rows that move money the same way, by a key that is the row's alone."""
    own = rows.filter(pl.struct("direction", key).is_unique() & pl.col(key).is_not_null())
    return lines.join(
        own.select("row", "direction", fen_row="fen", reference=key),
        on=["direction", "reference"],
        how="inner",
    )


def _sum(found: pl.DataFrame, direction: Direction) -> Money:
    return Money(int(found.filter(pl.col("direction") == direction.value)["fen"].sum()))


def _named(frame: pl.DataFrame) -> Iterator[Mapping[str, Any]]:
    return frame.iter_rows(named=True)


def _difference(seen: Mapping[str, Any]) -> Difference:
    what = "the bank moved another sum" if seen["is_single"] else "the bank shows it twice"
    return Difference(
        kind=BreakKind.AMOUNT if seen["is_single"] else BreakKind.DUPLICATE_ROW,
        subject=f"line {seen['line']} {seen['reference']}",
        detail=what,
        row=seen["row"],
        line=seen["line"],
        ours=Money(seen["fen_row"]),
        theirs=Money(seen["fen"]),
    )
