"""The bank's five calls: upload a file, its result, one payment, what came back, settlement."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Final

from flask import Blueprint, Response, g

from sandbox import times, wire
from sandbox.amounts import write_yuan
from sandbox.batch import bank, files
from sandbox.batch import messages as said
from sandbox.batch.messages import NUMBER, Declined, Fields
from sandbox.channel.orders import FEE_FEN, Way, is_returned, state_of
from sandbox.funding import DEPOSITS_MAX
from sandbox.funding import balance as balance_of
from sandbox.world import full, world

blueprint = Blueprint("batch", __name__)

READY_HOUR: Final = 9
"""The settlement file of day D can be had from this hour of D+1."""
BATCHES_MAX: Final = 20_000


@blueprint.post("/batch/upload")
def upload() -> Response:
    """Take a file of payments."""
    return _answered(_upload)


@blueprint.post("/batch/result")
def result() -> Response:
    """Give out what became of a batch."""
    return _answered(_result)


@blueprint.post("/batch/query")
def query() -> Response:
    """Tell where one payment stands."""
    return _answered(_query)


@blueprint.post("/batch/returns")
def returns() -> Response:
    """List what came back on a day."""
    return _answered(_returns)


@blueprint.post("/batch/settlement")
def settlement() -> Response:
    """Give out the settlement file of a day."""
    return _answered(_settlement)


@blueprint.get("/_control/batch/books")
def read_books() -> Response:
    """Show the bank's own ledger at a time."""
    now: datetime = g.now
    here = world().batch
    with world().lock:
        totals = here.books.totals(Way.PAYOUT, now)
        orders = here.books.of_way(Way.PAYOUT)
        batches = list(here.batches.values())
    return wire.reply(
        {
            "paid_fen": totals.paid_fen,
            "returned_fen": totals.returned_fen,
            "fee_fen": totals.payments * FEE_FEN,
            "payments": totals.payments,
            "returns": totals.returns,
            "batches": [
                {"batchNo": one.number, "rows": len(one.rows), "rejected": one.rejected}
                for one in batches
            ],
            "orders": [
                {
                    "orderId": order.order_id,
                    "txnTime": order.txn_time,
                    "fen": order.content.fen,
                    "state": state_of(order, now),
                    "card_last4": order.content.card_number[-4:],
                    "returned": is_returned(order, now),
                }
                for order in orders
            ],
        }
    )


@blueprint.post("/_control/batch/fund")
def fund() -> Response:
    """Put money into the account that batches are drawn on."""
    now: datetime = g.now
    amount = wire.fen(wire.read_object(), "amount")
    here = world().batch
    with world().lock:
        if len(here.funding.deposits) >= DEPOSITS_MAX:
            raise full("deposits")
        day = here.books.open_day(now.date())
        here.funding.deposit(amount, now if day == now.date() else times.at_hour(day, 0))
        lies = balance_of(here.funding, here.books, here.funding.deposits[-1].posted_at)
    return wire.reply({"account": bank.ACCOUNT_NUMBER, "balance": write_yuan(lies)})


def _answered(act: Callable[[Fields, datetime], Response]) -> Response:
    fields = said.read()
    now: datetime = g.now
    try:
        said.check(fields)
        return act(fields, now)
    except Declined as refusal:
        return said.declined(fields, refusal)


def _upload(fields: Fields, now: datetime) -> Response:
    number = said.require(fields, "batchNo", NUMBER)
    said.require_stamp(fields, "sentAt")
    asked = bank.Upload(
        customer=fields["customer"],
        number=number,
        sent_at=fields["sentAt"],
        sha256=fields.get("sha256", ""),
        rows=files.read_batch(said.unpacked(fields), number),
    )
    here = world()
    with here.lock:
        if len(here.batch.batches) >= BATCHES_MAX or here.batch.books.is_full():
            raise full("batches")
        taken = bank.take(here.batch, asked, here.cards, here.scripts, at=now)
    return said.reply_as(said.answer(fields, taken.code), taken.fault)


def _result(fields: Fields, now: datetime) -> Response:
    number = said.require(fields, "batchNo", NUMBER)
    here = world()
    with here.lock:
        batch = here.batch.find(fields["customer"], number)
        if batch is None or batch.sent_at != fields.get("sentAt"):
            return said.reply(said.answer(fields, "34"))
        found = bank.result(here.batch, batch, at=now)
    if isinstance(found, str):
        return said.reply(said.answer(fields, found))
    return said.reply(said.answer(fields, "00", said.packed(files.result(number, found))))


def _query(fields: Fields, now: datetime) -> Response:
    order_no = said.require(fields, "orderNo", NUMBER)
    here = world()
    with here.lock:
        found = bank.standing(here.batch, fields["customer"], order_no, at=now)
    return said.reply(said.answer(fields, "00" if found else "34", found))


def _returns(fields: Fields, now: datetime) -> Response:
    day = _day(fields)
    if day > times.settlement_day(now):
        return said.reply(said.answer(fields, "98"))
    here = world()
    with here.lock:
        found = bank.returned_on(here.batch, fields["customer"], day, at=now)
    return said.reply(said.answer(fields, "00", said.packed(files.returns(day, found))))


def _settlement(fields: Fields, now: datetime) -> Response:
    day = _day(fields)
    if now < times.at_hour(day + times.ONE_DAY, READY_HOUR):
        return said.reply(said.answer(fields, "98"))
    here = world()
    with here.lock:
        paid, returned = bank.of_day(here.batch, fields["customer"], day)
    text = files.settlement(fields["customer"], day, paid=paid, returned=returned)
    return said.reply(said.answer(fields, "00", said.packed(text)))


def _day(fields: Fields) -> date:
    text = fields.get("day", "")
    try:
        return times.read_day(f"{text[:4]}-{text[4:6]}-{text[6:]}")
    except ValueError:
        raise Declined("30", "malformed field day") from None
