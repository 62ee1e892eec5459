"""The daily statement of a funding account, as CSV.

A heading and one line of totals (account, day, currency, opening, closing, lines), then a heading
and one line per movement; LF or CRLF. Layout: docs/sandbox.md, "Bank of the funding account".
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from disbursement.statements.lines import BankMovement, Direction
from disbursement.statements.reading import (
    BadLine,
    OfAnotherAccount,
    OfAnotherDay,
    TooLarge,
    TotalsDiffer,
    Truncated,
    decode,
    require_rows,
    yuan,
)
from kernel.money import CURRENCY, Money

TOTALS_HEADING: Final = ("account", "day", "currency", "opening", "closing", "lines")
LINES_HEADING: Final = (
    *("seq", "posted_at", "value_date", "direction"),
    *("amount", "counterparty", "reference", "note"),
)
CONTENT_BYTES_MAX: Final = 256 * 1024 * 1024
FIELD_CHARACTERS_MAX: Final = 500
FIRST_MOVEMENT_LINE: Final = 4

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:Z|[+-]\d{2}:\d{2})", re.ASCII)
_COUNT: Final = re.compile(r"0|[1-9]\d{0,8}", re.ASCII)
_DIRECTIONS: Final = {"D": Direction.OUT, "C": Direction.IN}


@dataclass(frozen=True, slots=True, kw_only=True)
class BankStatement:
    """One day of one account, read whole."""

    account: str
    day: date
    opening: Money
    closing: Money
    lines: tuple[BankMovement, ...]


def read(content: bytes, *, account: str, day: date) -> BankStatement:
    """Read a day's statement whole; a day without movements has no lines.

    Raises:
        StatementRefused: by one of its subclasses, for whatever makes the file unreliable.
    """
    if len(content) > CONTENT_BYTES_MAX:
        raise TooLarge("the bank statement is too large")
    text = decode(content)
    if not text.endswith("\n"):
        raise Truncated("the statement ends in the middle of a line")
    rows = _rows(text)
    opening, closing, count = _head(rows, account=account, day=day)
    if tuple(next(rows, ())) != LINES_HEADING:
        raise BadLine(FIRST_MOVEMENT_LINE - 1, "not the heading of the movements")
    lines = tuple(_movements(rows))
    if len(lines) != count:
        raise TotalsDiffer("lines", stated=count, counted=len(lines))
    moved = Money.total(x.amount if x.direction is Direction.IN else -x.amount for x in lines)
    if opening + moved != closing:
        raise TotalsDiffer("closing", stated=closing, counted=opening + moved)
    return BankStatement(account=account, day=day, opening=opening, closing=closing, lines=lines)


def _rows(text: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if not all(len(value) <= FIELD_CHARACTERS_MAX for value in row):
                raise BadLine(reader.line_num, "a field is too long")
            if not all(value.isprintable() for value in row):
                raise BadLine(reader.line_num, "a field runs over a line end or holds a control")
            yield row
    except csv.Error:
        raise BadLine(reader.line_num, "not well-formed CSV") from None


def _head(rows: Iterator[list[str]], *, account: str, day: date) -> tuple[Money, Money, int]:
    if tuple(next(rows, ())) != TOTALS_HEADING:
        raise BadLine(1, "not the heading of the totals")
    totals = next(rows, [])
    if len(totals) != len(TOTALS_HEADING):
        raise BadLine(2, f"{len(totals)} fields instead of {len(TOTALS_HEADING)}")
    found_account, found_day, currency, opening, closing, count = totals
    if found_account != account:
        raise OfAnotherAccount("the statement is not of our account")
    if _day(found_day, position=2, name="day") != day:
        raise OfAnotherDay(f"the statement is not of {day}")
    if currency != CURRENCY:
        raise BadLine(2, f"the currency is not {CURRENCY}")
    if not _COUNT.fullmatch(count):
        raise BadLine(2, "lines is not a whole number")
    require_rows(int(count))
    return (
        yuan(opening, position=2, name="opening"),
        yuan(closing, position=2, name="closing"),
        int(count),
    )


def _movements(rows: Iterator[list[str]]) -> Iterator[BankMovement]:
    for sequence, row in enumerate(rows, start=1):
        require_rows(sequence)
        yield _movement(row, sequence, FIRST_MOVEMENT_LINE + sequence - 1)


def _movement(row: list[str], sequence: int, position: int) -> BankMovement:
    if len(row) != len(LINES_HEADING):
        raise BadLine(position, f"{len(row)} fields instead of {len(LINES_HEADING)}")
    seq, posted_at, value_date, direction, amount, counterparty, reference, note = row
    if seq != str(sequence):
        raise BadLine(position, f"seq is not {sequence}")
    if direction not in _DIRECTIONS:
        raise BadLine(position, "direction is neither C nor D")
    moved = yuan(amount, position=position, name="amount")
    if moved.fen <= 0:
        raise BadLine(position, "amount is not more than zero")
    return BankMovement(
        position=sequence,
        direction=_DIRECTIONS[direction],
        amount=moved,
        posted_at=_moment(posted_at, position=position),
        value_date=_day(value_date, position=position, name="value_date"),
        counterparty=counterparty,
        reference=reference,
        note=note,
    )


def _day(text: str, *, position: int, name: str) -> date:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise BadLine(position, f"{name} is no day YYYY-MM-DD")


def _moment(text: str, *, position: int) -> datetime:
    try:
        if _MOMENT.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise BadLine(position, "posted_at is no time with its offset")
