"""The end of day: every business day after the last closed one, in order, each in small steps.

A step is one transaction: opening the day, a chunk of its loans, the day's accrual with its end.
Whatever was committed stays, so a process that was killed anywhere is simply started again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from disbursement import bulk_closing, business_days, day_loans
from disbursement.bulk_closing import Span
from kernel import logs
from kernel.clock import Clock, business_day
from kernel.db import transaction

CHUNK_LOANS: Final = 2_000
"""Loans closed by one statement: some tenths of a second, which a kill or a lock may cost."""
WORKERS: Final = 2
"""Spans of loans that are worked on at the same time, where there is more than one chunk."""
SINGLY_LOANS: Final = 100
"""Loans closed one by one in one transaction."""
FAILED_MAX: Final = 100
"""So many loans that cannot be closed are no accident of one loan: the run stops."""

log = logs.logger(__name__)


class LoansLeftOpen(RuntimeError):
    """Loans could not be closed; their day waits for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the closing of one day has come."""

    day: date
    done: int
    """Loans closed by this run."""
    left: int
    """Loans that the day still had something to do for when this run came to it."""


@dataclass(slots=True, kw_only=True)
class Run:
    """What one run did; `failed` are loans that could not be closed, so their day stays open."""

    closed: list[date] = field(default_factory=list)
    loans: int = 0
    stopped_at: date | None = None
    failed: list[UUID] = field(default_factory=list)


def _silent(_: Progress) -> None:
    return


def close_days(
    clock: Clock,
    *,
    through: date | None = None,
    chunk: int = CHUNK_LOANS,
    tell: Callable[[Progress], None] = _silent,
) -> Run:
    """Close every business day after the last closed one through a day, yesterday if none is given.

    A loan that cannot be closed is left out and named; the others are closed, and the day and
    those after it wait for that loan.

    Raises:
        DayStillRuns: the day is not over in Shanghai.
    """
    yesterday = business_day(clock.now()) - timedelta(days=1)
    wanted = yesterday if through is None else through
    if wanted > yesterday:
        raise business_days.DayStillRuns(f"{wanted} is not over")
    run = Run()
    while True:
        with transaction() as session:
            day = business_days.begin_next(session, through=wanted, at=clock.now())
            left = 0 if day is None else day_loans.count(session, day)
        if day is None:
            return run
        _Day(clock, day, run, left=left, tell=tell).close(chunk)
        if run.failed:
            run.stopped_at = day
            return run
        with transaction() as session:
            ended = business_days.end(session, day, at=clock.now())
        if ended:
            run.closed.append(day)
            log.info("end_of_day.closed", day=str(day))


class _Day:
    """The closing of the loans of one day."""

    def __init__(
        self, clock: Clock, day: date, run: Run, *, left: int, tell: Callable[[Progress], None]
    ) -> None:
        self._clock, self._day, self._run = clock, day, run
        self._left, self._tell = left, tell
        self._done = 0
        self._telling = threading.Lock()
        self._stopping = threading.Event()

    def close(self, chunk: int) -> None:
        """Close all loans of the day: those that are alike by thousands, then the others."""
        self._note(0)
        try:
            self._close_alike(chunk)
        except Exception:
            # One loan may have spoilt its chunk: closed one by one it is found.
            log.exception("end_of_day.chunk_failed", day=str(self._day))
        while len(self._run.failed) < FAILED_MAX:
            with transaction() as session:
                some = day_loans.waiting(
                    session, self._day, limit=SINGLY_LOANS, without=self._run.failed
                )
            if not some:
                return
            self._close_singly(some)

    def _close_alike(self, chunk: int) -> None:
        """Work on some spans of loans at a time: while the server writes, we derive identities."""
        if self._left <= chunk:
            self._close_span(bulk_closing.ALL, chunk)
            return
        spans = bulk_closing.spans(WORKERS)
        with ThreadPoolExecutor(WORKERS) as pool:
            working = [pool.submit(self._close_span, span, chunk) for span in spans]
            try:
                for each in working:
                    each.result()
            finally:
                self._stopping.set()

    def _close_span(self, span: Span, chunk: int) -> None:
        left: Span | None = span
        while left is not None and not self._stopping.is_set():
            with transaction() as session:
                part = day_loans.close_alike(
                    session, self._day, span=left, limit=chunk, at=self._clock.now()
                )
            left = part.left
            self._note(part.closed)

    def _close_singly(self, some: Sequence[UUID]) -> None:
        try:
            self._close_together(some)
        except Exception:
            # Whatever is wrong with one loan must not keep the others open.
            if len(some) == 1:
                log.exception("end_of_day.loan_failed", loan_id=str(some[0]), day=str(self._day))
                self._run.failed.append(some[0])
                return
            for loan_id in some:
                self._close_singly((loan_id,))

    def _close_together(self, some: Sequence[UUID]) -> None:
        with transaction() as session:
            closed = day_loans.close_singly(session, self._day, some, at=self._clock.now())
        self._note(closed)

    def _note(self, closed: int) -> None:
        with self._telling:
            self._done += closed
            self._run.loans += closed
            left = max(self._left, self._done)
            self._tell(Progress(day=self._day, done=self._done, left=left))
