"""The daily settlement file of the UnionPay-style channel.

A zip, mostly inside a zlib stream, of three members: ZM (payments and collections, 42 fields), ZME
(returns, 22 fields) and RD (a summary in GBK, of each way apart). Fixed widths, one blank between fields, CRLF; amounts in fen.
Layout: the channel's published form, as described in docs/sandbox.md.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import chain
from typing import Final

from disbursement.statements import archive
from disbursement.statements.lines import Duplicate, LineKind, SettlementLine
from disbursement.statements.reading import (
    BadLine,
    NotText,
    OfAnotherAccount,
    OfAnotherDay,
    StatementRefused,
    TotalsDiffer,
    Truncated,
    require_rows,
)
from kernel.clock import SHANGHAI
from kernel.money import Money

PAYMENT_WIDTHS: Final = (
    *(3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6),
    *(2, 4, 32, 1, 21, 15, 1, 15, 32, 13, 13, 8, 32, 13, 13, 12, 2, 1, 32, 98),
)
RETURN_WIDTHS: Final = (
    *(3, 11, 11, 6, 10, 19, 12, 4, 2, 2, 6, 10, 4, 12, 13, 13, 15, 15, 1, 12, 2, 135),
)
PAYOUT_CODE: Final = "S22"
RETURN_CODE: Final = "E84"
COLLECTION_CODE: Final = "S65"
CHARGE_BACK_CODE: Final = "E74"
SUMMARY_HEADING: Final = "笔数|金额(分)|手续费(分)|退回笔数|退回金额(分)"
COLLECTIONS_HEADING: Final = "代收笔数|代收金额(分)|代收手续费(分)|代收退回笔数|代收退回金额(分)"
SUMMARY_BYTES_MAX: Final = 4096
LINE_END: Final = b"\r\n"

_MEMBER: Final = re.compile(r"(?:INN(\d{6})88(ZM|ZME)|RD(\d{6})88)_(\d{15})", re.ASCII)
_MASKED: Final = re.compile(r"(\d{6})[\d*]{3,9}(\d{4})", re.ASCII)
_SIGNS: Final = {"C": 1, "D": -1, " ": 0}
_WENT: Final = {PAYOUT_CODE: LineKind.PAID, COLLECTION_CODE: LineKind.COLLECTED}
_CAME_BACK: Final = {RETURN_CODE: LineKind.RETURNED, CHARGE_BACK_CODE: LineKind.CHARGED_BACK}
_BACK: Final = frozenset(_CAME_BACK.values())
_INCOMING: Final = frozenset({LineKind.COLLECTED, LineKind.CHARGED_BACK})


class MembersDiffer(StatementRefused):
    """The archive does not hold exactly the three parts of a day's file."""

    code = "statement_members_differ"
    title = "The settlement file does not have its three parts"
    title_zh = "对账文件缺少或多出成员文件"


