"""Several processes that act for many debtors at once, as many telephones would."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from demo.town import Town
from kernel import db, logs, sealing
from kernel.clock import SetClock
from kernel.config import Settings
from kernel.surroundings import Surroundings, build

HANDS_MAX: Final = 4
CHUNK: Final = 5
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Hand:
    """What one process of the crew works with."""

    surroundings: Surroundings
    clock: SetClock
    town: Town


_hand: Hand | None = None


class Crew:
    """A pool of processes, each with its own database connections and its own clock."""

    def __init__(self, settings: Settings, at: datetime, *, log_path: str) -> None:
        self.size = max(1, min(os.cpu_count() or 1, HANDS_MAX))
        self._pool = ProcessPoolExecutor(
            self.size,
            # A fresh interpreter: a forked one would share sockets with the web in this process.
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_prepare,
            initargs=(settings, at, log_path),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def each(
        self, act: Callable[[Hand, Any], T], things: Sequence[Any], *, at: datetime
    ) -> Iterator[T]:
        """Do one thing for everybody, a few at a time, and give the answers as they come."""
        chunks = [things[start : start + CHUNK] for start in range(0, len(things), CHUNK)]
        futures = [self._submit(_act, act, chunk, at) for chunk in chunks]
        for future in as_completed(futures):
            yield from future.result()

    def all_hands(self, work: Callable[[Surroundings], int], *, at: datetime) -> int:
        """Let every process run one job at the same time until nothing is left, and count."""
        futures = [self._submit(_exhaust, work, at) for _ in range(self.size)]
        return sum(future.result() for future in futures)

    def _submit(self, work: Callable[..., T], *given: Any) -> Future[T]:  # noqa: ANN401 - the work's own
        """Hand work over; a process that starts for it never hears Ctrl-C.

        A terminal sends it to every process at once, and this one alone ends the others. Blocked
        here, it is inherited there and waits here.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return self._pool.submit(work, *given)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _prepare(settings: Settings, at: datetime, log_path: str) -> None:
    global _hand  # noqa: PLW0603 - the one hand of a pool's process
    logs.configure(stream=open(log_path, "a", encoding="utf-8"))  # noqa: PTH123, SIM115
    assert settings.database_url is not None
    db.bind(db.open_engine(settings.database_url))
    sealing.bind(sealing.Keyring(settings.seal_keys, settings.index_key))
    clock = SetClock(at)
    surroundings = build(settings, clock)
    _hand = Hand(surroundings, clock, Town(surroundings.outbound["bank"]))


def _act(act: Callable[[Hand, Any], T], things: Iterable[Any], at: datetime) -> list[T]:
    assert _hand is not None
    _hand.clock.at = at
    return [act(_hand, thing) for thing in things]


def _exhaust(work: Callable[[Surroundings], int], at: datetime) -> int:
    assert _hand is not None
    _hand.clock.at = at
    done = 0
    while count := work(_hand.surroundings):
        done += count
    return done
