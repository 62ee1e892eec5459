"""The strings behind the stage: load people and money, script faults, read the books."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Final

from flask import Blueprint, Response, g

from sandbox import funding, people, signing, times, wire
from sandbox.amounts import write_yuan
from sandbox.channel import form as forms
from sandbox.channel import notices
from sandbox.channel.form import Form
from sandbox.channel.notices import Notice
from sandbox.channel.orders import FEE_FEN, Order, Way, is_returned, state_of
from sandbox.faults import Fault, Script
from sandbox.world import CARDS_MAX, Outage, full, world

blueprint = Blueprint("control", __name__, url_prefix="/_control")

PARTNERS: Final = (
    *("channel", "batch", "bank", "issuers", "bureau", "income", "watchlists", "identity", "sms"),
)
RETURN_DAYS_MAX: Final = 365
_FORGET: Final = "off"
_REFERENCE_MAX: Final = 140


@blueprint.get("/healthz")
def healthz() -> Response:
    """Tell that the process lives, and which it is: another process has another memory."""
    return wire.reply({"status": "ok", "process": os.getpid()})


@blueprint.post("/people")
def load_people() -> Response:
    """Load people with their cards; all of them or none."""
    now: datetime = g.now
    households = people.read(wire.read_object(), today=now.date())
    here = world()
    with here.lock:
        here.require_room(len(households), sum(len(cards) for _, cards in households))
        for person, cards in households:
            here.settle(person, cards)
    return wire.reply(
        {"people": len(households), "cards": sum(len(cards) for _, cards in households)}
    )


@blueprint.post("/fund")
def fund() -> Response:
    """Put money into the funding account."""
    now: datetime = g.now
    return _deposit(_amount(wire.read_object()), now)


@blueprint.post("/transfers")
def transfer() -> Response:
    """Have somebody transfer money to the funding account, with what he wrote as a reference."""
    now: datetime = g.now
    body = wire.read_object()
    reference = wire.text(body, "reference", most=_REFERENCE_MAX)
    return _deposit(_amount(body), now, reference=reference)


@blueprint.post("/salaries")
def salary() -> Response:
    """Put money on a debit card."""
    body = wire.read_object()
    card_number, amount = wire.text(body, "card_number", like=wire.CARD_NUMBER), _amount(body)
    now: datetime = g.now
    here = world()
    with here.lock:
        card = here.cards.get(card_number)
        if card is None or card.account_type != "debit":
            raise wire.Refused(404, "no_such_account", "there is no such debit card")
        card.balance_fen += amount
        available = card.available_fen(now)
    return wire.reply({"available": write_yuan(available)})


@blueprint.post("/faults")
def script_fault() -> Response:
    """Script the next payment to a card."""
    body = wire.read_object()
    card_number = wire.text(body, "card_number", like=wire.CARD_NUMBER)
    fault = wire.choice(body, "fault", (*Fault, _FORGET), "")
    days = wire.whole(body, "return_after_days", default=1, least=1, most=RETURN_DAYS_MAX)
    here = world()
    with here.lock:
        if fault == _FORGET:
            here.scripts.pop(card_number, None)
        elif len(here.scripts) >= CARDS_MAX:
            raise full("faults")
        else:
            here.scripts[card_number] = Script(fault=Fault(fault), return_after_days=days)
    return wire.reply({"fault": fault})


@blueprint.post("/outage")
def script_outage() -> Response:
    """Take a whole partner down, or bring it back."""
    body = wire.read_object()
    partner = wire.choice(body, "partner", PARTNERS, "")
    mode = Outage(wire.choice(body, "mode", tuple(Outage), ""))
    here = world()
    with here.lock:
        if mode is Outage.OFF:
            here.outages.pop(partner, None)
        else:
            here.outages[partner] = mode
    return wire.reply({"partner": partner, "mode": mode})


@blueprint.post("/notices/deliver")
def deliver_notices() -> Response:
    """Post every notice that is due, once."""
    now: datetime = g.now
    here = world()
    with here.lock:
        box = here.notices
        due = box.take_due(now)
        for notice in due:
            here.books.ask(notice.order, now)
    outcome = notices.deliver(due, _signed)
    with here.lock:
        # The box we took from: after a reset it is nobody's any more.
        for notice in outcome.keep:
            box.put(notice)
        waiting = len(box.queue)
    return wire.reply(
        {"delivered": outcome.delivered, "failed": outcome.failed, "waiting": waiting}
    )


@blueprint.get("/books")
def read_books() -> Response:
    """Show the channel's own ledger at a time."""
    now: datetime = g.now
    here = world()
    with here.lock:
        return wire.reply(
            {**_books(Way.PAYOUT, now), "collections": _books(Way.COLLECTION, now)},
        )


@blueprint.post("/reset")
def reset() -> Response:
    """Forget everything."""
    here = world()
    with here.lock:
        here.reset()
    return wire.reply({"reset": True})


def _amount(body: wire.Body) -> int:
    amount = wire.fen(body, "amount")
    if amount == 0:
        wire.bad_field("amount", "must be more than zero")
    return amount


def _deposit(amount: int, now: datetime, *, reference: str | None = None) -> Response:
    here = world()
    with here.lock:
        if len(here.funding.deposits) >= funding.DEPOSITS_MAX:
            raise full("deposits")
        day = here.books.open_day(now.date())
        posted_at = now if day == now.date() else times.at_hour(day, 0)
        here.funding.deposit(amount, posted_at, reference=reference)
        balance = funding.balance(here.funding, here.books, posted_at)
    return wire.reply({"account": funding.ACCOUNT_NUMBER, "balance": write_yuan(balance)})


def _books(way: Way, now: datetime) -> dict[str, object]:
    books = world().books
    totals = books.totals(way, now)
    return {
        "paid_fen": totals.paid_fen,
        "returned_fen": totals.returned_fen,
        "fee_fen": totals.payments * FEE_FEN,
        "payments": totals.payments,
        "returns": totals.returns,
        "orders": [_order(order, now) for order in books.of_way(way)],
    }


def _order(order: Order, now: datetime) -> dict[str, object]:
    return {
        "orderId": order.order_id,
        "txnTime": order.txn_time,
        "fen": order.content.fen,
        "state": state_of(order, now),
        "card_last4": order.content.card_number[-4:],
        "returned": is_returned(order, now),
    }


def _signed(notice: Notice) -> Form:
    fields = forms.notice(notice.order)
    if notice.is_forged:
        return {**fields, "signature": signing.sign_wrongly(fields)}
    return forms.signed(fields)