@dataclass(slots=True)
class Totals:
    """What the lines of one way add up to, or what the summary says of it; amounts in fen."""

    payments: int = 0
    paid_fen: int = 0
    fee_fen: int = 0
    returns: int = 0
    returned_fen: int = 0

    def count(self, line: SettlementLine) -> None:
        """Add one line."""
        if line.kind in _BACK:
            self.returns += 1
            self.returned_fen += line.amount.fen
        else:
            self.payments += 1
            self.paid_fen += line.amount.fen
            self.fee_fen += line.fee.fen

    def require_equal(self, stated: Totals, *, of: str) -> None:
        """Refuse when a stated figure is not the counted one; `of` names the way.

        Raises:
            TotalsDiffer: names the first figure that differs.
        """
        for what in self.__slots__:
            counted, said = getattr(self, what), getattr(stated, what)
            if counted != said:
                raise TotalsDiffer(f"{of}{what}", stated=said, counted=counted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """One day's file, read whole."""

    day: date
    lines: tuple[SettlementLine, ...]
    """Payments in the order of the file, then returns."""
    duplicates: tuple[Duplicate, ...]

    @property
    def paid(self) -> Money:
        """The sum of the payments."""
        return Money.total(x.amount for x in self.lines if _is_payment(x))

    @property
    def fees(self) -> Money:
        """The sum of the fees."""
        return Money.total(line.fee for line in self.lines)

    @property
    def collected(self) -> Money:
        """The sum of the collections."""
        return Money.total(x.amount for x in self.lines if x.kind is LineKind.COLLECTED)

    @property
    def net(self) -> Money:
        """How the payments move our settlement account."""
        return Money.total(x.net for x in self.lines if _is_payment(x))

    @property
    def returned(self) -> Money:
        """The sum of the returns."""
        return Money.total(x.amount for x in self.lines if x.kind is LineKind.RETURNED)


def read(content: bytes, *, merchant: str, day: date) -> Settlement:
    """Read a day's file whole.

    Raises:
        StatementRefused: by one of its subclasses, for whatever makes the file unreliable.
    """
    with lines(content, merchant=merchant, day=day) as following:
        found = tuple(following)
    return Settlement(day=day, lines=found, duplicates=duplicates(found))


@contextmanager
def lines(content: bytes, *, merchant: str, day: date) -> Iterator[Iterator[SettlementLine]]:
    """Give a day's lines one by one, so that a large file never lies in memory whole.

    Nothing is known to be right before the last line has been taken: the totals come last.

    Raises:
        StatementRefused: by one of its subclasses; on opening or on the way.
    """
    with archive.opened(content) as packed:
        payments, returns, summary = _members(packed.names, merchant=merchant, day=day)
        stated = _summary(packed.read(summary, bytes_max=SUMMARY_BYTES_MAX))
        raw_payments = packed.lines(payments, line_bytes_max=_PAYMENT.bytes_max)
        raw_returns = packed.lines(returns, line_bytes_max=_RETURN.bytes_max)
        yield _tied(
            chain(
                payment_lines(raw_payments, merchant=merchant, day=day),
                return_lines(raw_returns, merchant=merchant, day=day),
            ),
            stated,
        )


def payment_lines(raw: Iterable[bytes], *, merchant: str, day: date) -> Iterator[SettlementLine]:
    """Read the lines of a ZM member.

    Raises:
        BadLine: a line has the wrong width or a field of the wrong form.
        OfAnotherAccount: a line names another merchant.
        Truncated: the last line has no end.
        TooLarge: there are more lines than any day has.
    """
    for position, line in enumerate(raw, start=1):
        require_rows(position)
        fields = _Fields(values=_PAYMENT.split(line, position), position=position, day=day)
        fields.require_merchant(27, merchant)
        code, moment = fields.text(0), fields.moment(4)
        yield SettlementLine(
            position=position,
            kind=_WENT.get(code, LineKind.OTHER),
            code=code,
            order_no=fields.text(11),
            txn_time=moment,
            amount=Money(fields.fen(6)),
            fee=Money(-fields.signed_fen(15)),
            net=Money(fields.signed_fen(16)),
            reference=fields.text(9),
            card_masked=fields.card(5),
            booked_at=moment,
        )


def return_lines(raw: Iterable[bytes], *, merchant: str, day: date) -> Iterator[SettlementLine]:
    """Read the lines of a ZME member.

    Raises:
        BadLine: a line has the wrong width or a field of the wrong form.
        OfAnotherAccount: a line names another merchant.
        Truncated: the last line has no end.
        TooLarge: there are more lines than any day has.
    """
    for position, line in enumerate(raw, start=1):
        require_rows(position)
        fields = _Fields(values=_RETURN.split(line, position), position=position, day=day)
        fields.require_merchant(16, merchant)
        code = fields.text(0)
        amount = Money(fields.fen(6))
        kind = _CAME_BACK.get(code, LineKind.OTHER)
        original = fields.values[21].decode("ascii")
        yield SettlementLine(
            position=position,
            kind=kind,
            code=code,
            order_no=original[:32].strip(),
            txn_time=fields.moment(11),
            amount=amount,
            fee=Money(0),
            net=-amount if kind is LineKind.CHARGED_BACK else amount,
            reference=original[32:53].strip(),
            card_masked=fields.card(5),
            booked_at=fields.moment(4),
        )


def duplicates(found: Iterable[SettlementLine]) -> tuple[Duplicate, ...]:
    """List lines that repeat the channel's number of an earlier line of their kind."""
    first: dict[tuple[LineKind, str], int] = {}
    again = []
    for line in found:
        key = (line.kind, line.reference)
        if key in first:
            again.append(Duplicate(line.kind, line.reference, first[key], line.position))
        else:
            first[key] = line.position
    return tuple(again)


def _is_payment(line: SettlementLine) -> bool:
    return line.kind not in _BACK | _INCOMING


def _tied(
    found: Iterable[SettlementLine], stated: tuple[Totals, Totals]
) -> Iterator[SettlementLine]:
    payouts, collections = Totals(), Totals()
    for line in found:
        (collections if line.kind in _INCOMING else payouts).count(line)
        yield line
    payouts.require_equal(stated[0], of="")
    collections.require_equal(stated[1], of="collections: ")


def _members(names: frozenset[str], *, merchant: str, day: date) -> tuple[str, str, str]:
    stamp = f"{day:%y%m%d}"
    wanted = (
        f"INN{stamp}88ZM_{merchant}",
        f"INN{stamp}88ZME_{merchant}",
        f"RD{stamp}88_{merchant}",
    )
    if names == frozenset(wanted):
        return wanted
    for found in filter(None, map(_MEMBER.fullmatch, sorted(names))):
        if (found[1] or found[3]) != stamp:
            raise OfAnotherDay(f"the file is not of {day}")
        if found[4] != merchant:
            raise OfAnotherAccount("the file is not of our merchant number")
    raise MembersDiffer(f"three members were expected, {len(names)} were found")


def _summary(content: bytes) -> tuple[Totals, Totals]:
    """Read the sums of payouts and those of collections, which a day without any leaves out."""
    try:
        text = content.decode("gbk")
    except UnicodeDecodeError:
        raise NotText("the summary is not valid GBK") from None
    if not text.endswith("\r\n"):
        raise Truncated("the summary ends in the middle of a line")
    rows = text.split("\r\n")[:-1]
    if len(rows) not in {2, 4} or rows[0] != SUMMARY_HEADING:
        raise BadLine(1, "the summary does not begin with its heading")
    if len(rows) == 4 and rows[2] != COLLECTIONS_HEADING:
        raise BadLine(3, "the summary goes on with another heading than that of collections")
    payouts = _totals(rows[1], position=2)
    return payouts, _totals(rows[3], position=4) if len(rows) == 4 else Totals()


def _totals(row: str, *, position: int) -> Totals:
    if not re.fullmatch(r"(?:0|[1-9]\d{0,17})(?:\|(?:0|[1-9]\d{0,17})){4}", row, re.ASCII):
        raise BadLine(position, "the summary is not five whole numbers")
    return Totals(*map(int, row.split("|")))


@dataclass(frozen=True, slots=True)
class _Layout:
    """Fixed widths with one blank between fields and CRLF at the end."""

    widths: tuple[int, ...]
    packer: struct.Struct = field(init=False)
    blanks: tuple[bytes, ...] = field(init=False)

    def __post_init__(self) -> None:
        form = "1s".join(f"{width}s" for width in self.widths)
        object.__setattr__(self, "packer", struct.Struct(form))
        object.__setattr__(self, "blanks", (b" ",) * (len(self.widths) - 1))

    @property
    def bytes_max(self) -> int:
        """One byte more than a line with its end, so that a longer line shows."""
        return self.packer.size + len(LINE_END) + 1

    def split(self, line: bytes, position: int) -> tuple[bytes, ...]:
        """Split a line into its fields.

        Raises:
            Truncated: the line has no end and is no longer than a whole one.
            BadLine: its width is wrong, or no blank stands between two fields.
        """
        if not line.endswith(LINE_END):
            if line.endswith(b"\n") or len(line) >= self.bytes_max:
                raise BadLine(position, "the line does not end after its last field")
            raise Truncated(f"the file ends in the middle of line {position}")
        body = line[: -len(LINE_END)]
        if len(body) != self.packer.size:
            raise BadLine(position, f"{len(body)} bytes wide instead of {self.packer.size}")
        if not body.isascii() or not body.decode("ascii").isprintable():
            raise BadLine(position, "a character that cannot occur")
        parts = self.packer.unpack(body)
        if parts[1::2] != self.blanks:
            raise BadLine(position, "no blank between two fields")
        return parts[::2]


_PAYMENT: Final = _Layout(PAYMENT_WIDTHS)
_RETURN: Final = _Layout(RETURN_WIDTHS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fields:
    """The fields of one line, by 0-based place."""

    values: tuple[bytes, ...]
    position: int
    day: date

    def text(self, place: int) -> str:
        return self.values[place].decode("ascii").strip()

    def fen(self, place: int) -> int:
        value = self.values[place]
        if not value.isdigit():
            raise BadLine(self.position, f"field {place + 1} is not an amount in fen")
        return int(value)

    def signed_fen(self, place: int) -> int:
        value = self.values[place].decode("ascii")
        sign, digits = value[0], value[1:]
        # Nothing at all carries no letter.
        if not digits.isdigit() or sign not in _SIGNS or (sign == " " and int(digits)):
            raise BadLine(self.position, f"field {place + 1} is not C or D and an amount in fen")
        return _SIGNS[sign] * int(digits)

    def moment(self, place: int) -> datetime:
        value = self.values[place]
        if not value.isdigit():
            raise BadLine(self.position, f"field {place + 1} is no time MMDDhhmmss")
        try:
            month, day, hour, minute, second = (int(value[k : k + 2]) for k in range(0, 10, 2))
            year = _nearest_year(month, self.day)
            return datetime(year, month, day, hour, minute, second, tzinfo=SHANGHAI)
        except ValueError:
            raise BadLine(self.position, f"field {place + 1} is no time MMDDhhmmss") from None

    def card(self, place: int) -> str:
        found = _MASKED.fullmatch(self.text(place))
        if found is None:
            raise BadLine(self.position, f"field {place + 1} is not a card number")
        return f"{found[1]}{'*' * (len(found[0]) - 10)}{found[2]}"

    def require_merchant(self, place: int, merchant: str) -> None:
        if self.text(place) != merchant:
            raise OfAnotherAccount(f"line {self.position} is not of our merchant number")


def _nearest_year(month: int, day: date) -> int:
    """Tell the year of a month told without one: the one that brings it nearest to `day`."""
    ahead = month - day.month
    return day.year + (1 if ahead < -6 else -1 if ahead > 6 else 0)
