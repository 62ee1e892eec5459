"""When a seed is over: nothing is left to be done, and the two ledgers say the same."""

from __future__ import annotations

from datetime import datetime

from disbursement import ledger
from kernel.db import transaction
from sandbox.channel.orders import is_returned
from tests.simulation.invariants import IN_FLIGHT, Broken, Leg, Watch
from tests.simulation.plan import Plan


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
        for order in orders
        if order.returned_at is not None and order.order_id not in back
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
        differences = ledger.check_books(session)
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
    return sum(order.content.fen for order in paid)


def _is_at_an_end(leg: Leg, *, is_named: bool) -> bool:
    if leg.status in IN_FLIGHT or leg.status in {"planned", "approved", "requote_needed"}:
        return False
    if leg.status == "failed":
        return not leg.parked
    if leg.status == "cancelled":
        return True
    return is_named or (
        leg.status in {"matched", "payoff_verified", "returned"} and not leg.transit
    )
