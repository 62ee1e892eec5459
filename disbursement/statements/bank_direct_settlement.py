"""The daily settlement file of the bank that is reached directly.

Lines of fields between bars in UTF-8, ended by LF: a heading `H|customer|YYYYMMDD|CNY`, a line `P` for
each payment and `R` for each return, and a trailer of counts and sums. Amounts in yuan. Layout:
docs/sandbox.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from disbursement.statements.lines import LineKind, SettlementLine
from disbursement.statements.reading import (
    BadLine,
    NotText,
    OfAnotherAccount,
    OfAnotherDay,
    TooLarge,
    TotalsDiffer,
    Truncated,
    require_rows,
    yuan,
)
from kernel.clock import SHANGHAI
from kernel.money import CURRENCY, ZERO, Money

CONTENT_BYTES_MAX: Final = 256 * 1024 * 1024
FIELDS: Final = 8

_KINDS: Final = {"P": LineKind.PAID, "R": LineKind.RETURNED}
_STAMP: Final = re.compile(r"\d{14}", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9A-Za-z]{1,40}", re.ASCII)
_COUNT: Final = re.compile(r"0|[1-9]\d{0,8}", re.ASCII)
_MASKED: Final = re.compile(r"\d{6}\*{3,9}\d{4}", re.ASCII)


@dataclass(slots=True)
class _Totals:
    paid_rows: int = 0
    paid: Money = ZERO
    fees: Money = ZERO
    returned_rows: int = 0
    returned: Money = ZERO

    def count(self, line: SettlementLine) -> None:
        if line.kind is LineKind.RETURNED:
            self.returned_rows += 1
            self.returned += line.amount
        else:
            self.paid_rows += 1
            self.paid += line.amount
            self.fees += line.fee

    def require_equal(self, stated: list[str], position: int) -> None:
        names = self.__slots__
        if len(stated) != len(names):
            raise BadLine(position, "not the totals of a settlement file")
        for what, text in zip(names, stated, strict=True):
            counted: int | Money = getattr(self, what)
            said = _stated(text, counted, position=position, name=what)
            if said != counted:
                raise TotalsDiffer(what, stated=said, counted=counted)


@contextmanager
def lines(content: bytes, *, merchant: str, day: date) -> Iterator[Iterator[SettlementLine]]:
    """Give a day's lines one by one; nothing is known to be right before the last was taken.

    Raises:
        StatementRefused: by one of its subclasses; on opening or on the way.
    """
    if len(content) > CONTENT_BYTES_MAX:
        raise TooLarge("the settlement file is too large")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise NotText("the file is not valid UTF-8") from None
    if not text.endswith("\n"):
        raise Truncated("the file ends in the middle of a line")
    yield _lines(text[:-1].split("\n"), merchant=merchant, day=day)


def _lines(rows: list[str], *, merchant: str, day: date) -> Iterator[SettlementLine]:
    heading = rows[0].split("|")
    if len(heading) != 4 or heading[0] != "H" or heading[3] != CURRENCY:
        raise BadLine(1, "not the heading of a settlement file")
    if heading[1] != merchant:
        raise OfAnotherAccount("the file is not about us")
    if heading[2] != f"{day:%Y%m%d}":
        raise OfAnotherDay(f"the file is not of {day}")
    counted = _Totals()
    for position, row in enumerate(rows[1:-1], start=1):
        require_rows(position)
        line = _line(row.split("|"), position)
        counted.count(line)
        yield line
    trailer = rows[-1].split("|")
    if trailer[0] != "T" or len(rows) < 2:
        raise Truncated("the file does not end with its totals")
    counted.require_equal(trailer[1:], len(rows))


def _stated(text: str, like: int | Money, *, position: int, name: str) -> int | Money:
    if isinstance(like, Money):
        return yuan(text, position=position, name=name)
    if _COUNT.fullmatch(text) is None:
        raise BadLine(position, f"{name} is not a whole number")
    return int(text)


def _line(fields: list[str], position: int) -> SettlementLine:
    if len(fields) != FIELDS:
        raise BadLine(position, f"{len(fields)} fields instead of {FIELDS}")
    code, order_no, sent_at, reference, card, amount_text, fee_text, booked_at = fields
    if _NUMBER.fullmatch(order_no) is None or _NUMBER.fullmatch(reference) is None:
        raise BadLine(position, "a number is missing or malformed")
    if _MASKED.fullmatch(card) is None:
        raise BadLine(position, "not a masked card number")
    kind = _KINDS.get(code, LineKind.OTHER)
    amount = yuan(amount_text, position=position, name="amount")
    fee = yuan(fee_text, position=position, name="fee")
    return SettlementLine(
        position=position,
        kind=kind,
        code=code,
        order_no=order_no,
        txn_time=_moment(sent_at, position),
        amount=amount,
        fee=fee,
        net=amount if kind is LineKind.RETURNED else -(amount + fee),
        reference=reference,
        card_masked=card,
        booked_at=_moment(booked_at, position),
    )


def _moment(text: str, position: int) -> datetime:
    try:
        if _STAMP.fullmatch(text):
            return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=SHANGHAI)
    except ValueError:
        pass
    raise BadLine(position, "a time is not YYYYMMDDhhmmss")
