"""The bank that keeps the funding account: daily statements and the balance."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime
from typing import Final

from flask import Blueprint, Response, g

from sandbox import funding, times, wire
from sandbox.amounts import write_yuan
from sandbox.funding import ACCOUNT_NUMBER, Line
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
        _require_account(here, account)
        if not funding.is_ready(day, now):
            raise Refused(404, "not_ready", "the statement is ready at 08:00 of the next day")
        here.books.close(day)
        opening = funding.opening(here.funding, here.books, day)
        lines = funding.lines(here.funding, here.books, day)
    return Response(_csv(day, opening, lines), content_type="text/csv; charset=utf-8")


@blueprint.get("/balance")
def balance(account: str) -> Response:
    """Tell what lies on the account."""
    now: datetime = g.now
    here = world()
    with here.lock:
        _require_account(here, account)
        fen = funding.balance(here.funding, here.books, now)
    return wire.reply({"balance": write_yuan(fen), "as_of": times.write_instant(now)})


def _require_account(here: World, account: str) -> None:
    if account != ACCOUNT_NUMBER or not here.funding.deposits:
        raise Refused(404, "no_such_account", "the bank keeps no such account")


def _csv(day: date, opening: int, lines: list[Line]) -> str:
    closing = opening + sum(line.fen for line in lines)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("account", "day", "currency", "opening", "closing", "lines"))
    writer.writerow(
        (ACCOUNT_NUMBER, day, "CNY", write_yuan(opening), write_yuan(closing), len(lines))
    )
    writer.writerow(_COLUMNS)
    for number, line in enumerate(lines, start=1):
        direction = "D" if line.fen < 0 else "C"
        posted_at, amount = times.write_instant(line.posted_at), write_yuan(abs(line.fen))
        told = (line.counterparty, line.reference, line.note)
        writer.writerow((number, posted_at, day, direction, amount, *told))
    return text.getvalue()
