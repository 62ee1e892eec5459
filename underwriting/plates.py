"""Plates: a picture with its table, for a page, a file of rows and a document alike. Pure.

A plate is built in one language: whoever builds it hands in how words are said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from html import escape
from typing import Final, NamedTuple

from kernel.money import Money

Say = Callable[[str, str], str]
"""Chooses between Chinese and English."""
ROWS_SHOWN_MAX: Final = 120
"""More stand in the file alone."""


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    COUNT = "count"
    SHARE = "share"
    NUMBER = "number"
    MONEY = "money"


class Head(NamedTuple):
    """The head of one column."""

    title: str
    kind: Kind = Kind.TEXT


class Link(NamedTuple):
    """Words that lead somewhere; a file has the words alone."""

    words: str
    href: str


class Tag(NamedTuple):
    """A word of a colour: good, warning, bad or none."""

    words: str
    tone: str


Cell = str | int | float | Decimal | Money | Link | Tag | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plate:
    """A picture and its table."""

    name: str
    """In addresses and names of files; unlike that of every other plate of a page."""
    title: str
    summary: str = ""
    """One sentence that says what is to be seen."""
    picture: str = ""
    """SVG; empty when there is nothing to draw."""
    heads: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]
    nothing: str = ""
    """What is missing, where there are no rows."""


def as_html(plate: Plate, say: Say, *, csv: str | None = None) -> str:
    """Write a plate for a page: the picture, and below it the table it was drawn from."""
    name = escape(plate.name)
    top = f'<h2 id="{name}">{escape(plate.title)}</h2>'
    summary = f'<p class="small">{escape(plate.summary)}</p>' if plate.summary else ""
    if not plate.rows:
        missing = plate.nothing or say("没有数据。", "There is nothing yet.")
        body = f'<p class="none">{escape(missing)}</p>'
    else:
        body = f"{plate.picture}{_table(plate, say)}"
        if csv is not None:
            body += f'<p class="small"><a href="{escape(csv)}">CSV · {escape(plate.title)}</a></p>'
    return f'<div class="plate">{top}{summary}{body}</div>'


def as_lines(plate: Plate) -> tuple[tuple[object, ...], ...]:
    """Give the rows as a file has them: numbers as they are, words alone."""
    return tuple(tuple(_bare(cell) for cell in row) for row in plate.rows)


def spelled(cell: Cell, kind: Kind) -> str:
    """Write a cell for people; a dash where there is nothing.

    >>> spelled(Decimal("0.12345"), Kind.SHARE), spelled(None, Kind.COUNT), spelled(1200, Kind.COUNT)
    ('12.35%', '—', '1,200')
    """
    match cell:
        case None:
            return "—"
        case Link() | Tag():
            return cell.words
        case Money():
            return f"-¥{(-cell).grouped}" if cell.fen < 0 else f"¥{cell.grouped}"
        case str():
            return cell
        case _:
            return _number(Decimal(str(cell)), kind)


def _number(number: Decimal, kind: Kind) -> str:
    if kind is Kind.TEXT:
        return str(number)
    scaled = number * 100 if kind is Kind.SHARE else number
    places = {Kind.COUNT: 0, Kind.SHARE: 2, Kind.MONEY: 2, Kind.NUMBER: 4}[kind]
    digits = f"{abs(scaled).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):,}"
    before, after = {Kind.SHARE: ("", "%"), Kind.MONEY: ("¥", "")}.get(kind, ("", ""))
    return f"{'-' if scaled < 0 else ''}{before}{digits}{after}"


def _table(plate: Plate, say: Say) -> str:
    title = escape(plate.title)
    heads = "".join(
        f'<th scope="col"{_numeric(head.kind)}>{escape(head.title)}</th>' for head in plate.heads
    )
    shown = plate.rows[:ROWS_SHOWN_MAX]
    rows = "".join(f"<tr>{_row(row, plate.heads)}</tr>" for row in shown)
    table = (
        f'<div class="table" role="region" aria-label="{title}" tabindex="0"><table>'
        f'<caption class="unseen">{title}</caption><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
    )
    left = len(plate.rows) - len(shown)
    if left:
        more = say(f"另有 {left} 行，见 CSV。", f"{left} more rows are in the CSV.")
        table += f'<p class="small">{escape(more)}</p>'
    return table


def _row(row: Sequence[Cell], heads: Sequence[Head]) -> str:
    first, *rest = ((_inside(cell, head.kind), head) for cell, head in zip(row, heads, strict=True))
    cells = "".join(f"<td{_numeric(head.kind)}>{words}</td>" for words, head in rest)
    return f'<th scope="row"{_numeric(first[1].kind)}>{first[0]}</th>{cells}'


def _inside(cell: Cell, kind: Kind) -> str:
    words = escape(spelled(cell, kind))
    match cell:
        case Link():
            return f'<a href="{escape(cell.href)}">{words}</a>'
        case Tag():
            return f'<span class="tag {escape(cell.tone)}">{words}</span>'
        case _:
            return words


def _numeric(kind: Kind) -> str:
    return "" if kind is Kind.TEXT else ' class="number"'


def _bare(cell: Cell) -> object:
    return cell.words if isinstance(cell, Link | Tag) else cell
