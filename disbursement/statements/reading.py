"""What every reader shares: strict decoding, strict fields, and the reasons to refuse a file.

A refusal says which line and which field, and never repeats what stood there.
"""

from __future__ import annotations

import codecs
from http import HTTPStatus
from typing import Final

from kernel.money import Money, NotAnAmount
from kernel.refusals import Refused

ROWS_MAX: Final = 1_000_000
"""Rows of one kind in one file: more than a day of any channel we pay through."""

_FOREIGN_MARKS: Final = (
    codecs.BOM_UTF32_LE,
    codecs.BOM_UTF32_BE,
    codecs.BOM_UTF16_LE,
    codecs.BOM_UTF16_BE,
)


class StatementRefused(Refused):
    """A statement file cannot be relied on, so none of its rows is taken."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "statement_refused"
    title = "The statement file was refused"
    title_zh = "对账文件被拒收"


class NotText(StatementRefused):
    """The bytes are no text in an encoding that we read."""

    code = "statement_not_text"
    title = "The statement file is not readable text"
    title_zh = "对账文件的编码无法识别"


class Truncated(StatementRefused):
    """The file ends before it is whole."""

    code = "statement_truncated"
    title = "The statement file is cut short"
    title_zh = "对账文件不完整"


class BadLine(StatementRefused):
    """A line has the wrong width, too few fields, or a field of the wrong form."""

    code = "statement_bad_line"
    title = "A line of the statement file is malformed"
    title_zh = "对账文件中有格式错误的行"

    def __init__(self, position: int, what: str) -> None:
        super().__init__(f"line {position}: {what}")
        self.position = position


class TotalsDiffer(StatementRefused):
    """The file's own totals are not those of its rows."""

    code = "statement_totals_differ"
    title = "The totals of the statement file do not agree with its rows"
    title_zh = "对账文件的合计与明细不符"

    def __init__(self, what: str, *, stated: int | Money, counted: int | Money) -> None:
        super().__init__(f"{what}: the file states {stated}, its rows give {counted}")


class OfAnotherDay(StatementRefused):
    """The file is of another day than the one asked for."""

    code = "statement_of_another_day"
    title = "The statement file is of another day"
    title_zh = "对账文件的日期不符"


class OfAnotherAccount(StatementRefused):
    """The file is of another merchant or account than the one asked for."""

    code = "statement_of_another_account"
    title = "The statement file is of another merchant or account"
    title_zh = "对账文件的商户或账户不符"


class TooLarge(StatementRefused):
    """The file, or what it unpacks to, is beyond every limit."""

    code = "statement_too_large"
    title = "The statement file is too large"
    title_zh = "对账文件过大"


def decode(content: bytes) -> str:
    """Decode a text file: a UTF-8 mark first, then UTF-8, then GB18030; nothing is guessed away.

    Raises:
        NotText: no encoding fits, the mark is of UTF-16 or UTF-32, or a NUL stands in the text.
    """
    if content.startswith(_FOREIGN_MARKS):
        raise NotText("the file begins with a mark of UTF-16 or UTF-32")
    text = _decoded(content)
    if "\0" in text:
        raise NotText("the file holds a NUL character")
    return text


def _decoded(content: bytes) -> str:
    if content.startswith(codecs.BOM_UTF8):
        encodings: tuple[str, ...] = ("utf-8-sig",)
    else:
        encodings = ("utf-8", "gb18030")
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise NotText(f"the file is not valid {' or '.join(encodings)}")


def require_rows(count: int, *, limit: int = ROWS_MAX) -> None:
    """Refuse a file of more rows than any real one.

    Raises:
        TooLarge: there are more than `limit`.
    """
    if count > limit:
        raise TooLarge(f"more than {limit} rows")


def yuan(text: str, *, position: int, name: str) -> Money:
    """Read an amount in yuan with exactly two decimals.

    Raises:
        BadLine: it is written in any other way.
    """
    try:
        amount = Money.yuan(text)
    except NotAnAmount:
        raise BadLine(position, f"{name} is not an amount in yuan") from None
    if str(amount) != text:
        raise BadLine(position, f"{name} is not written with two decimals")
    return amount
