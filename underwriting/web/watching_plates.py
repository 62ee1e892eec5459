"""Readings of the watch as plates: a row for each figure, with its interval and its bar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from underwriting import pictures
from underwriting.pictures import Axis, Band, Form, Frame, Line, Mark, Tone, Whisker
from underwriting.plates import Cell, Head, Kind, Link, Plate, Say, Tag
from underwriting.watched import Mark as LoanMark
from underwriting.watched import Measure, Verdict
from underwriting.watching.readings import ReadingView, VintagePoint
from underwriting.web.watching_manners import MANNERS, Manner

CURVES_MAX: Final = 6
"""Months of booking drawn at once; all stand in the table."""
_LOUD: Final = {Verdict.ALARM: 0, Verdict.NOTICE: 1, Verdict.QUIET: 2, Verdict.TOO_FEW: 3}
_TONES: Final = {Verdict.ALARM: Tone.BAD, Verdict.NOTICE: Tone.WARNING}


@dataclass(frozen=True, slots=True)
class Telling:
    """How readings are named in one language, and where their course is shown."""

    say: Say
    subject: Callable[[ReadingView], str]
    verdict: Callable[[Verdict], str]
    course: Callable[[ReadingView], str]
    """The address of a figure's course."""


def of_measure(
    measure: Measure,
    found: Sequence[ReadingView],
    telling: Telling,
    *,
    manner: Manner | None = None,
) -> Plate:
    """Give one measure of one day, or a part of it in a manner of its own.

    What rang comes first, then the largest.
    """
    manner = manner or MANNERS[measure]
    say, name = telling.say, f"{measure.value}{manner.suffix}"
    read = sorted(found, key=_loudest)
    rows = tuple(
        (
            Link(telling.subject(each), telling.course(each)),
            each.value,
            each.low,
            each.high,
            each.bar,
            each.cases,
            Tag(telling.verdict(each.verdict), _colour(each.verdict)),
        )
        for each in read
    )
    return Plate(
        name=name,
        title=say(*manner.words),
        summary=say(*manner.what),
        picture=_picture(f"{name}-picture", read, telling, manner),
        heads=(
            Head(say("对象", "Of")),
            Head(say("读数", "Reading"), manner.kind),
            Head(say("95% 低", "95% low"), manner.kind),
            Head(say("95% 高", "95% high"), manner.kind),
            Head(say("报警线", "Bar"), manner.kind),
            Head(say("样本", "Cases"), Kind.COUNT),
            Head(say("判断", "Verdict")),
        ),
        rows=rows,
        nothing=say(*manner.nothing),
    )


def alarms(found: Sequence[ReadingView], telling: Telling) -> Plate:
    """List what rang, the newest first."""
    say = telling.say
    return Plate(
        name="alarms",
        title=say("报警", "Alarms"),
        heads=(
            Head(say("日期", "Day")),
            Head(say("监测项", "Measure")),
            Head(say("对象", "Of")),
            Head(say("读数", "Reading"), Kind.NUMBER),
            Head(say("报警线", "Bar"), Kind.NUMBER),
            Head(say("样本", "Cases"), Kind.COUNT),
        ),
        rows=tuple(
            (
                each.day.isoformat(),
                say(*MANNERS[each.measure].words),
                Link(telling.subject(each), telling.course(each)),
                each.value,
                each.bar,
                each.cases,
            )
            for each in found
        ),
        nothing=say("近 90 天没有报警。", "Nothing rang within 90 days."),
    )


def course(found: Sequence[ReadingView], telling: Telling) -> Plate:
    """Give one figure's readings from the oldest to the newest day."""
    say, old = telling.say, list(reversed(found))
    manner = MANNERS[found[0].measure]
    told = [each for each in old if each.value is not None]
    return Plate(
        name="course",
        title=f"{say(*manner.words)} · {telling.subject(found[0])}",
        summary=say(*manner.what),
        picture=_course(told, manner, telling) if len(told) > 1 else "",
        heads=(
            Head(say("日期", "Day")),
            Head(say("读数", "Reading"), manner.kind),
            Head(say("95% 低", "95% low"), manner.kind),
            Head(say("95% 高", "95% high"), manner.kind),
            Head(say("报警线", "Bar"), manner.kind),
            Head(say("样本", "Cases"), Kind.COUNT),
            Head(say("判断", "Verdict")),
        ),
        rows=tuple(
            (
                each.day.isoformat(),
                each.value,
                each.low,
                each.high,
                each.bar,
                each.cases,
                Tag(telling.verdict(each.verdict), _colour(each.verdict)),
            )
            for each in found
        ),
    )


