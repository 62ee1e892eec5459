"""The bank that keeps the funding account: daily statements and the balance."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime
from typing import Final

from flask import Blueprint, Response, g

from sandbox import funding, times, wire
from sandbox.amounts import write_yuan
from sandbox.batch.bank import ACCOUNT_NUMBER as BATCH_ACCOUNT
from sandbox.channel.books import Books
from sandbox.funding import ACCOUNT_NUMBER, Funding, Line
from sandbox.wire import Refused
from sandbox.world import World, world

blueprint = Blueprint("bank", __name__, url_prefix="/bank/accounts/<account>")

_COLUMNS: Final = (
    *("seq", "posted_at", "value_date", "direction", "amount"),
    *("counterparty", "reference", "note"),
)


@blueprint.get("/statements/<day_text>")
def statement(account: str, day_text: str) -> Response:
    """Give out the statement of a day that is over."""
    now: datetime = g.now
    try:
        day = times.read_day(day_text)
    except ValueError:
        raise Refused(400, "bad_day", "the day must be YYYY-MM-DD") from None
    here = world()
    with here.lock:
        books, deposits = _account(here, account)
        if not funding.is_ready(day, now):
            raise Refused(404, "not_ready", "the statement is ready at 08:00 of the next day")
        books.close(day)
        opening = funding.opening(deposits, books, day)
        lines = funding.lines(deposits, books, day)
    return Response(_csv(account, day, opening, lines), content_type="text/csv; charset=utf-8")


@blueprint.get("/balance")
def balance(account: str) -> Response:
    """Tell what lies on the account."""
    now: datetime = g.now
    here = world()
    with here.lock:
        books, deposits = _account(here, account)
        fen = funding.balance(deposits, books, now)
    return wire.reply({"balance": write_yuan(fen), "as_of": times.write_instant(now)})


def _account(here: World, account: str) -> tuple[Books, Funding]:
    """Find who pays from an account, and what lies on it; the first deposit opens it."""
    kept = {
        ACCOUNT_NUMBER: (here.books, here.funding),
        BATCH_ACCOUNT: (here.batch.books, here.batch.funding),
    }
    if account not in kept or not kept[account][1].deposits:
        raise Refused(404, "no_such_account", "the bank keeps no such account")
    return kept[account]


def _csv(account: str, day: date, opening: int, lines: list[Line]) -> str:
    closing = opening + sum(line.fen for line in lines)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("account", "day", "currency", "opening", "closing", "lines"))
    writer.writerow((account, day, "CNY", write_yuan(opening), write_yuan(closing), len(lines)))
    writer.writerow(_COLUMNS)
    for number, line in enumerate(lines, start=1):
        direction = "D" if line.fen < 0 else "C"
        posted_at, amount = times.write_instant(line.posted_at), write_yuan(abs(line.fen))
        told = (line.counterparty, line.reference, line.note)
        writer.writerow((number, posted_at, day, direction, amount, *told))
    return text.getvalue()
