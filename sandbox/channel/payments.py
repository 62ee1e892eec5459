"""What the channel does with an order: take it once, tell where it stands, list a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sandbox import faults, times
from sandbox.channel import orders
from sandbox.channel.form import Declined
from sandbox.channel.orders import PAID_CODE, Content, Fate, Order, OrderState, Way
from sandbox.faults import Fault, Script
from sandbox.world import World, full

_ACCOUNT_TYPES: Final = {Way.PAYOUT: "credit", Way.COLLECTION: "debit"}
CLOCK_TOLERANCE: Final = timedelta(minutes=15)
"""How far a payment's own time may lie from now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A well-formed payment or collection as it was asked for."""

    way: Way
    mer_id: str
    order_id: str
    txn_time: str
    content: Content
    back_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The answer to a payment: its code, its number if accepted, and the fault in play."""

    code: str
    query_id: str | None = None
    fault: Fault | None = None


def take(here: World, asked: Request, *, at: datetime) -> Receipt:
    """Take a payment once; the caller holds the lock.

    A known number is looked at before the time: who repeats a payment an hour later must hear
    that it is known, not that he is late.

    Raises:
        Declined: 10, the payment's own time is too far from now.
        Refused: the channel holds no more payments.
    """
    known = here.books.find(asked.mer_id, asked.order_id)
    if known is not None:
        before = (known.way, known.txn_time, known.content)
        is_same = before == (asked.way, asked.txn_time, asked.content)
        return Receipt(code="12" if is_same else "13")
    if abs(times.read_stamp(asked.txn_time) - at) > CLOCK_TOLERANCE:
        raise Declined("10")
    if here.books.is_full():
        raise full("payments")
    code, script = _objection(here, asked, at), None
    if code is None:
        script = _script(here, asked.content.card_number)
        code = faults.REFUSALS.get(script.fault) if script is not None else None
    if code is not None:
        _record(here, asked, Fate(decided_at=at, verdict=code, returned_at=None), at=at)
        return Receipt(code=code)
    return _accept(here, asked, script, at=at)


def standing(here: World, order: Order, *, at: datetime) -> dict[str, str] | None:
    """Tell the fields of a query's answer; None while the payment is not found."""
    at = here.books.ask(order, at)
    if orders.is_hidden(order, at):
        return None
    code = orders.query_code(order, at)
    found = {"origRespCode": code, "txnAmt": str(order.content.fen)}
    if order.query_id:
        found["queryId"] = order.query_id
    if orders.state_of(order, at) is OrderState.PAID and order.paid_on is not None:
        found["settleDate"] = f"{order.paid_on:%m%d}"
        found["settleAmt"] = str(order.content.fen)
    if code == "RT" and order.returned_on is not None:
        found["returnDate"] = f"{order.returned_on:%Y%m%d}"
    if order.content.reserved:
        found["reqReserved"] = order.content.reserved
    return found


def of_day(here: World, mer_id: str, way: Way, day: date) -> tuple[list[Order], list[Order]]:
    """List what went one way for a merchant and came back on a settlement day, and close the day."""
    here.books.close(day)
    book = here.books.days[way]
    paid = [o for o in book.paid_on.get(day, ()) if o.mer_id == mer_id]
    returned = [o for o in book.returned_on.get(day, ()) if o.mer_id == mer_id]
    for order in paid:
        here.books.ask(order, order.decided_at)
    return paid, returned


def _objection(here: World, asked: Request, at: datetime) -> str | None:
    """Tell the response code that speaks against an order, if any does."""
    content = asked.content
    card = here.cards.get(content.card_number)
    if card is None:
        return "61"
    if card.account_type != _ACCOUNT_TYPES[asked.way]:
        return "93"
    if card.state != "open":
        return "63"
    if card.holder != content.name:
        return "66"
    if asked.way is Way.COLLECTION:
        return None if card.available_fen(at) >= content.fen else "64"
    return None if here.funding.can_bear(content.fen, at) else "64"


def _script(here: World, card_number: str) -> Script | None:
    return here.scripts.pop(card_number, None) or faults.of_card(card_number)


def _accept(here: World, asked: Request, script: Script | None, *, at: datetime) -> Receipt:
    fault = script.fault if script is not None else None
    if fault in faults.LOST:
        return Receipt(code=PAID_CODE, fault=fault)
    fate = orders.fate(at, script)
    order = _record(here, asked, fate, at=at, fault=fault)
    here.notices.expect(order)
    if fate.verdict == PAID_CODE:
        _move(here, order, fate)
    return Receipt(code=PAID_CODE, query_id=order.query_id, fault=fault)


def _move(here: World, order: Order, fate: Fate) -> None:
    """Have the card and the funding account know what an accepted order will move."""
    fen, card = order.content.fen, here.cards[order.content.card_number]
    if order.way is Way.COLLECTION:
        assert order.paid_on is not None, "what is collected has its day"
        card.draw(fen=fen, returned_at=fate.returned_at)
        here.funding.expect(fen, order.paid_on, order.returned_on)
        return
    here.funding.claim(fen, fate.returned_at)
    card.post(fen=fen, posted_at=fate.decided_at, returned_at=fate.returned_at)


def _record(
    here: World, asked: Request, fate: Fate, *, at: datetime, fault: Fault | None = None
) -> Order:
    books = here.books
    paid_on = returned_on = None
    is_accepted = fate.verdict == PAID_CODE or fate.decided_at > at
    if fate.verdict == PAID_CODE:
        paid_on = books.open_day(times.settlement_day(fate.decided_at))
    if fate.returned_at is not None:
        returned_on = books.open_day(times.settlement_day(fate.returned_at))
    order = Order(
        way=asked.way,
        mer_id=asked.mer_id,
        order_id=asked.order_id,
        txn_time=asked.txn_time,
        content=asked.content,
        back_url=asked.back_url,
        query_id=books.next_query_id(asked.txn_time) if is_accepted else "",
        fault=fault,
        accepted_at=at,
        decided_at=fate.decided_at,
        verdict=fate.verdict,
        paid_on=paid_on,
        returned_at=fate.returned_at,
        returned_on=returned_on,
    )
    books.record(order)
    return order
