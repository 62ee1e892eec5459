"""Pictures for pages, drawn as inline SVG: lines, columns and whiskers, each with its axes. Pure.

Every picture has a title and a description for those who do not see it, and says nothing that the
table beside it does not say. Lines differ by dashes and not by colour alone. Colours are attributes
of the drawing, so no style sheet is needed and none is loosened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from math import ceil, floor, isfinite, log10
from typing import Final, NamedTuple

from underwriting.strokes import cut, number, stroke, text, width

WIDTH: Final = 460
HEIGHT: Final = 280
LEFT: Final = 70
RIGHT: Final = 14
BOTTOM: Final = 46
LINE_HEIGHT: Final = 18
ROW_HEIGHT: Final = 24
LABEL_WIDTH: Final = 172
"""Of the names beside whiskers."""
ROWS_MAX: Final = 24
SERIES_MAX: Final = 8

INK: Final = "#16242b"
MUTED: Final = "#4a585f"
GRID: Final = "#dde4e6"
WASH: Final = "#cfe5e1"
ACCENT: Final = "#0b5d57"
WARNING: Final = "#7a4b00"
BAD: Final = "#a32020"

_LOOKS: Final = (
    (ACCENT, ""),
    (BAD, "6 3"),
    ("#33518f", "2 3"),
    (WARNING, "9 3 2 3"),
    ("#6d3a86", "4 4"),
    ("#4d5a00", "12 4"),
    (INK, "1 4"),
    ("#0f6f8c", "8 2 2 2 2 2"),
)

_FILLS: Final = (ACCENT, "#a8660f", "#33518f", "#75848b")
"""Of the parts of columns."""


class Form(StrEnum):
    """How the numbers of an axis are written."""

    NUMBER = "number"
    SHARE = "share"
    COUNT = "count"


class Tone(StrEnum):
    """What a whisker is to be seen as."""

    PLAIN = "plain"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One axis, from the lowest to the highest number it shows."""

    label: str
    low: float = 0.0
    high: float = 1.0
    form: Form = Form.NUMBER
    words: tuple[str, ...] = ()
    """Instead of numbers: what stands at 0, 1, 2 and so on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What surrounds a picture."""

    name: str
    """Unlike that of every other picture of a page."""
    title: str
    description: str
    x: Axis
    y: Axis


class Line(NamedTuple):
    """One line through its points, from left to right."""

    name: str
    points: Sequence[tuple[float, float]]


class Band(NamedTuple):
    """The area between two ends at each place."""

    points: Sequence[tuple[float, float, float]]
    """Place, low end, high end."""


class Mark(NamedTuple):
    """A straight line that other things are read against."""

    at: float
    name: str
    is_upright: bool = False


class Column(NamedTuple):
    """One column from one place to another, its parts upon each other."""

    first: float
    last: float
    heights: Sequence[float]


class Whisker(NamedTuple):
    """One figure with its interval and the bar it is held against."""

    name: str
    value: float
    low: float | None
    high: float | None
    bar: float | None
    tone: Tone = Tone.PLAIN


def lines(
    frame: Frame, drawn: Sequence[Line], *, bands: Sequence[Band] = (), marks: Sequence[Mark] = ()
) -> str:
    """Draw lines, with what they are read against."""
    drawn = drawn[:SERIES_MAX]
    plot = _Plot(frame, names=[line.name for line in drawn], marks=marks)
    parts = [_band(plot, band) for band in bands]
    parts += [_mark(plot, mark) for mark in marks]
    parts += [_line(plot, line, place) for place, line in enumerate(drawn)]
    return plot.whole(parts)


def columns(
    frame: Frame, drawn: Sequence[Column], *, names: Sequence[str] = (), marks: Sequence[Mark] = ()
) -> str:
    """Draw columns, each of one or more parts."""
    plot = _Plot(frame, names=names, marks=marks, is_filled=True)
    parts = []
    for column in drawn:
        bottom = 0.0
        for place, height in enumerate(column.heights):
            parts.append(_block(plot, column, (bottom, bottom + height), place))
            bottom += height
    parts += [_mark(plot, mark) for mark in marks]
    return plot.whole(parts)


def whiskers(frame: Frame, drawn: Sequence[Whisker], *, marks: Sequence[Mark] = ()) -> str:
    """Draw one row a figure: a dot, its interval, and a tick where its bar is."""
    drawn = drawn[:ROWS_MAX]
    marks = [Mark(mark.at, mark.name, is_upright=True) for mark in marks]
    plot = _Plot(frame, names=(), rows=len(drawn), marks=marks)
    parts = [_mark(plot, mark) for mark in marks]
    parts += [_whisker(plot, one, place) for place, one in enumerate(drawn)]
    return plot.whole(parts)


