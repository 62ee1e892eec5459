"""One day's watch: read every figure once, keep the readings, and ring for what is alarming."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Final

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from kernel import events, ids
from kernel.clock import business_day, require_aware
from kernel.refusals import Refused
from underwriting.records.watching import WatchDay, WatchReading
from underwriting.watched import Measure, Reading, Verdict
from underwriting.watching import bars as watching_bars
from underwriting.watching import (
    counted,
    counting_decisions,
    counting_links,
    counting_loans,
    readings,
    vintages,
)
from underwriting.watching.bars import Bars
from underwriting.watching.counted import Counted, Loans
from underwriting.watching.readings import ReadingView

ALARM: Final = "watch.alarm"
CATCH_UP_DAYS_MAX: Final = 7
STATEMENT_SECONDS_MAX: Final = 300
"""Of one count; the usual bound is for people who wait for a page."""


class WatchedTooEarly(Refused):
    """A day is watched when it is over: its readings are never taken again."""

    status = HTTPStatus.CONFLICT
    code = "watched_too_early"
    title = "A day can be watched when it is over"
    title_zh = "该日尚未结束，不能生成监测结果"


def mark(session: Session, *, day: date, at: datetime) -> int:
    """Keep on which days loans went bad, up to a day, and count what is new.

    An edge does this in a transaction of its own before it runs the watch: what writes holds every
    reader of the event log up until it ends, and counting takes long.

    Raises:
        WatchedTooEarly: the day is today or later: who is late now may still pay.
    """
    if day >= business_day(at):
        raise WatchedTooEarly(f"{day} is not over")
    session.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS_MAX}s'"))
    return counting_loans.note_marks(session, day=day, at=at)


def run(session: Session, *, day: date, at: datetime) -> tuple[ReadingView, ...]:
    """Watch a day that is over and give its readings; a day is watched once, asked again it is told.

    Nothing is written until everything has been counted, but what `mark` left to do.

    Appends the fact `watch.alarm` for each reading that rings: once for a cause and a day.

    Raises:
        WatchedTooEarly: the day is today or later.
        NoRuleInForce: no bars were in force yet.
    """
    if day >= business_day(at):
        raise WatchedTooEarly(f"{day} is not over")
    if session.get(WatchDay, day) is None:
        mark(session, day=day, at=at)
        bars = watching_bars.in_force(day)
        _keep(session, list(counted.readings(_count(session, day, bars), bars)), day=day, at=at)
    return readings.of_day(session, day)


def _keep(session: Session, found: Sequence[Reading], *, day: date, at: datetime) -> None:
    """Keep a day's readings, unless somebody else has watched it meanwhile."""
    begun = session.execute(
        insert(WatchDay)
        .values(day=day, ran_at=require_aware(at))
        .on_conflict_do_nothing()
        .returning(WatchDay.day)
    ).first()
    if begun is not None:
        for reading in found:
            _keep_one(session, reading, day=day, at=at)
        session.flush()


def _count(session: Session, day: date, bars: Bars) -> Counted:
    window = counting_decisions.window(day, days=bars.agencies.window_days)
    earlier = counting_decisions.before(window, days=bars.agencies.reference_days)
    most = bars.agencies.agencies_max
    before = counting_decisions.by_agency(session, earlier, most=most)
    fair = counting_decisions.window(day, days=bars.fairness.window_days)
    return Counted(
        decided=counting_decisions.decided(session, day, bars),
        granted=counting_decisions.by_agency(session, window, most=most),
        granted_before={each.name: each for each in before},
        granted_by_group=counting_decisions.by_group(session, fair),
        loans=_loans(session, day, bars),
        signs={
            Measure.ALIKE_TEXTS: counting_links.alike_texts(session, day, bars),
            Measure.SHARED_DEVICES: counting_links.shared_devices(session, day, bars),
            Measure.INFLATED_BALANCES: counting_links.inflated_balances(session, day, bars),
        },
        rings=counting_links.rings(session, day, bars),
    )


def _loans(session: Session, day: date, bars: Bars) -> Loans:
    pds, bads = counting_loans.ranked(session, day, bars)
    return Loans(
        by_agency=counting_loans.matured_by_agency(session, day, bars),
        by_month=counting_loans.matured_by_month(session, day, bars),
        by_group=counting_loans.matured_by_group(session, day, bars),
        pds=pds,
        bads=bads,
        points=vintages.points(
            counting_loans.booked(session, day, bars),
            counting_loans.marked(session, day, bars),
            day=day,
            months=bars.vintages.months,
        ),
    )


def _keep_one(session: Session, reading: Reading, *, day: date, at: datetime) -> None:
    cause = (day.isoformat(), reading.measure.value, reading.subject, reading.part)
    kept = WatchReading(
        id=ids.derived(ids.NAMESPACE, "watch", *cause),
        day=day,
        measure=reading.measure,
        subject=reading.subject,
        part=reading.part,
        value=reading.value,
        low=reading.low,
        high=reading.high,
        bar=reading.bar,
        cases=reading.cases,
        verdict=reading.verdict,
        detail=dict(reading.detail),
    )
    session.add(kept)
    if reading.verdict is Verdict.ALARM:
        events.append(
            session,
            ALARM,
            subject=kept.id,
            at=at,
            body={
                "day": day.isoformat(),
                "measure": reading.measure.value,
                "subject": reading.subject,
                "part": reading.part,
                "value": str(reading.value),
                "bar": None if reading.bar is None else str(reading.bar),
                "cases": reading.cases,
            },
        )


def unwatched(session: Session, *, at: datetime) -> tuple[date, ...]:
    """List the days of the last week that are over and were not watched, oldest first.

    None is before the first day that was ever watched; before that it is the last day alone. What
    lies further back is watched when somebody asks for the day.
    """
    last = day_to_watch(at)
    first = session.scalar(select(func.min(WatchDay.day)))
    if first is None:
        return (last,)
    week = [last - timedelta(days=back) for back in reversed(range(CATCH_UP_DAYS_MAX))]
    watched = set(session.scalars(select(WatchDay.day).where(WatchDay.day.in_(week))))
    return tuple(day for day in week if day > first and day not in watched)


def day_to_watch(at: datetime) -> date:
    """Give the last day that is over."""
    return business_day(at) - timedelta(days=1)
