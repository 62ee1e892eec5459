"""What is committed, as far as it decides who could do something: read only when it has changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from disbursement.orders import LoanOrder
from kernel.clock import business_day
from tests.simulation.storage import Storage

_LEGS: Final = """
SELECT id, loan_id, status, parked, order_no, claimed_until, next_query_at, next_check_at,
    channel
FROM payout_leg ORDER BY id
"""
_LOANS: Final = "SELECT order_id, id, status FROM loan ORDER BY id"
_DEBITS: Final = """
SELECT id, status, parked, in_suspense, claimed_until, next_query_at FROM debit_order ORDER BY id
"""
_BATCHES: Final = "SELECT min(next_query_at) FROM payout_batch WHERE NOT parked"
_AMENDMENTS: Final = "SELECT id FROM amendment WHERE status = 'requested' ORDER BY id"
_CLOSED: Final = "SELECT max(day) FROM closed_day WHERE closed_at IS NOT NULL"


@dataclass(frozen=True, slots=True)
class LegState:
    """One payout leg as a worker or a person would find it."""

    id: UUID
    loan_id: UUID
    status: str
    parked: bool
    order_no: str | None
    claimed_until: datetime | None
    next_query_at: datetime | None
    next_check_at: datetime | None
    channel: str

    def is_free(self, now: datetime) -> bool:
        """Tell whether it could be claimed."""
        return not self.parked and (self.claimed_until is None or self.claimed_until <= now)


@dataclass(frozen=True, slots=True)
class DebitState:
    """One collection as a worker or a person would find it."""

    id: UUID
    status: str
    parked: bool
    in_suspense: bool
    claimed_until: datetime | None
    next_query_at: datetime | None

    def is_free(self, now: datetime) -> bool:
        """Tell whether it could be claimed."""
        return not self.parked and (self.claimed_until is None or self.claimed_until <= now)


@dataclass(slots=True)
class State:
    """The rows that decide what could be done."""

    legs: list[LegState] = field(default_factory=list)
    loans: list[tuple[Any, ...]] = field(default_factory=list)
    debits: list[DebitState] = field(default_factory=list)
    amendments: list[UUID] = field(default_factory=list)
    """Changes that one person asked for and nobody has decided."""
    batch: datetime | None = None
    """When the next batch is to be asked for."""
    closed: date | None = None
    """The last business day that was closed."""

    def look(self, storage: Storage) -> None:
        """Read the rows again."""
        legs, self.loans, debits, amendments, ((self.closed,),), ((self.batch,),) = storage.many(
            _LEGS, _LOANS, _DEBITS, _AMENDMENTS, _CLOSED, _BATCHES
        )
        self.legs = [LegState(*row) for row in legs]
        self.debits = [DebitState(*row) for row in debits]
        self.amendments = [row[0] for row in amendments]

    def unplaced(self, orders: Iterable[LoanOrder]) -> list[LoanOrder]:
        """List the orders that are not placed yet."""
        placed = {row[0] for row in self.loans}
        return [order for order in orders if order.order_id not in placed]

    def running(self) -> list[UUID]:
        """List the loans that run."""
        return [row[1] for row in self.loans if row[2] in {"active", "written_off"}]

    def is_unsettled(self) -> bool:
        """Tell whether a payout or a collection waits for the files of channel and bank."""
        open_ = {"submitted", "accepted", "unknown", "paid"}
        return any(one.status in open_ for one in (*self.legs, *self.debits))

    def due(self, now: datetime) -> dict[str, bool]:
        """Tell by job whether it would find something to do."""
        free = [leg for leg in self.legs if leg.is_free(now)]
        debits = [debit for debit in self.debits if debit.is_free(now)]
        yesterday = business_day(now) - timedelta(days=1)
        return {
            "payout-send": any(_is_to_send(leg, "unionpay") for leg in free),
            "payout-batch-send": any(_is_to_send(leg, "bank_direct") for leg in free),
            "payout-batch-ask": _has_come(self.batch, now),
            "payout-query": any(_has_come(leg.next_query_at, now) for leg in free),
            "payoff-check": any(
                leg.status == "matched" and _has_come(leg.next_check_at, now) for leg in free
            ),
            "debit-plan": bool(self.running()),
            "debit-send": any(debit.status == "planned" for debit in debits),
            "debit-query": any(_has_come(debit.next_query_at, now) for debit in debits),
            "end-of-day": bool(self.running()) and (self.closed is None or self.closed < yesterday),
        }


def _is_to_send(leg: LegState, channel: str) -> bool:
    return leg.status == "approved" and leg.channel == channel


def _has_come(at: datetime | None, now: datetime) -> bool:
    return at is not None and at <= now
