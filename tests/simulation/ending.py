"""When a seed is over: nothing is left to be done, and the two ledgers say the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from disbursement import checking
from kernel.db import transaction
from sandbox.channel.orders import OrderState, Way, is_returned, state_of
from tests.simulation import collections
from tests.simulation.invariants import IN_FLIGHT, Broken, Leg, Watch
from tests.simulation.plan import Plan

_TALLIES: Final = {
    "payout": "SELECT status, count(*) FROM payout_leg GROUP BY 1",
    "loan": "SELECT status, count(*) FROM loan GROUP BY 1",
    "collection": "SELECT status, count(*) FROM debit_order GROUP BY 1",
    "loan event": "SELECT kind, count(*) FROM loan_event GROUP BY 1",
    "break": "SELECT kind, count(*) FROM reconciliation_break GROUP BY 1",
    "days": "SELECT 'closed', count(*) FROM closed_day WHERE closed_at IS NOT NULL",
    "told": "SELECT kind, count(*) FROM event WHERE kind LIKE 'channel.%' "
    "OR kind IN ('payout.stopped', 'payout.contradiction', 'loan.settled') GROUP BY 1",
    "amendment": "SELECT status, count(*) FROM amendment GROUP BY 1",
}


def not_final(watch: Watch, plan: Plan, now: datetime) -> list[str]:
    """Name whatever is not at its end."""
    legs, orders, rows = watch.legs(), watch.outside.orders(), watch.storage.rows
    back = {order.order_id for order in orders if is_returned(order, now)}
    named = {
        row[0]
        for row in rows(
            "SELECT leg_id FROM reconciliation_break WHERE leg_id IS NOT NULL AND status <> 'cured'"
        )
    }
    found = [
        f"order {order.order_id[:8]} comes back"
        for order in (*orders, *watch.outside.orders(Way.COLLECTION))
        if order.returned_at is not None and not is_returned(order, now)
    ]
    found += [
        f"debit {debit.id} is {debit.status}"
        for debit in (collections.Debit(*row) for row in rows(collections.DEBITS))
        if debit.status in collections.IN_FLIGHT | {"planned"} or debit.parked
    ]
    taken_back = {
        order.order_id for order in watch.outside.orders(Way.COLLECTION) if is_returned(order, now)
    }
    found += [
        f"debit {debit.id} is {debit.status}, and was taken back"
        for debit in (collections.Debit(*row) for row in rows(collections.DEBITS))
        if debit.order_no in taken_back and debit.status != "returned"
    ]
    found += [
        f"leg {leg.id} is {leg.status}, and came back"
        for leg in legs
        if leg.order_no in back and leg.status != "returned"
    ]
    found += [
        f"leg {leg.id} is {leg.status}, transit {leg.transit}"
        for leg in legs
        if not _is_at_an_end(leg, is_named=leg.id in named)
    ]
    found += [
        f"loan {row[0]} is pending" for row in rows("SELECT id FROM loan WHERE status = 'pending'")
    ]
    if len(rows("SELECT id FROM loan")) < len(plan.loans):
        found.append("an order was not placed")
    return found


def check_all(watch: Watch, now: datetime) -> int:
    """Compare everything once more, and give what the channel paid, in fen.

    Raises:
        Broken: the books do not agree with themselves, or with the channel.
    """
    watch.after_step(now)
    with transaction() as session:
        differences = checking.check_books(session)
    watch.counts["checked books"] += 1
    if differences:
        raise Broken(f"books: {differences}")
    paid = [order for order in watch.outside.orders() if order.verdict == "00"]
    kept = sum(order.content.fen for order in paid if not is_returned(order, now))
    ((booked,),) = watch.storage.rows(
        "SELECT coalesce(sum(amount), 0) FROM payout_leg"
        " WHERE status IN ('paid', 'matched', 'payoff_verified')"
    )
    if booked != kept:
        raise Broken(f"I2: the channel keeps {kept} paid, the books {booked}")
    return sum(order.content.fen for order in paid) + _collected(watch, now)


def tally(watch: Watch) -> Iterator[tuple[str, int]]:
    """Count what the seed came to, so that nobody takes a quiet run for a good one."""
    for what, query in _TALLIES.items():
        for value, count in watch.storage.rows(query):
            yield f"ended: {what} {value}", count


def _collected(watch: Watch, now: datetime) -> int:
    """Compare what was collected and kept with the books, and give it in fen.

    Raises:
        Broken: they differ.
    """
    orders = watch.outside.orders(Way.COLLECTION)
    kept = sum(
        order.content.fen
        for order in orders
        if state_of(order, now) is OrderState.PAID and not is_returned(order, now)
    )
    ((booked,),) = watch.storage.rows(
        "SELECT coalesce(sum(amount), 0) FROM debit_order WHERE status = 'paid'"
    )
    if booked != kept:
        raise Broken(f"I2: the channel collected {kept}, the books say {booked}")
    return kept


def _is_at_an_end(leg: Leg, *, is_named: bool) -> bool:
    if leg.status in IN_FLIGHT or leg.status in {"planned", "approved", "requote_needed"}:
        return False
    if leg.status == "failed":
        return not leg.parked
    if leg.status == "cancelled":
        return True
    is_settled = leg.status in {"matched", "payoff_verified", "returned"} and not leg.transit
    return is_named or is_settled
