"""The channel's own ledger: every order it ever took, by number and by settlement day.

Payouts and collections are kept apart by day: each way of the money settles by itself.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from sandbox import times
from sandbox.channel.orders import (
    FEE_FEN,
    Order,
    OrderState,
    Way,
    is_returned,
    state_of,
)

ORDERS_MAX: Final = 200_000
"""Payments kept; the file of a day must stay within the memory of a laptop."""

OrderKey = tuple[str, str]
"""merId and orderId: the channel takes an orderId once, whatever its time."""


@dataclass(slots=True)
class DayTotals:
    """What one settlement day moves one way; amounts in fen."""

    payments: int = 0
    paid_fen: int = 0
    returns: int = 0
    returned_fen: int = 0

    @property
    def fee_fen(self) -> int:
        """The fees of the day's payments."""
        return self.payments * FEE_FEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What the channel has paid and taken back up to one time; amounts in fen."""

    payments: int
    paid_fen: int
    returns: int
    returned_fen: int


@dataclass(slots=True)
class DayBook:
    """The orders of one way, on the days on which they move money."""

    totals: dict[date, DayTotals] = field(default_factory=lambda: defaultdict(DayTotals))
    paid_on: dict[date, list[Order]] = field(default_factory=lambda: defaultdict(list))
    returned_on: dict[date, list[Order]] = field(default_factory=lambda: defaultdict(list))

    def record(self, order: Order) -> None:
        """Put an order on its days."""
        if order.paid_on is not None:
            self.paid_on[order.paid_on].append(order)
            day = self.totals[order.paid_on]
            day.payments += 1
            day.paid_fen += order.content.fen
        if order.returned_on is not None:
            self.returned_on[order.returned_on].append(order)
            day = self.totals[order.returned_on]
            day.returns += 1
            day.returned_fen += order.content.fen


@dataclass(slots=True)
class Books:
    """All orders of all merchants."""

    orders: dict[OrderKey, Order] = field(default_factory=dict)
    days: dict[Way, DayBook] = field(default_factory=lambda: {way: DayBook() for way in Way})
    closed_through: date | None = None
    told: dict[OrderKey, datetime] = field(default_factory=dict)

    def is_full(self) -> bool:
        """Tell whether no more payments fit."""
        return len(self.orders) >= ORDERS_MAX

    def find(self, mer_id: str, order_id: str) -> Order | None:
        """Find a payment by its number."""
        return self.orders.get((mer_id, order_id))

    def next_query_id(self, txn_time: str) -> str:
        """Make the 21 digits that name a payment: its time, a trace number and an 8."""
        return f"{txn_time}{(len(self.orders) + 1) % 1_000_000:06d}8"

    def record(self, order: Order) -> None:
        """Keep an order and put it on the days it will move money."""
        self.orders[order.mer_id, order.order_id] = order
        self.days[order.way].record(order)

    def open_day(self, natural: date) -> date:
        """Tell the settlement day to use: `natural`, or the first that is not closed yet."""
        if self.closed_through is None:
            return natural
        return max(natural, self.closed_through + times.ONE_DAY)

    def close(self, day: date) -> None:
        """Close a day, and those before it, because its figures were given out."""
        if self.closed_through is None or day > self.closed_through:
            self.closed_through = day

    def ask(self, order: Order, at: datetime) -> datetime:
        """Tell the time that counts for an answer about a payment: never before the last one."""
        key = (order.mer_id, order.order_id)
        self.told[key] = counted = max(at, self.told.get(key, at))
        return counted

    def of_way(self, way: Way) -> list[Order]:
        """List the orders of one way, in the order in which they came."""
        return [order for order in self.orders.values() if order.way is way]

    def totals(self, way: Way, at: datetime) -> Totals:
        """Add up what was paid one way and returned up to a time."""
        paid = [order for order in self.of_way(way) if state_of(order, at) is OrderState.PAID]
        returned = [order for order in paid if is_returned(order, at)]
        return Totals(
            payments=len(paid),
            paid_fen=sum(order.content.fen for order in paid),
            returns=len(returned),
            returned_fen=sum(order.content.fen for order in returned),
        )
