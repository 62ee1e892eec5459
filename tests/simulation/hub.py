"""Workers that take turns: one thread, a seed that says who goes on, and deaths at any step.

A worker is a greenlet that runs the product's own loops. It stops before every statement, every
commit and every outside call; there the seed decides who goes on, and who dies.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random

import psycopg
from greenlet import getcurrent, greenlet

from kernel.clock import SHANGHAI, SetClock


class Killed(BaseException):
    """The worker's process was killed; nothing of it may go on."""


@dataclass(slots=True)
class Skewed:
    """A clock that is wrong by the same amount all the time."""

    true: SetClock
    by: timedelta

    def now(self) -> datetime:
        """Tell the wrong time."""
        return self.true.now() + self.by


class At(StrEnum):
    """Where a worker stops."""

    BEGIN = "begin"
    """Before the first statement of a transaction."""
    STATEMENT = "statement"
    COMMIT = "commit"
    COMMITTED = "committed"
    """The commit is done; the worker has not heard of it."""
    CALL = "call"
    """Before the first byte of an outside call."""
    REPLY = "reply"
    """The partner has acted and answered; the worker has not read it."""
    BLOCKED = "blocked"
    """Another worker's lock is in the way."""


@dataclass(slots=True, eq=False)
class Worker:
    """One thread of one process, as far as the simulation is concerned."""

    number: int
    name: str
    role: str
    run: Callable[[], object]
    greenlet: greenlet = field(init=False, repr=False)
    at: At = At.BEGIN
    what: str = ""
    is_open: bool = False
    """It has a transaction that is not over."""
    waits_since: int | None = None
    """The count of ended transactions when a lock was refused to it."""
    is_victim: bool = False
    """Everybody waits for everybody, and this one is to give up."""
    is_dying: bool = False
    is_hurt: bool = False
    """The simulation broke something under it, so that it may fail."""
    wrote: bool = False
    """Its transaction changed a row."""
    has_paid: bool = False
    """It has just heard, or not heard, from the channel about a payment."""
    roll_back: Callable[[], object] = lambda: None
    tables: list[str] = field(default_factory=list)
    """The tables its transaction has written, in order."""
    result: object = None
    failure: BaseException | None = None

    @property
    def is_over(self) -> bool:
        """Tell whether it ended or died."""
        return bool(self.greenlet.dead)


@dataclass(slots=True, eq=False)
class Hub:
    """Lets workers take turns and writes down what each did."""

    random: Random
    clock: SetClock
    counts: Counter[str] = field(default_factory=Counter)
    workers: list[Worker] = field(default_factory=list)
    started: int = 0
    turns: int = 0
    ended: int = 0
    """Transactions that are over: only then may a lock have come free."""
    written: int = 0
    """Transactions that are over and had changed something."""
    trace: list[str] = field(default_factory=list)
    home: greenlet = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.home = getcurrent()

    @property
    def current(self) -> Worker | None:
        """Give the worker whose turn it is; None between turns."""
        return getattr(getcurrent(), "worker", None)

    def start(self, role: str, name: str, run: Callable[[], object]) -> Worker:
        """Line up a new worker."""
        self.started += 1
        worker = Worker(number=self.started, name=name, role=role, run=run)
        body = _Body(lambda: self._guard(worker), self.home)
        body.worker = worker
        worker.greenlet = body
        self.workers.append(worker)
        return worker

    def pause(self, at: At, what: str) -> None:
        """Stop here until the seed lets the worker go on, or kills it."""
        worker = self.current
        if worker is None or worker.is_dying:
            return
        worker.at, worker.what = at, what
        self.home.switch()

    def go_on(self, worker: Worker) -> None:
        """Give a worker its turn, up to its next stop."""
        self.turns += 1
        worker.greenlet.switch()
        self._tell(worker)

    def kill(self, worker: Worker) -> None:
        """End a worker where it stands; its transaction is rolled back by the database."""
        self.turns += 1
        worker.is_dying = worker.is_hurt = True
        self.note(worker.name, f"dies at {worker.at} {worker.what}")
        if worker.is_open:
            # What the database does when a client is gone, but at once and not a moment later;
            # of a connection that was cut it has done so already.
            with suppress(psycopg.OperationalError):
                worker.roll_back()
            self.ended += 1
        if worker.greenlet:
            worker.greenlet.throw(Killed())
        self._forget(worker)

    def is_blocked(self, worker: Worker) -> bool:
        """Tell whether a worker can only wait: no transaction ended since it was refused a lock."""
        return worker.waits_since is not None and worker.waits_since == self.ended

    def note(self, who: str, what: str) -> None:
        """Write one line of the trace."""
        self.trace.append(
            f"{self.turns:5d} {self.clock.at.astimezone(SHANGHAI):%m-%d %H:%M:%S} {who:<18} {what}"
        )

    def digest(self) -> str:
        """Give the hash of the whole trace."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()

    def _guard(self, worker: Worker) -> None:
        try:
            worker.result = worker.run()
        except Killed:
            worker.result = "killed"
        except Exception as failure:  # noqa: BLE001 - judged by whoever let it go on
            worker.failure = failure

    def _tell(self, worker: Worker) -> None:
        if worker.is_over:
            told = worker.result if worker.failure is None else f"fails: {_named(worker.failure)}"
            self.note(worker.name, f"ends: {told}")
            self._forget(worker)
        elif worker.at is not At.STATEMENT:
            self.note(worker.name, f"{worker.at} {worker.what}")

    def _forget(self, worker: Worker) -> None:
        if worker in self.workers:
            self.workers.remove(worker)


class _Body(greenlet):
    worker: Worker | None = None


def _named(failure: BaseException) -> str:
    return type(failure).__name__
