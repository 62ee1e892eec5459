"""The settlement file of one day: fixed-width lines, zipped, deflated, in Base64."""

from __future__ import annotations

import base64
import io
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sandbox import times
from sandbox.channel.orders import FEE_FEN, Order, Way

ZM_WIDTHS: Final = (
    *(3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6),
    *(2, 4, 32, 1, 21, 15, 1, 15, 32, 13, 13, 8, 32, 13, 13, 12, 2, 1, 32, 98),
)
"""42 fields, 607 bytes with the blanks between them; CRLF follows."""

ZME_WIDTHS: Final = (3, 11, 11, 6, 10, 19, 12, 4, 2, 2, 6, 10, 4, 12, 13, 13, 15, 15, 1, 12, 2, 135)
"""22 fields, 339 bytes with the blanks between them; CRLF follows."""

READY_HOUR: Final = 9
"""The file of day D can be had from this hour of D+1."""

_ACQUIRER: Final = "88022900"
_FORWARDER: Final = "00049993"
_HEADINGS: Final = {
    Way.PAYOUT: "笔数|金额(分)|手续费(分)|退回笔数|退回金额(分)",
    Way.COLLECTION: "代收笔数|代收金额(分)|代收手续费(分)|代收退回笔数|代收退回金额(分)",
}
_PAID_CODES: Final = {Way.PAYOUT: "S22", Way.COLLECTION: "S65"}
_RETURN_CODES: Final = {Way.PAYOUT: "E84", Way.COLLECTION: "E74"}


@dataclass(frozen=True, slots=True)
class Moved:
    """What moved one way on a day, and what came back."""

    paid: Sequence[Order]
    returned: Sequence[Order]


def is_ready(day: date, at: datetime) -> bool:
    """Tell whether the file of a settlement day exists yet."""
    return at >= times.at_hour(day + times.ONE_DAY, READY_HOUR)


def file_name(mer_id: str, day: date) -> str:
    """Tell the name under which a day's file is given out."""
    return f"{mer_id}_{day:%Y%m%d}.zip"


def content(mer_id: str, day: date, moved: Mapping[Way, Moved]) -> str:
    """Write the day's file as the reply carries it: Base64 of a zlib stream of a zip.

    The same day gives the same bytes whenever it is asked.
    """
    prefix = f"{day:%y%m%d}88"
    members = {
        f"INN{prefix}ZM_{mer_id}": _lines(paid_line(o) for m in moved.values() for o in m.paid),
        f"INN{prefix}ZME_{mer_id}": _lines(
            returned_line(o) for m in moved.values() for o in m.returned
        ),
        f"RD{prefix}_{mer_id}": _summary(moved),
    }
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            entry = zipfile.ZipInfo(name, (day.year, day.month, day.day, 0, 0, 0))
            archive.writestr(entry, body, zipfile.ZIP_DEFLATED)
    return base64.b64encode(zlib.compress(box.getvalue())).decode("ascii")


def paid_line(order: Order) -> str:
    """Write one payment or collection as a ZM line, without its line end.

    A payment leaves the merchant with its fee; a collection reaches him less its fee.
    """
    moment, fen = order.txn_time[4:], order.fen_in_file
    is_payout = order.way is Way.PAYOUT
    net = f"D{fen + FEE_FEN:012d}" if is_payout else _signed(fen - FEE_FEN)
    return _fixed(
        ZM_WIDTHS,
        {
            1: _PAID_CODES[order.way],
            2: _ACQUIRER,
            3: _FORWARDER,
            4: order.trace,
            5: moment,
            6: masked(order.content.card_number),
            7: f"{fen:012d}",
            8: "4899",
            9: "07",
            10: order.query_id,
            11: "01",
            12: order.order_id,
            13: "01",
            15: moment,
            16: f"D{FEE_FEN:012d}",
            17: net,
            18: "0001",
            20: "01",
            22: order.way.value,
            28: order.mer_id,
            30: "0" * 15,
            32: f" {0:012d}",
            33: net,
            34: "01080209",
            36: f" {0:012d}",
            37: f" {0:012d}",
            38: f" {0:011d}",
            40: "7",
            41: order.order_id,
        },
    )


def returned_line(order: Order) -> str:
    """Write one return as a ZME line, without its line end."""
    assert order.returned_at is not None
    return _fixed(
        ZME_WIDTHS,
        {
            1: _RETURN_CODES[order.way],
            2: _ACQUIRER,
            3: _FORWARDER,
            4: order.trace,
            5: f"{order.returned_at:%m%d%H%M%S}",
            6: masked(order.content.card_number),
            7: f"{order.content.fen:012d}",
            8: "4899",
            9: "07",
            10: "01",
            11: order.trace,
            12: order.txn_time[4:],
            17: order.mer_id,
            22: f"{order.order_id:32}{order.query_id}",
        },
    )


def masked(card_number: str) -> str:
    """Write a card number with its first six and last four digits only."""
    return card_number[:6] + "*" * (len(card_number) - 10) + card_number[-4:]


def _fixed(widths: tuple[int, ...], values: Mapping[int, str]) -> str:
    fields = [values.get(number, "").ljust(width) for number, width in enumerate(widths, start=1)]
    line = " ".join(fields)
    assert len(line) == sum(widths) + len(widths) - 1, "a value is wider than its field"
    return line


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def _signed(fen: int) -> str:
    """Write what reaches the merchant: C, or D when the fee is more than the amount."""
    return f"{'C' if fen >= 0 else 'D'}{abs(fen):012d}"


def _summary(moved: Mapping[Way, Moved]) -> bytes:
    """Write the sums of payouts, and those of collections when the day has any."""
    rows: list[str] = []
    for way, of_way in moved.items():
        if way is Way.PAYOUT or of_way.paid or of_way.returned:
            rows += (_HEADINGS[way], "|".join(map(str, _figures(of_way))))
    return "".join(f"{row}\r\n" for row in rows).encode("gbk")


def _figures(moved: Moved) -> tuple[int, ...]:
    return (
        len(moved.paid),
        sum(order.fen_in_file for order in moved.paid),
        len(moved.paid) * FEE_FEN,
        len(moved.returned),
        sum(order.content.fen for order in moved.returned),
    )
