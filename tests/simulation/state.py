"""What is committed, as far as it decides who could do something: read only when it has changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from disbursement.orders import LoanOrder
from tests.simulation.storage import Storage

_LEGS: Final = """
SELECT id, loan_id, status, parked, order_no, claimed_until, next_query_at, next_check_at
FROM payout_leg ORDER BY id
"""
_LOANS: Final = "SELECT order_id, id, status FROM loan ORDER BY id"


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

    def is_free(self, now: datetime) -> bool:
        """Tell whether it could be claimed."""
        return not self.parked and (self.claimed_until is None or self.claimed_until <= now)


@dataclass(slots=True)
class State:
    """The rows that decide what could be done."""

    legs: list[LegState] = field(default_factory=list)
    loans: list[tuple[Any, ...]] = field(default_factory=list)

    def look(self, storage: Storage) -> None:
        """Read the rows again."""
        legs, self.loans = storage.many(_LEGS, _LOANS)
        self.legs = [LegState(*row) for row in legs]

    def unplaced(self, orders: Iterable[LoanOrder]) -> list[LoanOrder]:
        """List the orders that are not placed yet."""
        placed = {row[0] for row in self.loans}
        return [order for order in orders if order.order_id not in placed]

    def due(self, now: datetime) -> dict[str, bool]:
        """Tell by job whether it would find something to do."""
        free = [leg for leg in self.legs if leg.is_free(now)]
        return {
            "payout-send": any(leg.status == "approved" for leg in free),
            "payout-query": any(_has_come(leg.next_query_at, now) for leg in free),
            "payoff-check": any(
                leg.status == "matched" and _has_come(leg.next_check_at, now) for leg in free
            ),
        }


def _has_come(at: datetime | None, now: datetime) -> bool:
    return at is not None and at <= now
