"""What was read: frozen rows for pages and commands, newest day first, always bounded.

For a page: `latest_day` tells what there is, `of_day` gives one day's readings (all, or those of
some measures), `history` one figure's course, `alarms` what called for somebody, `vintages` the
curves of one day by month of booking. Every row carries its interval, bar and number of cases.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from underwriting.records.watching import WatchDay, WatchReading
from underwriting.watched import Mark, Measure, Verdict

READINGS_MAX: Final = 2_000
DAYS_MAX: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingView:
    """One reading as a page shows it."""

    id: UUID
    day: date
    measure: Measure
    subject: str
    """A model, a figure, an agency, a month of booking, a group, or the first application of a
    ring."""
    part: str
    """A part of the subject; of a vintage its mark and months on book, such as ``late_90/06``."""
    value: Decimal | None
    """None when there were too few cases."""
    low: Decimal | None
    high: Decimal | None
    """The ends of the 95 % interval."""
    bar: Decimal | None
    """From here on chance alone is no explanation."""
    cases: int
    verdict: Verdict
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayView:
    """One day that was watched."""

    day: date
    ran_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VintagePoint:
    """One point of one curve."""

    month: str
    """Of booking, such as ``2026-03``."""
    mark: Mark
    months_on_book: int
    share: Decimal | None
    low: Decimal | None
    high: Decimal | None
    loans: int


def days(session: Session, *, limit: int = 60) -> tuple[DayView, ...]:
    """List the days that were watched, newest first."""
    rows = session.scalars(
        select(WatchDay).order_by(WatchDay.day.desc()).limit(min(limit, DAYS_MAX))
    )
    return tuple(DayView(day=row.day, ran_at=row.ran_at) for row in rows)


def latest_day(session: Session) -> date | None:
    """Give the newest day that was watched; None before the first."""
    return session.scalar(select(WatchDay.day).order_by(WatchDay.day.desc()).limit(1))


def of_day(
    session: Session, day: date, *, measures: Collection[Measure] = frozenset(Measure)
) -> tuple[ReadingView, ...]:
    """List the readings of one day by measure, subject and part."""
    return _views(
        session,
        select(WatchReading)
        .where(WatchReading.day == day, WatchReading.measure.in_(list(measures)))
        .order_by(WatchReading.measure, WatchReading.subject, WatchReading.part)
        .limit(READINGS_MAX),
    )


def history(
    session: Session, measure: Measure, subject: str, *, part: str = "", limit: int = 90
) -> tuple[ReadingView, ...]:
    """List one figure's readings, newest first."""
    return _views(
        session,
        select(WatchReading)
        .where(
            WatchReading.measure == measure,
            WatchReading.subject == subject,
            WatchReading.part == part,
        )
        .order_by(WatchReading.day.desc())
        .limit(min(limit, DAYS_MAX)),
    )


def alarms(session: Session, *, since: date, limit: int = 200) -> tuple[ReadingView, ...]:
    """List the readings that rang since a day, newest first."""
    return _views(
        session,
        select(WatchReading)
        .where(WatchReading.verdict == Verdict.ALARM, WatchReading.day >= since)
        .order_by(
            WatchReading.day.desc(),
            WatchReading.measure,
            WatchReading.subject,
            WatchReading.part,
        )
        .limit(min(limit, READINGS_MAX)),
    )


def vintages(session: Session, day: date) -> tuple[VintagePoint, ...]:
    """List the points of every curve of one day, by month of booking, mark and months on book."""
    found = []
    for row in of_day(session, day, measures={Measure.VINTAGE}):
        mark, _, months = row.part.partition("/")
        found.append(
            VintagePoint(
                month=row.subject,
                mark=Mark(mark),
                months_on_book=int(months),
                share=row.value,
                low=row.low,
                high=row.high,
                loans=row.cases,
            )
        )
    return tuple(found)


def _views(session: Session, asked: Select[WatchReading]) -> tuple[ReadingView, ...]:
    return tuple(
        ReadingView(
            id=row.id,
            day=row.day,
            measure=row.measure,
            subject=row.subject,
            part=row.part,
            value=row.value,
            low=row.low,
            high=row.high,
            bar=row.bar,
            cases=row.cases,
            verdict=row.verdict,
            detail=row.detail,
        )
        for row in session.scalars(asked)
    )
