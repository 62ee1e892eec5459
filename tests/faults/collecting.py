"""The judge of money that comes in: the channel's collections against debit orders and ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from disbursement import accounts, breaks, ledger, legs
from disbursement.records.breaks import Break
from disbursement.records.closing import ClosedDay
from disbursement.records.debits import DebitOrder, DebitStatus
from kernel.money import ZERO, Money

ENDS: Mapping[str | None, frozenset[DebitStatus]] = {
    "paid": frozenset({DebitStatus.PAID}),
    "returned": frozenset({DebitStatus.RETURNED}),
    "refused": frozenset({DebitStatus.FAILED}),
    None: frozenset({DebitStatus.FAILED, DebitStatus.CANCELLED}),
}
"""How a debit order must stand by what the channel's own books say of it."""


def complaints(session: Session, told: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """Hold every debit order against the channel's books, and the days closed against the calendar."""
    orders = {order["orderId"]: order for order in told}
    ours = {one.order_no: one for one in session.scalars(select(DebitOrder))}
    yield from _different(session, ours.values(), orders)
    yield from _unknown_to_us(session, orders.keys() - ours.keys())
    yield from _collected_twice(session, ours.values(), orders)
    yield from _money_in(session, orders.values())
    yield from _days_missing(session)


def principal_repaid(session: Session, loan_id: UUID) -> Money:
    """Add up the principal that was repaid and not taken back."""
    account = accounts.identity(accounts.loan_principal(loan_id))
    fen = session.scalar(
        text(
            """
            SELECT coalesce(sum(CASE WHEN t.credit_id = :account THEN t.amount ELSE -t.amount END), 0)
            FROM transfer t JOIN loan_event e ON e.id = t.event_ref
            WHERE :account IN (t.credit_id, t.debit_id) AND t.state = 'posted'
              AND e.kind IN ('repaid', 'prepaid', 'paid_off', 'reversed')
            """
        ),
        {"account": account},
    )
    return Money(int(fen or 0))


def _different(
    session: Session, ours: Iterable[DebitOrder], orders: Mapping[str, Mapping[str, Any]]
) -> Iterable[str]:
    for one in ours:
        order = orders.get(one.order_no or "")
        if one.status not in ENDS.get(_stands(order), ()) or one.contradicted_at is not None:
            yield f"I2: debit {one.id} is {one.status}, the channel says {_stands(order)}"
        if order is not None and (one.amount is None or one.amount.fen != order["fen"]):
            yield f"I2: debit {one.id} of {one.amount}, the channel has {order['fen']} fen"


def _unknown_to_us(session: Session, strange: Iterable[str]) -> Iterable[str]:
    open_breaks = session.scalars(select(Break).where(Break.status.in_(breaks.LIVE)))
    broken = " ".join(f"{one.subject} {one.detail}" for one in open_breaks)
    for order_no in strange:
        if order_no not in broken:
            yield f"I2: the channel's collection {order_no} is in no book of ours"


def _collected_twice(
    session: Session, ours: Iterable[DebitOrder], orders: Mapping[str, Mapping[str, Any]]
) -> Iterable[str]:
    """I1: a due day's instalment comes in once; what comes after it is no more than late charges."""
    kept: defaultdict[tuple[UUID, object], list[int]] = defaultdict(list)
    for one in ours:
        order = orders.get(one.order_no or "")
        if one.due_on is not None and order is not None and _stands(order) == "paid":
            kept[one.loan_id, one.due_on].append(int(order["fen"]))
    for (loan_id, due_on), amounts in kept.items():
        beyond = sum(amounts) - max(amounts)
        if beyond > _late_charges(session, loan_id).fen:
            yield f"I1: loan {loan_id} was collected {amounts} fen for {due_on}"


def _late_charges(session: Session, loan_id: UUID) -> Money:
    """Add up what was ever charged for being late."""
    account = accounts.identity(accounts.loan_penalty(loan_id))
    fen = session.scalar(
        text("SELECT sum(amount) FROM transfer WHERE debit_id = :account AND state = 'posted'"),
        {"account": account},
    )
    return Money(int(fen or 0))


def _money_in(session: Session, orders: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """I3: what was collected stands in the ledger, and has arrived on the bank's statement."""
    collected = sum(o["fen"] for o in orders if o["state"] == "paid" and not o["returned"])
    paid = session.scalars(select(DebitOrder.amount).where(DebitOrder.status == DebitStatus.PAID))
    booked = sum(amount.fen for amount in paid if amount is not None)
    if booked != collected:
        yield f"I3: {collected} fen collected, {booked} booked"
    left = ledger.balance(session, accounts.collection(legs.UNIONPAY))
    if left != ZERO:
        yield f"I3: {left} collected and not arrived"
    for loan_id in session.scalars(select(DebitOrder.loan_id).distinct()):
        credit = ledger.balance(session, accounts.loan_credit(loan_id))
        if credit != ZERO:
            yield f"I1: loan {loan_id} was collected {credit} too much"


def _days_missing(session: Session) -> Iterable[str]:
    """Every business day between the first and the last that were closed is closed, once."""
    days = session.execute(select(ClosedDay.day, ClosedDay.closed_at).order_by(ClosedDay.day)).all()
    if days and (days[-1].day - days[0].day).days + 1 != len(days):
        yield "end of day: a day is missing"
    yield from (f"end of day: {one.day} is not closed" for one in days if one.closed_at is None)


def _stands(order: Mapping[str, Any] | None) -> str | None:
    if order is None:
        return None
    return "returned" if order["returned"] else str(order["state"])