def reach(values: Sequence[float], *, least: float = 0.0) -> float:
    """Give a round number that is not below any of some values.

    >>> reach([0.031, 0.18]), reach([]), reach([7.0, 83.0])
    (0.2, 1.0, 100.0)
    """
    top = max([value for value in values if isfinite(value)] + [least], default=0.0)
    if top < 1e-9:
        return 1.0
    step = 10.0 ** floor(log10(top))
    for times in (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0):
        if top <= step * times * (1.0 + 1e-12):
            return round(step * times, 12)
    return step * 10.0


def ticks(low: float, high: float, *, about: int = 5) -> list[float]:
    """Give round numbers from one end to the other.

    >>> ticks(0.0, 0.2)
    [0.0, 0.05, 0.1, 0.15, 0.2]
    """
    if not high > low:
        return [low]
    rough = (high - low) / about
    step = 10.0 ** floor(log10(rough))
    for times in (1.0, 2.0, 2.5, 5.0, 10.0):
        if step * times >= rough * 0.999:
            step *= times
            break
    first = ceil(low / step - 1e-9)
    last = floor(high / step + 1e-9)
    return [round(place * step, 12) for place in range(first, last + 1)]


def spelled(value: float, form: Form, *, span: float = 1.0) -> str:
    """Write a number of an axis, to as many places as its span needs."""
    if form is Form.COUNT:
        return f"{value:,.0f}"
    if form is Form.SHARE:
        places = 0 if span >= 0.1 else 1 if span >= 0.02 else 2
        return f"{value * 100:.{places}f}%"
    places = 0 if span >= 20 else 1 if span >= 2 else 2 if span >= 0.2 else 3
    return f"{value:,.{places}f}"


class _Plot:
    """Where things stand on the paper."""

    def __init__(
        self,
        frame: Frame,
        *,
        names: Sequence[str],
        rows: int | None = None,
        marks: Sequence[Mark] = (),
        is_filled: bool = False,
    ) -> None:
        self.frame = frame
        self.legend = _legend(names if len(names) > 1 else (), is_filled=is_filled)
        self.is_rows = rows is not None
        self.left = LABEL_WIDTH if self.is_rows else LEFT
        # Names of upright marks stand above everything that is drawn.
        names_of_marks = any(mark.is_upright and mark.name for mark in marks)
        self.top = 12 + LINE_HEIGHT * (len(self.legend) + names_of_marks)
        body = ROW_HEIGHT * max(1, rows) if rows is not None else HEIGHT - self.top - BOTTOM
        self.bottom = self.top + body
        self.height = self.bottom + BOTTOM

    def x(self, value: float) -> float:
        axis = self.frame.x
        return self.left + (WIDTH - RIGHT - self.left) * _share(value, axis.low, axis.high)

    def y(self, value: float) -> float:
        axis = self.frame.y
        return self.bottom - (self.bottom - self.top) * _share(value, axis.low, axis.high)

    def whole(self, parts: Sequence[str]) -> str:
        frame = self.frame
        title, told = f"{frame.name}-title", f"{frame.name}-told"
        inside = "".join([*self._grid(), *parts, *self.legend])
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.height}" '
            f'role="img" aria-labelledby="{title} {told}" font-size="13" '
            f'font-family="inherit" fill="{INK}"><title id="{title}">{escape(frame.title)}</title>'
            f'<desc id="{told}">{escape(frame.description)}</desc>{inside}</svg>'
        )

    def _grid(self) -> list[str]:
        frame, right = self.frame, WIDTH - RIGHT
        found = []
        for value, word in _places(frame.x):
            at = number(self.x(value))
            if not frame.x.words:
                found.append(stroke(f"M{at} {self.top}V{self.bottom}", GRID))
            is_last = self.x(value) + width(word) / 2 > WIDTH
            found.append(
                text(
                    WIDTH if is_last else at,
                    self.bottom + 17,
                    word,
                    anchor="end" if is_last else "middle",
                )
            )
        if not self.is_rows:
            for value, word in _places(frame.y):
                at = number(self.y(value))
                found.append(stroke(f"M{self.left} {at}H{right}", GRID))
                found.append(text(self.left - 6, number(self.y(value) + 4), word, anchor="end"))
            middle = (self.top + self.bottom) // 2
            found.append(
                f'<text transform="translate(14 {middle}) rotate(-90)" text-anchor="middle" '
                f'fill="{MUTED}">{escape(frame.y.label)}</text>'
            )
            found.append(stroke(f"M{self.left} {self.top}V{self.bottom}", MUTED))
        found.append(stroke(f"M{self.left} {self.bottom}H{right}", MUTED))
        middle = (self.left + right) // 2
        found.append(text(middle, self.height - 8, frame.x.label, anchor="middle", colour=MUTED))
        return found


