"""Long lists of the consoles: filters that live in the address, pages by key, and CSV.

A page begins after the last row of the one before it, so that it costs the same however far down
it lies, and rows that come meanwhile shift nothing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Final, Generic, TypeVar
from uuid import UUID

from flask import Response, request, stream_with_context
from sqlalchemy.orm import Session

from kernel import logs
from kernel.clock import SHANGHAI
from kernel.db import transaction
from kernel.money import Money
from kernel.refusals import Refused
from kernel.web.access import actor
from kernel.web.around import say
from kernel.web.forms import Filled

PAGE_ROWS: Final = 50
EXPORT_PART_ROWS: Final = 500
EXPORT_ROWS_MAX: Final = 10_000
TEXT_MAX: Final = 80

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

log = logs.logger(__name__)


class NoSuchPage(Refused):
    """The address names a place in a list that cannot be read."""

    status = HTTPStatus.BAD_REQUEST
    code = "no_such_page"
    title = "This page of the list cannot be found. Open the list from its beginning"
    title_zh = "无法定位到列表的这一页，请从第一页重新打开"


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a list that is ordered by an instant and an id."""

    at: datetime
    id: UUID

    def __str__(self) -> str:
        return f"{self.at.isoformat()}~{self.id}"


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """Some rows of a list, and where the next ones begin; None after the last."""

    rows: Sequence[T]
    following: str | None


def after() -> str | None:
    """Give the place after which the page that was asked for begins; None for the first."""
    return request.args.get("after") or None


def place(text: str | None) -> Place | None:
    """Read a place.

    Raises:
        NoSuchPage: it cannot be read.
    """
    if text is None:
        return None
    at, _, identity = text.partition("~")
    try:
        found = Place(datetime.fromisoformat(at.replace(" ", "+")), UUID(identity))
    except ValueError:
        raise NoSuchPage() from None
    if found.at.tzinfo is None:
        raise NoSuchPage()
    return found


def cut(found: Sequence[T], limit: int, key: Callable[[T], object]) -> Part[T]:
    """Keep `limit` of the rows; one more than that says that others follow."""
    rows = found[:limit]
    return Part(rows, str(key(rows[-1])) if len(found) > limit else None)


@dataclass(slots=True)
class Filters:
    """The filters of a list as its address has them; what cannot be read is named and ignored."""

    faults: dict[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        """Read a word."""
        return request.args.get(name, "").strip()[:TEXT_MAX] or None

    def one_of(self, name: str, kind: type[E]) -> E | None:
        """Read one of some values."""
        return self._read(name, kind, "请从列表中选择", "Choose from the list")

    def day(self, name: str) -> date | None:
        """Read a day."""
        words = ("请输入日期，例如 2026-11-20", "Enter a day, such as 2026-11-20")
        return self._read(name, date.fromisoformat, *words)

    def instant(self, name: str) -> datetime | None:
        """Read a moment in Shanghai."""
        words = ("请输入时间，例如 2026-11-20T18:00", "Enter a time, such as 2026-11-20T18:00")
        return self._read(name, _instant, *words)

    def amount(self, name: str) -> Money | None:
        """Read an amount of yuan."""
        return self._read(name, _amount, "请输入金额，例如 8000", "Enter an amount, such as 8000")

    def number(self, name: str, *, most: int) -> int | None:
        """Read a count."""

        def read(text: str) -> int:
            found = int(text) if text.isascii() and text.isdigit() else most + 1
            if found > most:
                raise ValueError("no such number")
            return found

        return self._read(name, read, f"请输入 0 至 {most}", f"Enter 0 to {most}")

    def filled(self) -> Filled:
        """Give the filters as a form, to be shown with their faults."""
        return Filled(typed=dict(request.args.items()), faults=self.faults)

    @property
    def status(self) -> HTTPStatus:
        """The status of a page with these filters."""
        return HTTPStatus.UNPROCESSABLE_ENTITY if self.faults else HTTPStatus.OK

    def _read(self, name: str, read: Callable[[str], T], zh: str, en: str) -> T | None:
        text = self.text(name)
        if text is None:
            return None
        try:
            return read(text)
        except ValueError:
            self.faults[name] = say(zh, en)
            return None


def _instant(text: str) -> datetime:
    read = datetime.fromisoformat(text)
    return read.replace(tzinfo=SHANGHAI) if read.tzinfo is None else read


def _amount(text: str) -> Money:
    return Money.yuan(text.replace(",", "").replace("，", "").lstrip("¥￥"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Export(Generic[T]):
    """A list as a file: how its rows are read and written."""

    name: str
    """Of the file, without its ending."""
    heading: Sequence[str]
    read: Callable[[Session, str | None, int], Part[T]]
    """Gives at most so many rows after a place, in a transaction of their own."""
    line: Callable[[T], Sequence[object]]


def wants_csv() -> bool:
    """Tell whether the list was asked for as a file."""
    return request.args.get("format") == "csv"


def reply(export: Export[T]) -> Response:
    """Stream a list as CSV, at most ten thousand rows; a last line says when there are more."""
    response = Response(stream_with_context(_lines(export)), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{export.name}.csv"'
    return response


def _lines(export: Export[T]) -> Iterator[str]:
    # Spreadsheets take a file without the mark for one of the local code page.
    yield "\ufeff" + _spelled(export.heading)
    from_, count = None, 0
    while count < EXPORT_ROWS_MAX:
        # A slow reader must not hold a transaction open: each part has its own.
        with transaction() as session:
            part = export.read(session, from_, min(EXPORT_PART_ROWS, EXPORT_ROWS_MAX - count))
        for row in part.rows:
            yield _spelled(export.line(row))
        count += len(part.rows)
        from_ = part.following
        if from_ is None:
            break
    if from_ is not None:
        told = f"{EXPORT_ROWS_MAX:,}"
        yield _spelled(
            [
                say(
                    f"仅导出前 {told} 行，请缩小筛选范围",
                    f"Only the first {told} rows; filter further",
                )
            ]
        )
    log.info("list.exported", name=export.name, rows=count, by=str(actor()))


def _spelled(values: Sequence[object]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow([_safe(value) for value in values])
    return written.getvalue()


def _safe(value: object) -> str:
    """Keep a text from being taken for a formula; amounts stay numbers."""
    if value is None:
        return ""
    text = str(value)
    if isinstance(value, str) and text[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return f"'{text}"
    return text
