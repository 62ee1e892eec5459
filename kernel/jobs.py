"""Jobs in the background: declared in code, run by whoever holds the lease, harmless twice.

The scheduler only wakes a job up. The job itself claims its rows, so a second fire, or the last
run of a process that has just lost the lease, does nothing twice.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers import SchedulerNotRunningError
from apscheduler.schedulers.blocking import BlockingScheduler
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from kernel import lease, logs
from kernel.clock import SHANGHAI, SystemClock
from kernel.db import transaction
from kernel.records import JobState
from kernel.surroundings import Surroundings

LEASE_NAME: Final = "scheduler"
LEASE_SECONDS: Final = 15
WORKERS: Final = 4
MISFIRE_GRACE_SECONDS: Final = 3600

log = logs.logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One thing done again and again; `run` tells how many things it did."""

    name: str
    every_seconds: int
    run: Callable[[Surroundings], int]


def run(job: Job, surroundings: Surroundings) -> int | None:
    """Run a job once and tell what it did; None when it failed, which is logged and kept."""
    with structlog.contextvars.bound_contextvars(job=job.name, run_id=uuid4().hex):
        begun = time.monotonic()
        try:
            done = job.run(surroundings)
        except Exception:
            # One job's failure must not stop the others.
            log.exception("job.failed")
            _keep(job, None, at=surroundings.clock.now())
            return None
        if done:
            log.info("job.done", done=done, seconds=round(time.monotonic() - begun, 3))
        _keep(job, done, at=surroundings.clock.now())
        return done


def run_all(jobs: Sequence[Job], surroundings: Surroundings) -> dict[str, int | None]:
    """Run each job once, in order, without any lease: for commands, the demo and tests."""
    return {job.name: run(job, surroundings) for job in jobs}


def _keep(job: Job, done: int | None, *, at: datetime) -> None:
    failed = done is None
    row = insert(JobState).values(name=job.name, ran_at=at, done=done or 0, failures=int(failed))
    changes = (
        {"ran_at": at, "failures": JobState.failures + 1}
        if failed
        else {"ran_at": at, "failures": 0, "done": done}
    )
    try:
        with transaction() as session:
            session.execute(row.on_conflict_do_update(index_elements=[JobState.name], set_=changes))
    except SQLAlchemyError:
        log.exception("job.state_not_kept")


