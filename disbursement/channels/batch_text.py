"""The batch bank's files as text: lines of fields between bars, amounts in yuan, own totals.

Pure: bytes in, frozen values or a named fault out. A file whose totals are not those of its rows
says nothing at all.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NoReturn

from disbursement.channels.channel import BatchKey, BatchRow, Instruction, Unreadable
from kernel.money import ZERO, Money, NotAnAmount
from kernel.personal import CardNumber, PersonName

ROWS_MAX: Final = 500
BYTES_MAX: Final = 4 * 1024 * 1024

_ORDER_NO: Final = re.compile(r"[A-Za-z0-9]{8,32}", re.ASCII)
_CODE: Final = re.compile(r"[A-Z0-9]{2,4}", re.ASCII)
_REFERENCE: Final = re.compile(r"[0-9]{8,32}", re.ASCII)
_COUNT: Final = re.compile(r"0|[1-9][0-9]{0,5}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """What a result file says of one payment."""

    order_no: str
    amount: Money
    code: str
    reference: str | None
    settle_day: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnRow:
    """One payment in the list of what came back on a day."""

    order_no: str
    reference: str
    amount: Money


def write(key: BatchKey, instructions: Sequence[Instruction]) -> bytes:
    """Write the file of a batch."""
    total = Money.total(one.amount for one in instructions)
    lines = [f"B1|{key.number}|{len(instructions)}"]
    lines += [
        f"{number}|{one.key.order_no}|{one.card.plain}|{one.payee.plain}|{one.amount}"
        for number, one in enumerate(instructions, start=1)
    ]
    lines.append(f"T|{len(instructions)}|{total}")
    return ("\n".join(lines) + "\n").encode("utf-8")


def read_batch(content: bytes) -> tuple[BatchRow, ...]:
    """Read the file of a batch back from its bytes.

    Raises:
        Unreadable: it is no such file, or its totals are not those of its rows.
    """
    heading, rows, trailer = _parts(content, "B1")
    found = []
    for number, fields in enumerate(rows, start=1):
        if len(fields) != 5 or fields[0] != str(number):
            _refuse(number)
        _, order_no, card, name, amount = fields
        try:
            row = BatchRow(
                order_no=_told(_ORDER_NO, order_no, number),
                amount=_yuan(amount, number),
                card=CardNumber(card),
                payee=PersonName(name),
            )
        except ValueError:
            _refuse(number)
        found.append(row)
    counted = [str(len(found)), str(Money.total(row.amount for row in found))]
    if heading[2:] != counted[:1] or trailer != counted:
        raise Unreadable("the totals of the batch are not those of its rows")
    return tuple(found)


def read_result(content: bytes, number: str) -> tuple[ResultRow, ...]:
    """Read the result of a batch.

    Raises:
        Unreadable: it is no such file, or its totals are not those of its rows.
    """
    heading, rows, trailer = _parts(content, "R1")
    if heading[1] != number:
        raise Unreadable("the result is of another batch")
    found = tuple(_result(fields, place) for place, fields in enumerate(rows, start=1))
    if len({row.order_no for row in found}) != len(found):
        raise Unreadable("an order number stands twice in the result")
    paid = [row.amount for row in found if row.code == "00"]
    open_ = [row.amount for row in found if row.code == "TO"]
    counted = [
        str(len(found)),
        str(len(paid)),
        str(Money.total(paid)),
        str(len(open_)),
        str(Money.total(open_)),
    ]
    if heading[2:] != counted[:1] or trailer != counted:
        raise Unreadable("the totals of the result are not those of its rows")
    return found


def read_returns(content: bytes, day: date) -> tuple[ReturnRow, ...]:
    """Read the list of what came back on a day.

    Raises:
        Unreadable: it is no such list, or its totals are not those of its rows.
    """
    heading, rows, trailer = _parts(content, "N1")
    if heading[1] != f"{day:%Y%m%d}":
        raise Unreadable("the list is of another day")
    found = []
    for place, fields in enumerate(rows, start=1):
        if len(fields) != 4 or fields[0] != str(place):
            _refuse(place)
        _, order_no, reference, amount = fields
        found.append(
            ReturnRow(
                order_no=_told(_ORDER_NO, order_no, place),
                reference=_told(_REFERENCE, reference, place),
                amount=_yuan(amount, place),
            )
        )
    counted = [str(len(found)), str(Money.total(row.amount for row in found))]
    if heading[2:] != counted[:1] or trailer != counted:
        raise Unreadable("the totals of the list are not those of its rows")
    return tuple(found)


def _parts(content: bytes, mark: str) -> tuple[list[str], list[list[str]], list[str]]:
    """Give heading, rows and trailer, each as its fields; the trailer without its mark."""
    if len(content) > BYTES_MAX:
        raise Unreadable("the file is too large")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable("the file is not UTF-8") from None
    lines = [line.split("|") for line in text.split("\n")]
    if len(lines) < 3 or lines[-1] != [""]:
        raise Unreadable("the file is cut")
    heading, *rows, trailer = lines[:-1]
    if len(heading) != 3 or heading[0] != mark or trailer[0] != "T":
        raise Unreadable("the file has another heading or no totals")
    if _COUNT.fullmatch(heading[2]) is None or len(rows) > ROWS_MAX:
        raise Unreadable("the file has too many rows")
    return heading, rows, trailer[1:]


def _result(fields: list[str], place: int) -> ResultRow:
    if len(fields) != 6 or fields[0] != str(place):
        _refuse(place)
    _, order_no, amount, code, reference, day = fields
    return ResultRow(
        order_no=_told(_ORDER_NO, order_no, place),
        amount=_yuan(amount, place),
        code=_told(_CODE, code, place),
        reference=_told(_REFERENCE, reference, place) if reference else None,
        settle_day=_day(day, place) if day else None,
    )


def _told(shape: re.Pattern[str], text: str, place: int) -> str:
    if shape.fullmatch(text) is None:
        _refuse(place)
    return text


def _yuan(text: str, place: int) -> Money:
    try:
        amount = Money.yuan(text)
    except NotAnAmount:
        _refuse(place)
    if str(amount) != text or amount <= ZERO:
        _refuse(place)
    return amount


def read_day(text: str) -> date:
    """Read YYYYMMDD.

    Raises:
        ValueError: it is no such day.
    """
    if len(text) != 8 or not text.isascii() or not text.isdigit():
        raise ValueError("not YYYYMMDD")
    return date(int(text[:4]), int(text[4:6]), int(text[6:]))


def _day(text: str, place: int) -> date:
    try:
        return read_day(text)
    except ValueError:
        _refuse(place)


def _refuse(place: int) -> NoReturn:
    raise Unreadable(f"row {place} of the file is malformed")


def strings(found: Mapping[str, object]) -> dict[str, str]:
    """Take a message whose every field is text.

    Raises:
        Unreadable: one is something else.
    """
    taken = {name: value for name, value in found.items() if isinstance(value, str)}
    if len(taken) != len(found):
        raise Unreadable("a field is no text")
    return taken


def unpacked(found: Mapping[str, str]) -> bytes:
    """Undo Base64 and zlib, holding at most so many bytes, and see that the hash is the file's.

    Raises:
        Unreadable: it is packed otherwise, cut, too large, or has another hash than was signed.
    """
    stream = zlib.decompressobj()
    try:
        packed = base64.b64decode(found.get("file", ""), validate=True)
        content = stream.decompress(packed, BYTES_MAX)
    except (binascii.Error, ValueError, zlib.error):
        raise Unreadable("the file is not packed as agreed") from None
    if not stream.eof or stream.unused_data:
        raise Unreadable("the file is cut, too large, or has something behind it")
    if hashlib.sha256(content).hexdigest() != found.get("sha256"):
        raise Unreadable("the file has another hash than was signed")
    return content
