"""The bank's files: lines of fields between bars, amounts in yuan, each with its own totals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sandbox import times
from sandbox.amounts import read_yuan, write_yuan
from sandbox.batch.messages import NUMBER, Declined
from sandbox.channel.orders import FEE_FEN, Order
from sandbox.channel.settlement import masked
from sandbox.wire import CARD_NUMBER

ROWS_MAX: Final = 500
_COUNT: Final = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)
_NAME: Final = re.compile(r"[^|\r\n]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One payment of a batch, as it was asked for."""

    order_no: str
    fen: int
    card_number: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a result file says of one payment."""

    order: Order | None
    row: Row
    code: str


def read_batch(text: str, batch_no: str) -> tuple[Row, ...]:
    """Read a batch file and see that its totals are those of its rows.

    Raises:
        Declined: 30 for a malformed line, 31 for totals that do not tie.
    """
    lines = text.split("\n")
    if len(lines) < 3 or lines[-1]:
        raise Declined("30", "the file does not end with a line")
    heading, *rows, trailer = (line.split("|") for line in lines[:-1])
    if heading[:2] != ["B1", batch_no] or len(heading) != 3:
        raise Declined("30", "malformed line 1")
    found = tuple(_row(fields, number) for number, fields in enumerate(rows, start=1))
    if len(found) > ROWS_MAX:
        raise Declined("30", f"more than {ROWS_MAX} rows")
    stated = [heading[2], *trailer]
    counted = str(len(found)), "T", str(len(found)), write_yuan(sum(row.fen for row in found))
    if stated != list(counted):
        raise Declined("31")
    if len({row.order_no for row in found}) != len(found):
        raise Declined("30", "an order number stands twice")
    return found


def result(batch_no: str, results: Sequence[Result]) -> str:
    """Write a result file: what is open has neither reference nor day."""
    lines = [f"R1|{batch_no}|{len(results)}"]
    for number, one in enumerate(results, start=1):
        order = one.order
        known = one.code == "00" and order is not None and order.paid_on is not None
        reference = order.query_id if order is not None and known else ""
        day = f"{order.paid_on:%Y%m%d}" if order is not None and known else ""
        told = (number, one.row.order_no, write_yuan(one.row.fen), one.code, reference, day)
        lines.append("|".join(map(str, told)))
    paid = [one.row.fen for one in results if one.code == "00"]
    open_ = [one.row.fen for one in results if one.code == "TO"]
    total = (len(results), len(paid), write_yuan(sum(paid)), len(open_), write_yuan(sum(open_)))
    lines.append("|".join(["T", *map(str, total)]))
    return "\n".join(lines) + "\n"


def returns(day: date, orders: Sequence[Order]) -> str:
    """Write the list of what came back on a day."""
    lines = [f"N1|{day:%Y%m%d}|{len(orders)}"]
    for number, order in enumerate(orders, start=1):
        told = (number, order.order_id, order.query_id, write_yuan(order.content.fen))
        lines.append("|".join(map(str, told)))
    lines.append(f"T|{len(orders)}|{write_yuan(sum(order.content.fen for order in orders))}")
    return "\n".join(lines) + "\n"


def settlement(
    customer: str, day: date, *, paid: Sequence[Order], returned: Sequence[Order]
) -> str:
    """Write the settlement file of a day."""
    lines = [f"H|{customer}|{day:%Y%m%d}|CNY"]
    lines += [_settled("P", o, o.fen_in_file, fee=FEE_FEN, at=o.decided_at) for o in paid]
    lines += [_settled("R", o, o.content.fen, fee=0, at=o.returned_at) for o in returned]
    total = (
        *(len(paid), write_yuan(sum(order.fen_in_file for order in paid))),
        write_yuan(FEE_FEN * len(paid)),
        *(len(returned), write_yuan(sum(order.content.fen for order in returned))),
    )
    lines.append("|".join(["T", *map(str, total)]))
    return "\n".join(lines) + "\n"


def _settled(kind: str, order: Order, fen: int, *, fee: int, at: datetime | None) -> str:
    assert at is not None, "a line is about something that happened"
    told = (
        kind,
        order.order_id,
        order.txn_time,
        order.query_id,
        masked(order.content.card_number),
        write_yuan(fen),
        write_yuan(fee),
        f"{at.astimezone(times.SHANGHAI):%Y%m%d%H%M%S}",
    )
    return "|".join(told)


def _row(fields: list[str], number: int) -> Row:
    fault = Declined("30", f"malformed line {number + 1}")
    if len(fields) != 5 or fields[0] != str(number):
        raise fault
    _, order_no, card_number, name, amount = fields
    if not (NUMBER.fullmatch(order_no) and CARD_NUMBER.fullmatch(card_number)):
        raise fault
    if _NAME.fullmatch(name) is None:
        raise fault
    try:
        fen = read_yuan(amount)
    except ValueError:
        raise fault from None
    if not 0 < fen < 10**11:
        raise fault
    return Row(order_no=order_no, fen=fen, card_number=card_number, name=name)