def _places(axis: Axis) -> list[tuple[float, str]]:
    if axis.words:
        every = ceil(len(axis.words) / 8)
        return [(float(place), word) for place, word in enumerate(axis.words) if place % every == 0]
    span = axis.high - axis.low
    return [(value, spelled(value, axis.form, span=span)) for value in ticks(axis.low, axis.high)]


def _share(value: float, low: float, high: float) -> float:
    if not isfinite(value) or not high > low:
        return 0.0
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _line(plot: _Plot, line: Line, place: int) -> str:
    colour, dashes = _LOOKS[place % len(_LOOKS)]
    at = [(plot.x(x), plot.y(y)) for x, y in line.points if isfinite(x) and isfinite(y)]
    if not at:
        return ""
    path = "L".join(f"{number(x)} {number(y)}" for x, y in at)
    found = stroke(f"M{path}", colour, thick=2, dashes=dashes)
    if len(at) <= 40:
        found += "".join(
            f'<circle cx="{number(x)}" cy="{number(y)}" r="2.5" fill="{colour}"/>' for x, y in at
        )
    return found


def _band(plot: _Plot, band: Band) -> str:
    known = [each for each in band.points if all(isfinite(one) for one in each)]
    if len(known) < 2:
        return ""
    there = [f"{number(plot.x(x))} {number(plot.y(high))}" for x, _, high in known]
    back = [f"{number(plot.x(x))} {number(plot.y(low))}" for x, low, _ in reversed(known)]
    return f'<path d="M{"L".join([*there, *back])}Z" fill="{WASH}"/>'


def _mark(plot: _Plot, mark: Mark) -> str:
    if mark.is_upright:
        at = plot.x(mark.at)
        path = f"M{number(at)} {plot.top}V{plot.bottom}"
        is_far = at > (plot.left + WIDTH) / 2
        above = plot.top - 5
        words = text(
            number(at + 2 if is_far else at - 2), above, mark.name,
            anchor="end" if is_far else "start", colour=BAD,
        )  # fmt: skip
    else:
        at = plot.y(mark.at)
        path = f"M{plot.left} {number(at)}H{WIDTH - RIGHT}"
        words = text(WIDTH - RIGHT - 2, number(at - 5), mark.name, anchor="end", colour=BAD)
    return stroke(path, BAD, thick=1.5, dashes="5 4") + words


def _block(plot: _Plot, column: Column, ends: tuple[float, float], place: int) -> str:
    left, right = plot.x(column.first) + 0.5, plot.x(column.last) - 0.5
    bottom, top = plot.y(ends[0]), plot.y(ends[1])
    if bottom - top <= 0.0:
        return ""
    colour = _FILLS[place % len(_FILLS)]
    return (
        f'<rect x="{number(left)}" y="{number(top)}" width="{number(max(0.5, right - left))}" '
        f'height="{number(bottom - top)}" fill="{colour}"/>'
    )


def _whisker(plot: _Plot, one: Whisker, place: int) -> str:
    colour = {Tone.PLAIN: ACCENT, Tone.WARNING: WARNING, Tone.BAD: BAD}[one.tone]
    middle = plot.top + ROW_HEIGHT * place + ROW_HEIGHT // 2
    found = text(LABEL_WIDTH - 8, middle + 4, cut(one.name, LABEL_WIDTH - 12), anchor="end")
    if one.low is not None and one.high is not None:
        path = f"M{number(plot.x(one.low))} {middle}H{number(plot.x(one.high))}"
        found += stroke(path, colour, thick=2)
    if one.bar is not None:
        found += stroke(f"M{number(plot.x(one.bar))} {middle - 9}V{middle + 9}", INK, thick=2)
    at = number(plot.x(one.value))
    if one.tone is Tone.PLAIN:
        return found + f'<circle cx="{at}" cy="{middle}" r="4.5" fill="{colour}"/>'
    # Another shape, for whoever does not see the colour.
    return found + (f'<path d="M{at} {middle - 6}l6 6-6 6-6-6z" fill="{colour}" stroke="{INK}"/>')


def _legend(names: Sequence[str], *, is_filled: bool) -> list[str]:
    """Lay names out in rows, each with the look of its line; one string a row."""
    rows: list[str] = []
    x, parts = LEFT, ""
    for place, name in enumerate(names[:SERIES_MAX]):
        need = 34 + width(name)
        if parts and x + need > WIDTH - RIGHT:
            rows.append(parts)
            x, parts = LEFT, ""
        colour, dashes = (_FILLS[place % len(_FILLS)], "") if is_filled else _LOOKS[place]
        y = 8 + LINE_HEIGHT * len(rows)
        parts += stroke(f"M{x} {y}h20", colour, thick=10 if is_filled else 3, dashes=dashes)
        parts += text(x + 25, y + 5, name)
        x += need
    return [*rows, parts] if parts else rows