class Scheduler:
    """Runs the jobs while it holds the lease; `stop` ends `run` from any thread."""

    def __init__(
        self,
        jobs: Sequence[Job],
        surroundings: Surroundings,
        *,
        lease_seconds: int = LEASE_SECONDS,
    ) -> None:
        assert len({job.name for job in jobs}) == len(jobs), "two jobs share a name"
        self.holder = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
        self._jobs = jobs
        self._surroundings = surroundings
        self._lease_seconds = lease_seconds
        self._term: int | None = None
        self._leads_until = 0.0
        """On the machine's steady clock, from before the lease was asked for."""
        self._stopping = threading.Event()
        self._beating = threading.Lock()
        self._running = threading.Condition()
        self._running_count = 0
        self._scheduler = BlockingScheduler(
            timezone=SHANGHAI,
            executors={"default": ThreadPoolExecutor(WORKERS), "lease": ThreadPoolExecutor(1)},
            job_defaults={
                "coalesce": True,
                "max_instances": 1,
                "misfire_grace_time": MISFIRE_GRACE_SECONDS,
            },
        )

    @property
    def leads(self) -> bool:
        """Whether this process holds the lease, as far as it can know by itself."""
        return self._term is not None and time.monotonic() < self._leads_until

    def run(self) -> None:
        """Try for the lease and run the jobs until somebody calls `stop`."""
        log.info("scheduler.started", holder=self.holder, jobs=len(self._jobs))
        self._scheduler.add_job(
            self._beat,
            "interval",
            seconds=self._lease_seconds / 3,
            executor="lease",
            next_run_time=_real_time(),
        )
        self._scheduler.start()
        self._let_end()
        self._give_back()
        log.info("scheduler.stopped", holder=self.holder)

    def stop(self) -> None:
        """Start no other job; `run` returns when the running ones have ended."""
        self._stopping.set()
        with suppress(SchedulerNotRunningError):
            # Waiting in there would hold a lock that a running beat needs.
            self._scheduler.shutdown(wait=False)

    def _beat(self) -> None:
        if self._stopping.is_set():
            self.stop()
            return
        with self._beating:
            self._take_or_lose()

    def _take_or_lose(self) -> None:
        if self._stopping.is_set():
            return  # the lease may have been given back while we waited for our turn
        term = self._term if self.leads else None
        try:
            term = self._take()
        except Exception:
            # The next beat tries again; meanwhile the lease may lapse.
            log.exception("scheduler.beat_failed", holder=self.holder)
        if term != self._term:
            self._lead(term)

    def _take(self) -> int | None:
        asked_at = time.monotonic()
        with transaction() as session:
            term = lease.take(
                session,
                LEASE_NAME,
                self.holder,
                now=shared_time(session),
                seconds=self._lease_seconds,
            )
        self._leads_until = asked_at + self._lease_seconds
        return term

    def _lead(self, term: int | None) -> None:
        for job in self._jobs:
            if self._scheduler.get_job(job.name) is not None:
                self._scheduler.remove_job(job.name)
        self._term = term
        log.info("scheduler.leads" if term else "scheduler.follows", holder=self.holder, term=term)
        if term is None:
            return
        for job in self._jobs:
            self._scheduler.add_job(
                self._run_if_leading,
                "interval",
                seconds=self._pace(job),
                args=(job,),
                id=job.name,
                next_run_time=_real_time(),
            )

    def _pace(self, job: Job) -> int:
        at_most = self._surroundings.settings.job_seconds_max
        return job.every_seconds if at_most is None else min(job.every_seconds, at_most)

    def _run_if_leading(self, job: Job) -> None:
        with self._running:
            if not self.leads or self._stopping.is_set():
                return
            self._running_count += 1
        try:
            run(job, self._surroundings)
        finally:
            with self._running:
                self._running_count -= 1
                self._running.notify_all()

    def _let_end(self) -> None:
        """Wait for the running jobs, keeping the lease that they run under."""
        while True:
            with self._running:
                if self._running.wait_for(
                    lambda: not self._running_count, timeout=self._lease_seconds / 3
                ):
                    return
            try:
                self._take()
            except SQLAlchemyError:
                log.exception("scheduler.beat_failed", holder=self.holder)

    def _give_back(self) -> None:
        with self._beating:
            term, self._term = self._term, None
        if term is None:
            return
        try:
            with transaction() as session:
                lease.release(session, LEASE_NAME, term=term, now=shared_time(session))
        except SQLAlchemyError:
            log.exception("scheduler.lease_not_released")


def _real_time() -> datetime:
    """Tell the machine's time, never a set one: a job's pace is about living processes."""
    return SystemClock().now()


def shared_time(session: Session) -> datetime:
    """Tell the database's time: by machines' own clocks one that is fast would lead for ever."""
    at: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return at


def run_forever(jobs: Sequence[Job], surroundings: Surroundings) -> None:
    """Run the scheduler until the process is told to end by SIGTERM or SIGINT."""
    scheduler = Scheduler(jobs, surroundings, lease_seconds=surroundings.settings.lease_seconds)
    with _told_to_end(scheduler):
        scheduler.run()


@contextmanager
def _told_to_end(scheduler: Scheduler) -> Iterator[None]:
    stoppers: list[threading.Thread] = []

    def end(*_: object) -> None:
        # Not in the handler itself: it may have interrupted the scheduler inside a lock.
        stoppers.append(threading.Thread(target=scheduler.stop))
        stoppers[-1].start()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for stopper in stoppers:
            stopper.join()


def is_alive(beat_at: datetime, *, now: datetime, lease_seconds: int = LEASE_SECONDS) -> bool:
    """Tell whether a scheduler that beat at that time is to be taken for living."""
    return now - beat_at < timedelta(seconds=2 * lease_seconds)
