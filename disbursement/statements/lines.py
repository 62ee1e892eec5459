"""The frozen lines that readers give: one money movement each.

Named tuples and not dataclasses, because a day may have a million of them and making a line is
most of the cost of reading it.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from kernel.money import Money


class LineKind(StrEnum):
    """What a line of a channel's settlement file says happened."""

    PAID = "paid"
    RETURNED = "returned"
    COLLECTED = "collected"
    CHARGED_BACK = "charged_back"
    """Collected, and the payer's bank took it back."""
    OTHER = "other"
    """A transaction code that is none of these."""


class Direction(StrEnum):
    """Which way money moved on a bank account of ours."""

    OUT = "out"
    IN = "in"


class SettlementLine(NamedTuple):
    """One payment, collection or return in a channel's file; amounts are positive."""

    position: int
    """1-based line within its part of the file."""
    kind: LineKind
    code: str
    """The channel's own transaction code."""
    order_no: str
    """Our order number, empty when the channel left it out."""
    txn_time: datetime
    """The time we gave the payment, which is part of its identity."""
    amount: Money
    fee: Money
    """What the channel charges for it; negative when it gives a fee back."""
    net: Money
    """How the line moves our settlement account: negative when money leaves us."""
    reference: str
    """The channel's own number of the payment."""
    card_masked: str
    booked_at: datetime
    """When the channel booked it: for a return, the time of the return."""


class BankMovement(NamedTuple):
    """One line of a bank statement; the amount is positive."""

    position: int
    direction: Direction
    amount: Money
    posted_at: datetime
    value_date: date
    counterparty: str
    reference: str
    note: str


class Duplicate(NamedTuple):
    """Two lines of one kind with the same number of the channel's."""

    kind: LineKind
    reference: str
    first: int
    again: int
    """Positions of the two lines."""
