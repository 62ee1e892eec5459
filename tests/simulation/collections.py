"""What must hold of money that comes in: taken once, booked once, given back once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from sandbox.channel.orders import Order, OrderState, is_returned, state_of

IN_FLIGHT: Final = {"submitted", "accepted", "unknown"}
WAIT_MAX: Final = timedelta(hours=14)
"""A night, since collections go out by day only."""
EDGES: Final[dict[str, set[str]]] = {
    "planned": {"submitted", "cancelled"},
    "submitted": {"accepted", "unknown", "paid", "failed"},
    "accepted": {"paid", "failed"},
    "unknown": {"paid", "failed"},
    "failed": {"paid"},
    "paid": {"returned"},
}
DEBITS: Final = """
SELECT o.id, o.loan_id, o.status, o.order_no, o.amount, o.parked, o.in_suspense, o.next_query_at,
    o.contradicted_at,
    (SELECT string_agg(s.to_status, ' ' ORDER BY s.position) FROM debit_step s
        WHERE s.subject_id = o.id),
    (SELECT coalesce(sum((e.body->>'amount')::numeric * 100), 0)::bigint FROM loan_event e
        WHERE e.id = o.id),
    (SELECT count(*) FROM loan_event e
        WHERE e.kind = 'reversed' AND e.body->>'event_id' = o.id::text)
FROM debit_order o ORDER BY o.id
"""


@dataclass(frozen=True, slots=True)
class Debit:
    """One collection with what its steps and its loan's events say of it."""

    id: UUID
    loan_id: UUID
    status: str
    order_no: str | None
    amount: int | None
    parked: bool
    in_suspense: bool
    next_query_at: datetime | None
    contradicted_at: datetime | None
    steps: str
    booked: int
    reversals: int


def faults(
    rows: list[tuple[Any, ...]], orders: dict[str, Order], cards: set[str], at: datetime
) -> Iterator[str]:
    """Name what does not hold between our collections and the channel's."""
    debits = [Debit(*row) for row in rows]
    known = {debit.order_no: debit for debit in debits if debit.order_no is not None}
    for order_no, order in orders.items():
        debit = known.get(order_no)
        if debit is None:
            yield f"I2: the channel collects {order_no[:8]}, the books do not"
        elif debit.amount != order.content.fen:
            yield f"I2: collection {order_no[:8]} has another amount at the channel"
        elif order.content.card_number not in cards:
            yield f"F23: collection {order_no[:8]} is from a card that nobody named"
    for debit in debits:
        yield from _of_debit(debit, orders.get(debit.order_no or ""), at)
    undecided = [debit.loan_id for debit in debits if debit.status in IN_FLIGHT | {"planned"}]
    if len(undecided) != len(set(undecided)):
        yield "I1: a loan has two collections that are not decided"


def _of_debit(debit: Debit, order: Order | None, at: datetime) -> Iterator[str]:
    name = f"debit {debit.id} ({debit.status})"
    steps = debit.steps.split()
    if steps[0] != "planned" or any(b not in EDGES.get(a, ()) for a, b in pairwise(steps)):
        yield f"I8: {name} went {debit.steps}"
    if steps[-1] != debit.status:
        yield f"I8: {name} has no step to where it stands"
    is_booked = debit.status == "paid" and not debit.in_suspense
    if is_booked and debit.booked != debit.amount:
        yield f"I6: {name} of {debit.amount} is booked on its loan at {debit.booked}"
    if debit.status not in {"paid", "returned"} and debit.booked:
        yield f"I6: {name} is booked on its loan"
    if debit.reversals > (1 if debit.status == "returned" else 0):
        yield f"I6: {name} is taken back {debit.reversals} times"
    is_asked = debit.next_query_at is not None and debit.next_query_at <= at + WAIT_MAX
    if debit.status in IN_FLIGHT and not debit.parked and not is_asked:
        yield f"I4: {name} is asked about by nobody before {debit.next_query_at}"
    yield from _of_channel(debit, order, at, name)


def _of_channel(debit: Debit, order: Order | None, at: datetime, name: str) -> Iterator[str]:
    if debit.status in {"planned", "cancelled"} and order is not None:
        yield f"I2: {name} was never sent, and the channel has it"
    is_paid = order is not None and state_of(order, at) is OrderState.PAID
    if debit.status == "paid" and not is_paid:
        yield f"I2: {name} is not paid at the channel"
    if debit.status == "returned" and (order is None or not is_returned(order, at)):
        yield f"I2: {name} has not been taken back at the channel"
    if debit.status == "failed" and order is not None and order.verdict == "00":
        yield f"I2: {name} is paid, or will be, at the channel"