def vintages(points: Sequence[VintagePoint], mark: LoanMark, say: Say) -> Plate:
    """Give the curves of one mark: a row a month of booking, a column a month on book."""
    mine = [each for each in points if each.mark is mark]
    ages = sorted({each.months_on_book for each in mine})
    months = sorted({each.month for each in mine}, reverse=True)
    at = {(each.month, each.months_on_book): each for each in mine}

    def share(month: str, age: int) -> Decimal | None:
        point = at.get((month, age))
        return None if point is None else point.share

    rows: list[tuple[Cell, ...]] = []
    for month in months:
        loans = max(each.loans for each in mine if each.month == month)
        rows.append((month, loans, *(share(month, age) for age in ages)))
    manner = MANNERS[Measure.VINTAGE]
    drawn = [
        Line(month, [(float(age), float(one)) for age in ages if (one := share(month, age))])
        for month in reversed(months)
        if any(share(month, age) is not None for age in ages)
    ][-CURVES_MAX:]
    return Plate(
        name="vintages",
        title=say("各放款月的账龄曲线", "Curves by month of booking"),
        summary=say(
            f"占放款月贷款的比例；图中为最近 {len(drawn)} 个月，样本不足 100 笔不显示。",
            f"Share of the month's loans; the newest {len(drawn)} months are drawn, fewer than "
            "100 loans say nothing.",
        ),
        picture=_curves(drawn, say) if drawn else "",
        heads=(
            Head(say("放款月", "Booked")),
            Head(say("笔数", "Loans"), Kind.COUNT),
            *(Head(say(f"{age} 月", f"{age} m"), Kind.SHARE) for age in ages),
        ),
        rows=tuple(rows),
        nothing=say(*manner.nothing),
    )


def _curves(drawn: Sequence[Line], say: Say) -> str:
    everything = [point for line in drawn for point in line.points]
    title = say("账龄曲线", "Vintage curves")
    return pictures.lines(
        Frame(
            name="vintages-picture",
            title=title,
            description=say(f"{len(drawn)} 条曲线。", f"{len(drawn)} curves."),
            x=Axis(
                label=say("账龄（月）", "Months on book"),
                high=max([6.0, *(x for x, _ in everything)]),
                form=Form.COUNT,
            ),
            y=Axis(
                label=say("不良占比", "Share gone bad"),
                high=pictures.reach([y for _, y in everything], least=0.01),
                form=Form.SHARE,
            ),
        ),
        drawn,
    )


def _picture(name: str, read: Sequence[ReadingView], telling: Telling, manner: Manner) -> str:
    say = telling.say
    told = [each for each in read if each.value is not None]
    if not told:
        return ""
    drawn = [
        Whisker(
            name=telling.subject(each),
            value=float(each.value or 0),
            low=_float(each.low),
            high=_float(each.high),
            bar=_float(each.bar),
            tone=_TONES.get(each.verdict, Tone.PLAIN),
        )
        for each in told
    ]
    loud = sum(each.verdict in _TONES for each in told)
    title = say(*manner.words)
    return pictures.whiskers(
        Frame(
            name=name,
            title=title,
            description=say(
                f"{len(told)} 个对象，{loud} 个报警或提示。", f"{len(told)} shown, {loud} ring."
            ),
            x=Axis(
                label=title,
                high=pictures.reach([*_ends(told), manner.least]),
                form=_form(manner.kind),
            ),
            y=Axis(label=""),
        ),
        drawn,
        marks=() if manner.at is None else (Mark(manner.at, f"{manner.at:g}"),),
    )


def _course(told: Sequence[ReadingView], manner: Manner, telling: Telling) -> str:
    say = telling.say
    days = tuple(f"{each.day:%m-%d}" for each in told)
    title = say(*manner.words)
    bars = [(float(place), each.bar) for place, each in enumerate(told) if each.bar is not None]
    lines = [Line(title, [(float(at), float(each.value or 0)) for at, each in enumerate(told)])]
    if bars:
        lines.append(Line(say("报警线", "Bar"), [(at, float(bar)) for at, bar in bars]))
    return pictures.lines(
        Frame(
            name="course-picture",
            title=title,
            description=say(f"{len(told)} 天的读数。", f"Readings of {len(told)} days."),
            x=Axis(label=say("日期", "Day"), high=float(len(told) - 1), words=days),
            y=Axis(
                label=title,
                high=pictures.reach([*_ends(told), manner.least]),
                form=_form(manner.kind),
            ),
        ),
        lines,
        bands=[
            Band(
                [
                    (float(at), float(each.low), float(each.high))
                    for at, each in enumerate(told)
                    if each.low is not None and each.high is not None
                ]
            )
        ],
    )


def _loudest(each: ReadingView) -> tuple[int, Decimal, str, str]:
    value = Decimal(0) if each.value is None else each.value
    return _LOUD[each.verdict], -value, each.subject, each.part


def _ends(told: Sequence[ReadingView]) -> list[float]:
    return [
        float(end) for each in told for end in (each.value, each.high, each.bar) if end is not None
    ]


def _colour(verdict: Verdict) -> str:
    return {Verdict.ALARM: "bad", Verdict.NOTICE: "warning", Verdict.QUIET: "good"}.get(verdict, "")


def _form(kind: Kind) -> Form:
    return {Kind.SHARE: Form.SHARE, Kind.MONEY: Form.COUNT}.get(kind, Form.NUMBER)


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
