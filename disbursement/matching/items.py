"""Matching item by item: our legs against the rows of the channel's file of one day.

Keys in order: our order number, then, for a row without one, the channel's number. A key that is
not unique on both sides makes differences, never a pair. Amounts agree to the fen or not at all.
Rows that agree in everything are found by columns; only the others are judged one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, Final

import polars as pl

from disbursement.matching import verdicts
from disbursement.matching.fees import FeeTerms
from disbursement.matching.flows import PAYOUT, Flow
from disbursement.matching.kinds import BreakKind, Difference
from disbursement.matching.tables import Stand
from disbursement.statements.lines import LineKind

PAIRS: Final = pl.Schema({"leg": pl.Int64(), "row": pl.Int64()})
_WENT_OUT: Final = (Stand.PAID.value, Stand.RETURNED.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """What comparing the legs with the rows of a day gives."""

    paid: pl.DataFrame
    """Columns `leg` and `row`: payment rows that agree with a leg."""
    returned: pl.DataFrame
    """Columns `leg` and `row`: return rows that agree with a leg."""
    differences: tuple[Difference, ...]
    waiting: int
    """Paid legs that no file need have yet."""


def match_items(
    ours: pl.DataFrame,
    channel: pl.DataFrame,
    *,
    day: date,
    terms: FeeTerms,
    flow: Flow = PAYOUT,
) -> Items:
    """Compare our orders of one way with the rows of the channel's file of a settlement day."""
    keyed = _with_order_numbers(channel, ours)
    with_payments = _joined(ours, keyed, LineKind.PAID)
    paid, of_payments = _split(
        with_payments,
        plain=_is_plain(day, terms, flow),
        judge=partial(verdicts.payment, day=day, terms=terms, flow=flow),
    )
    returned, of_returns = _split(
        _joined(ours, keyed, LineKind.RETURNED),
        plain=pl.lit(value=False),
        judge=verdicts.returned,
    )
    absent = with_payments.filter(pl.col("row").is_null() & ~pl.col("is_elsewhere"))
    went_out = pl.col("stand").is_in(_WENT_OUT)
    return Items(
        paid=paid,
        returned=returned,
        differences=(*of_payments, *of_returns, *_absent(absent, day), *_unknown(keyed)),
        waiting=absent.filter(went_out & (pl.col("overdue") > day)).height,
    )


def _with_order_numbers(channel: pl.DataFrame, ours: pl.DataFrame) -> pl.DataFrame:
    """Give rows without an order number the one of the leg that has their reference."""
    if channel["order_no"].null_count() == 0:
        return channel
    own = pl.col("reference").is_not_null() & pl.col("reference").is_unique()
    known = ours.filter(own).select("reference", order_of_leg="order_no")
    return (
        channel.join(known, on="reference", how="left", maintain_order="left")
        .with_columns(order_no=pl.coalesce("order_no", "order_of_leg"))
        .drop("order_of_leg")
    )


def _joined(ours: pl.DataFrame, keyed: pl.DataFrame, kind: LineKind) -> pl.DataFrame:
    """Join all legs and all rows of one kind by order number."""
    rows = _copies_marked(keyed.filter(pl.col("kind") == kind.value))
    return ours.join(rows, on="order_no", how="full", coalesce=True, suffix="_c")


def _copies_marked(rows: pl.DataFrame) -> pl.DataFrame:
    """Mark rows whose reference, and whose both keys, are theirs alone."""
    if all(rows[key].n_unique() == rows.height for key in ("order_no", "reference")):
        # Counting is several times cheaper than marking, and nearly every file passes.
        everything = pl.lit(value=True)
        return rows.with_columns(is_own_reference=everything, is_single=everything)
    order_no, reference = pl.col("order_no"), pl.col("reference")
    return rows.with_columns(is_own_reference=reference.is_unique()).with_columns(
        is_single=pl.col("is_own_reference") & (order_no.is_unique() | order_no.is_null())
    )


def _is_plain(day: date, terms: FeeTerms, flow: Flow) -> pl.Expr:
    """Tell which rows agree with a leg that went out in everything."""
    return (
        pl.col("is_single")
        & pl.col("stand").is_in(_WENT_OUT)
        & pl.col("earlier").is_null()
        & ~pl.col("is_returned_earlier")
        & (pl.col("fen") == pl.col("fen_c"))
        & (pl.col("card") == pl.col("card_c"))
        & (pl.col("expected") == day)
        & (pl.col("fee") == terms.column("fen_c"))
        & (pl.col("net") == flow.sign * pl.col("fen_c") - pl.col("fee"))
    )


def _split(
    joined: pl.DataFrame,
    *,
    plain: pl.Expr,
    judge: Callable[[Mapping[str, Any]], Iterable[Difference]],
) -> tuple[pl.DataFrame, list[Difference]]:
    """Split rows into pairs and differences; a difference that needs nobody keeps its pair."""
    marked = joined.filter(pl.col("row").is_not_null()).with_columns(
        is_plain=plain.fill_null(value=False)
    )
    differences: list[Difference] = []
    kept: list[tuple[int, int]] = []
    for seen in marked.filter(~pl.col("is_plain")).sort("row").iter_rows(named=True):
        judged = tuple(judge(seen))
        differences.extend(judged)
        if seen["leg"] is not None and not any(map(_keeps_apart, judged)):
            kept.append((seen["leg"], seen["row"]))
    pairs = marked.filter("is_plain").select(*PAIRS)
    return pl.concat([pairs, pl.DataFrame(kept, schema=PAIRS, orient="row")]), differences


def _keeps_apart(difference: Difference) -> bool:
    # A fee is booked by itself: a wrong one says nothing against the principal.
    return difference.needs_person and difference.kind is not BreakKind.FEE


def _absent(legs: pl.DataFrame, day: date) -> Iterator[Difference]:
    for seen in legs.sort("leg").iter_rows(named=True):
        judged = verdicts.absent(seen, day=day)
        if judged is not None:
            yield judged


def _unknown(keyed: pl.DataFrame) -> Iterator[Difference]:
    others = keyed.filter(pl.col("kind") == LineKind.OTHER.value)
    renamed = others.rename({"reference": "reference_c", "fen": "fen_c"})
    yield from map(verdicts.unknown, renamed.sort("row").iter_rows(named=True))
