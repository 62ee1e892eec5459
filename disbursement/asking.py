"""Asking about an order that is out, whatever it moves: how often, and when nobody ever knew it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final

from disbursement.channels.channel import OrderKey, Receipt
from disbursement.channels.days import settlement_day

FIRST_QUERY: Final = timedelta(minutes=3)
"""UnionPay: not earlier than three minutes after the order."""
GAP_MINUTES_MAX: Final = 32
RETURN_WATCH: Final = timedelta(days=5)
"""How long a paid order is asked about once a day; the settlement file tells of later returns."""
RETURN_GAP: Final = timedelta(days=1)
NEVER_KNOWN_AFTER: Final = timedelta(hours=24)


def gap(queries: int) -> timedelta:
    """Give the wait after so many questions: 1, 2, 4, 8, 16, then always 32 minutes.

    >>> [gap(n).seconds // 60 for n in (1, 2, 6, 7)]
    [1, 2, 32, 32]
    """
    return timedelta(minutes=min(2 ** min(max(queries - 1, 0), 10), GAP_MINUTES_MAX))


def absent_since(before: datetime | None, receipt: Receipt, *, at: datetime) -> datetime | None:
    """Tell since when every word about an order has been that there is no such order.

    Silence says nothing either way; any other word ends the row.
    """
    if receipt.is_absent:
        return at if before is None else before
    return before if receipt.code is None else None


def is_never_known(since: datetime | None, *, at: datetime) -> bool:
    """Tell whether an order has been unknown to every query for so long that it may be given up.

    The files of its settlement day and of the day after must be silent as well.
    """
    return since is not None and at - since >= NEVER_KNOWN_AFTER


def key(order_no: str | None, txn_time: datetime | None) -> OrderKey:
    """Give the channel's identity of an order that was sent."""
    assert order_no is not None, "an order that was sent has its number"
    assert txn_time is not None, "an order that was sent has its second"
    return OrderKey(order_no=order_no, txn_time=txn_time)


def day_told(told: date | None, *, otherwise: date, at: datetime) -> date:
    """Give the day on which an answer says that money moved, at most the channel's next one.

    A slip of the channel's pen must not close days of a loan that have not been. What it said is
    kept as evidence, and the settlement file has the last word on the day.
    """
    return min(told or otherwise, settlement_day(at) + timedelta(days=1))
