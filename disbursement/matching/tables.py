"""The three tables that are compared: legs of ours, rows of the channel, lines of the bank.

Columns and not objects, because a day may have a million of each. Amounts are integer fen, days
are settlement days, and `leg`, `row`, `line` are numbers that the caller can look up.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

import polars as pl

from disbursement.statements.lines import Direction, LineKind


class Stand(StrEnum):
    """How a leg stands in the books, as far as matching cares."""

    PAID = "paid"
    UNDECIDED = "undecided"
    FAILED = "failed"
    RETURNED = "returned"


class OurLeg(NamedTuple):
    """One payout that was sent, by the books."""

    leg: int
    order_no: str
    reference: str | None
    """The channel's number, as far as it told us."""
    stand: Stand
    fen: int
    card: str
    """Masked, first six and last four digits."""
    expected: date
    """The settlement day it should be on: told by the channel, or by time sent and cut-off."""
    earliest: date
    latest: date
    """The days on which its row is accepted as this payment's."""
    overdue: date
    """The first day whose file must have it when no earlier one did."""
    earlier: str | None = None
    """The channel's number in the file of an earlier day, when one has it as paid already."""
    is_elsewhere: bool = False
    """Whether the file of any other day has it as paid."""
    is_returned_earlier: bool = False
    """Whether the file of an earlier day has its return."""


class ChannelRow(NamedTuple):
    """One row of the channel's settlement file of the day."""

    row: int
    kind: LineKind
    order_no: str | None
    reference: str
    fen: int
    fee: int
    net: int
    card: str


class BankEntry(NamedTuple):
    """One line of a bank statement."""

    line: int
    direction: Direction
    fen: int
    reference: str
    value_date: date
    posted_on: date


_STANDS: Final = pl.Enum([stand.value for stand in Stand])
_KINDS: Final = pl.Enum([kind.value for kind in LineKind])
_DIRECTIONS: Final = pl.Enum([direction.value for direction in Direction])

OURS: Final = pl.Schema(
    {
        "leg": pl.Int64(),
        "order_no": pl.String(),
        "reference": pl.String(),
        "stand": _STANDS,
        "fen": pl.Int64(),
        "card": pl.String(),
        "expected": pl.Date(),
        "earliest": pl.Date(),
        "latest": pl.Date(),
        "overdue": pl.Date(),
        "earlier": pl.String(),
        "is_elsewhere": pl.Boolean(),
        "is_returned_earlier": pl.Boolean(),
    }
)
CHANNEL: Final = pl.Schema(
    {
        "row": pl.Int64(),
        "kind": _KINDS,
        "order_no": pl.String(),
        "reference": pl.String(),
        "fen": pl.Int64(),
        "fee": pl.Int64(),
        "net": pl.Int64(),
        "card": pl.String(),
    }
)
BANK: Final = pl.Schema(
    {
        "line": pl.Int64(),
        "direction": _DIRECTIONS,
        "fen": pl.Int64(),
        "reference": pl.String(),
        "value_date": pl.Date(),
        "posted_on": pl.Date(),
    }
)


def ours(legs: Iterable[OurLeg]) -> pl.DataFrame:
    """Make the table of our legs."""
    return pl.DataFrame(list(legs), schema=OURS, orient="row")


def channel(rows: Iterable[ChannelRow]) -> pl.DataFrame:
    """Make the table of the channel's rows."""
    return pl.DataFrame(list(rows), schema=CHANNEL, orient="row")


def bank(lines: Iterable[BankEntry]) -> pl.DataFrame:
    """Make the table of the bank's lines."""
    return pl.DataFrame(list(lines), schema=BANK, orient="row")
