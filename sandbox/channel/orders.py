"""A payment or a collection and its life: all is settled on acceptance, time only reveals it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from sandbox import times
from sandbox.faults import LATE_REFUSAL, RETURNED, Fault, Script

FEE_FEN: Final = 100
"""What the channel charges for a payment or a collection; a return does not give it back."""

DECISION_TAKES: Final = timedelta(seconds=60)
QUERY_LAG: Final = timedelta(minutes=10)
LATE_HOUR: Final = 10
RETURN_HOUR: Final = 15

PAID_CODE: Final = "00"


class Way(StrEnum):
    """Which way the money of an order goes, by its bizType."""

    PAYOUT = "000401"
    COLLECTION = "000501"

    @property
    def txn_type(self) -> str:
        """The txnType that goes with it."""
        return "12" if self is Way.PAYOUT else "11"


class OrderState(StrEnum):
    """Where a payment stands at a given time."""

    IN_PROGRESS = "in_progress"
    PAID = "paid"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What makes two payments the same payment."""

    fen: int
    card_number: str
    name: str
    reserved: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One payment, with its whole life decided; days are settlement days."""

    way: Way
    mer_id: str
    order_id: str
    txn_time: str
    content: Content
    back_url: str
    query_id: str
    fault: Fault | None
    accepted_at: datetime
    decided_at: datetime
    verdict: str
    """`00`, or the response code of the refusal."""
    paid_on: date | None
    returned_at: datetime | None
    returned_on: date | None

    @property
    def trace(self) -> str:
        """The six digits by which a return points at its payment."""
        return self.query_id[14:20]

    @property
    def fen_in_file(self) -> int:
        """The amount that the settlement file shows."""
        return self.content.fen + (1 if self.fault is Fault.AMOUNT_OFF_BY_ONE else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """When a payment is decided, how, and whether it comes back."""

    decided_at: datetime
    verdict: str
    returned_at: datetime | None


def fate(accepted_at: datetime, script: Script | None) -> Fate:
    """Decide the whole life of an accepted payment."""
    fault = script.fault if script is not None else None
    decided_at = accepted_at + DECISION_TAKES
    if fault is Fault.LATE:
        decided_at = times.at_hour(accepted_at.date() + times.ONE_DAY, LATE_HOUR)
    returned_at = None
    if script is not None and fault in RETURNED:
        back_on = decided_at.date() + timedelta(days=script.return_after_days)
        returned_at = times.at_hour(back_on, RETURN_HOUR)
    return Fate(
        decided_at=decided_at,
        verdict=LATE_REFUSAL if fault is Fault.REFUSE_LATE else PAID_CODE,
        returned_at=returned_at,
    )


def state_of(order: Order, at: datetime) -> OrderState:
    """Tell where a payment stands."""
    if at < order.decided_at:
        return OrderState.IN_PROGRESS
    return OrderState.PAID if order.verdict == PAID_CODE else OrderState.REFUSED


def is_returned(order: Order, at: datetime) -> bool:
    """Tell whether a payment has come back."""
    return order.returned_at is not None and at >= order.returned_at


def is_hidden(order: Order, at: datetime) -> bool:
    """Tell whether a query does not find a payment although it was accepted."""
    if order.fault is Fault.FILE_ONLY:
        return True
    return order.fault is Fault.QUERY_LAGS and at < order.accepted_at + QUERY_LAG


def query_code(order: Order, at: datetime) -> str:
    """Tell the `origRespCode` of a payment that a query finds."""
    state = state_of(order, at)
    if state is OrderState.IN_PROGRESS:
        return "05"
    if state is OrderState.REFUSED:
        return order.verdict
    if is_returned(order, at) and order.fault is not Fault.RETURN_IN_FILE:
        return "RT"
    if order.fault is Fault.IN_CLEARING and order.paid_on is not None:
        in_clearing = at <= times.at_hour(order.paid_on, times.CUT_OFF.hour)
        return "A6" if in_clearing else PAID_CODE
    return PAID_CODE
