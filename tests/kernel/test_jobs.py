"""Jobs run in one process at a time, one failure stops nobody, and a told scheduler ends cleanly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.engine import Engine

from kernel import config, db, jobs
from kernel.clock import SetClock, shanghai
from kernel.records import JobState, Lease
from kernel.surroundings import Surroundings
from tests.conftest import TODAY

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def around(database):
    return Surroundings(
        settings=config.read({"DAICHANG_ENV": "test"}),
        clock=SetClock(shanghai(TODAY, 12)),
        outbound={},
    )


def job(run: Callable[[Surroundings], int], *, name: str = "job", every_seconds: int = 1):
    return jobs.Job(name=name, every_seconds=every_seconds, run=run)


def breaks(_: Surroundings) -> int:
    raise ZeroDivisionError


def until(condition: Callable[[], bool], *, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def state(name: str) -> JobState:
    with db.transaction() as session:
        return session.get_one(JobState, name)


def lease_row() -> Lease:
    with db.transaction() as session:
        return session.scalars(select(Lease)).one()


@contextmanager
def running(scheduler: jobs.Scheduler):
    thread = threading.Thread(target=scheduler.run)
    thread.start()
    try:
        yield thread
    finally:
        scheduler.stop()
        thread.join(20)
        assert not thread.is_alive()


def test_a_failing_job_does_not_stop_the_others(around):
    done = jobs.run_all(
        [job(breaks, name="bad"), job(lambda _: 3, name="good")], surroundings=around
    )

    assert done == {"bad": None, "good": 3}
    assert (state("bad").failures, state("good").failures) == (1, 0)


def test_failures_in_a_row_are_counted_until_a_run_ends_well(around):
    for _ in range(3):
        jobs.run(job(breaks), around)
    counted = state("job").failures

    jobs.run(job(lambda _: 2), around)

    assert counted == 3
    assert (state("job").failures, state("job").done) == (0, 2)


def test_the_scheduler_runs_its_jobs_again_and_again(around):
    runs: list[float] = []
    scheduler = jobs.Scheduler([job(lambda _: runs.append(time.monotonic()) or 1)], around)

    with running(scheduler):
        until(lambda: len(runs) >= 2)

    # At once when it leads, then a second later.
    assert 0.8 < runs[1] - runs[0] < 3


def test_of_two_schedulers_one_runs_the_jobs_and_the_other_takes_over(around):
    runs: list[str] = []

    def make(who: str) -> jobs.Scheduler:
        return jobs.Scheduler([job(lambda _: runs.append(who) or 1)], around, lease_seconds=2)

    first, second = make("first"), make("second")
    with running(first):
        until(lambda: runs.count("first") >= 1)
        with running(second):
            until(lambda: runs.count("first") >= 3)
            assert "second" not in runs
            assert not second.leads
            first.stop()
            until(lambda: "second" in runs)

    assert "first" not in runs[runs.index("second") :]
    assert lease_row().term == 2


def test_a_scheduler_whose_lease_was_taken_runs_nothing_more(around):
    runs: list[int] = []
    scheduler = jobs.Scheduler([job(lambda _: runs.append(1) or 1)], around, lease_seconds=2)

    with running(scheduler):
        until(lambda: bool(runs))
        with db.transaction() as session:
            row = session.scalars(select(Lease).with_for_update()).one()
            row.holder, row.term = "another", row.term + 1
            row.until += timedelta(minutes=5)
        until(lambda: not scheduler.leads)
        counted = len(runs)
        time.sleep(1.5)

    assert len(runs) == counted
    assert lease_row().holder == "another"


def test_a_scheduler_whose_clock_is_fast_leads_no_longer_than_any_other(around):
    """By its own clock it would hold the lease for an hour after its death."""
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1), tick=True):
        scheduler = jobs.Scheduler([job(lambda _: 1)], around, lease_seconds=2)
        with running(scheduler):
            until(lambda: scheduler.leads)
            held = lease_row().until

    assert held - datetime.now(UTC) < timedelta(minutes=1)


def test_no_job_waits_longer_than_the_settings_say(around):
    runs: list[float] = []
    hasty = replace(around, settings=replace(around.settings, job_seconds_max=1))
    slow = job(lambda _: runs.append(time.monotonic()) or 1, every_seconds=3600)

    with running(jobs.Scheduler([slow], hasty)):
        until(lambda: len(runs) >= 2)

    assert runs[1] - runs[0] > 0.8


def test_stopping_waits_for_the_running_job_and_gives_the_lease_back(around):
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def slow(_: Surroundings) -> int:
        begun.set()
        may_end.wait(10)
        ended.set()
        return 1

    scheduler = jobs.Scheduler([job(slow)], around, lease_seconds=1)
    with running(scheduler) as thread:
        assert begun.wait(10)
        scheduler.stop()
        # Longer than the lease: it is kept while the job still runs.
        time.sleep(1.5)
        assert thread.is_alive()
        held = lease_row()
        still_held = held.until > held.beat_at
        may_end.set()

    assert still_held
    assert ended.is_set()
    assert lease_row().until < lease_row().beat_at + timedelta(seconds=1)
    assert state("job").done == 1


def test_a_long_job_does_not_run_beside_itself(around):
    both = threading.Lock()
    overlapped = threading.Event()
    count = 0

    def slow(_: Surroundings) -> int:
        nonlocal count
        if not both.acquire(blocking=False):
            overlapped.set()
            return 0
        time.sleep(1.2)
        count += 1
        both.release()
        return 1

    with running(jobs.Scheduler([job(slow)], around)):
        until(lambda: count >= 2)

    assert not overlapped.is_set()


def test_losing_the_database_for_a_while_is_survived(around, database: Engine):
    runs: list[int] = []
    scheduler = jobs.Scheduler([job(lambda _: runs.append(1) or 1)], around, lease_seconds=1)
    elsewhere = db.open_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")

    with running(scheduler):
        until(lambda: bool(runs))
        db.bind(elsewhere)
        until(lambda: not scheduler.leads)
        counted = len(runs)
        db.bind(database)
        until(lambda: len(runs) > counted)
    elsewhere.dispose()


def test_two_jobs_of_one_name_are_a_mistake(around):
    with pytest.raises(AssertionError, match="share a name"):
        jobs.Scheduler([job(breaks), job(breaks)], around)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_told_to_end_ends_cleanly_and_leaves_the_lease_free(
    database: Engine, number: signal.Signals
):
    script = f"""
from kernel import config, db, jobs, logs
from kernel.clock import SystemClock
from kernel.surroundings import Surroundings
logs.configure()
db.bind(db.open_engine({database.url.render_as_string(hide_password=False)!r}))
around = Surroundings(
    settings=config.read({{"DAICHANG_ENV": "test"}}), clock=SystemClock(), outbound={{}})
jobs.run_forever([jobs.Job(name="j", every_seconds=1, run=lambda _: 1)], around)
print("ended")
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(_job_ran, seconds=20)

    process.send_signal(number)
    out, errors = process.communicate(timeout=20)

    assert (process.returncode, out) == (0, "ended\n"), errors
    assert '"scheduler.stopped"' in errors
    assert "Traceback" not in errors
    with db.transaction() as session:
        now = session.scalar(select(db.text("now()")))
    assert lease_row().until <= now


def _job_ran() -> bool:
    with db.transaction() as session:
        return session.get(JobState, "j") is not None
