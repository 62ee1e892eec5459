"""Vintage curves: which share of a month's loans went bad by so many months on book. Pure.

A loan counts at a point of the curve only when it has been on book that long, whatever became of
it: so a young month is compared with old ones at the same age, and immaturity cannot look like
quality.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from disbursement.schedule import calendar
from underwriting.models.metrics import wilson
from underwriting.watched import Mark, Measure, Reading, Verdict, places
from underwriting.watching.bars import Bars
from underwriting.watching.judging import Judge, between_shares, one_sided


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """Loans that began on one day."""

    on: date
    loans: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """Loans that began on one day and went bad in the same month on book."""

    on: date
    mark: Mark
    month: int
    """The first month on book by whose end the loan had the mark: 1 within the first month."""
    loans: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One point of one month's curve."""

    month: str
    mark: Mark
    months_on_book: int
    loans: int
    bads: int


def points(
    booked: Iterable[Booked], marked: Iterable[Marked], *, day: date, months: Sequence[int]
) -> tuple[Point, ...]:
    """Add up the curves of every month of booking as they stand at the end of a day."""
    loans: dict[tuple[str, int], int] = {}
    ages: dict[tuple[date, int], bool] = {}
    for each in booked:
        for age in months:
            ages[each.on, age] = calendar.month_day(each.on, age, each.on.day) <= day
            if ages[each.on, age]:
                place = (_month(each.on), age)
                loans[place] = loans.get(place, 0) + each.loans
    bads: dict[tuple[str, int, Mark], int] = {}
    for went in marked:
        for age in months:
            if went.month <= age and ages.get((went.on, age), False):
                where = (_month(went.on), age, went.mark)
                bads[where] = bads.get(where, 0) + went.loans
    return tuple(
        Point(
            month=month,
            mark=mark,
            months_on_book=age,
            loans=count,
            bads=bads.get((month, age, mark), 0),
        )
        for (month, age), count in sorted(loans.items())
        for mark in Mark
    )


def readings(found: Sequence[Point], bars: Bars) -> tuple[Reading, ...]:
    """Read every point against the months booked before it at the same age."""
    told = [each for each in found if each.loans >= bars.vintages.loans_min]
    judge = Judge(bars.chance, len(told))
    return tuple(_read(each, _before(each, found), judge, bars) for each in found)


def _before(point: Point, all_points: Iterable[Point]) -> tuple[int, int]:
    """Count the bad loans and all loans of earlier months at the same age."""
    same = [
        each
        for each in all_points
        if each.month < point.month
        and (each.mark, each.months_on_book) == (point.mark, point.months_on_book)
    ]
    return sum(each.bads for each in same), sum(each.loans for each in same)


def _read(point: Point, before: tuple[int, int], judge: Judge, bars: Bars) -> Reading:
    least = bars.vintages.loans_min
    part = f"{point.mark.value}/{point.months_on_book:02}"
    if point.loans < least:
        return Reading(
            measure=Measure.VINTAGE,
            subject=point.month,
            part=part,
            cases=point.loans,
            verdict=Verdict.TOO_FEW,
        )
    share, interval = point.bads / point.loans, wilson(point.bads, point.loans)
    bads, loans = before
    verdict, bar = Verdict.QUIET, None
    if loans >= least:
        usual = bads / loans
        z = between_shares(point.bads, point.loans, bads, loans)
        is_material = share > usual * bars.vintages.material
        verdict = judge.verdict(2.0 * one_sided(z), is_material=is_material)
        bar = places(usual * bars.vintages.material)
    return Reading(
        measure=Measure.VINTAGE,
        subject=point.month,
        part=part,
        value=places(share),
        low=places(interval.low),
        high=places(interval.high),
        bar=bar,
        cases=point.loans,
        verdict=verdict,
        detail={"bads": point.bads, "before": {"bads": bads, "loans": loans}},
    )


def _month(on: date) -> str:
    return f"{on:%Y-%m}"
