"""Running seeds one after the other on one database, with nothing random but the seed."""

from __future__ import annotations

import gc
import hashlib
import os
import sys
import traceback
from collections import Counter
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from uuid import UUID

import gmalg
import structlog

from kernel import config, db, ids, sealing
from kernel.clock import SetClock, shanghai
from tests.simulation.outside import Outside
from tests.simulation.plan import STARTS, draw
from tests.simulation.seed import Simulation
from tests.simulation.storage import Storage

THOROUGHLY_EVERY = 50
COLLECT_EVERY = 10


@dataclass(slots=True)
class Result:
    """What became of one seed."""

    seed: int
    digest: str
    steps: int
    money: int
    counts: Counter[str]
    trace: list[str]
    failure: str | None = None


@dataclass(slots=True)
class Runner:
    """Seeds on one database."""

    url: str
    storage: Storage = field(init=False)
    outside: Outside = field(init=False)
    running: Simulation | None = None
    done: int = 0

    def __post_init__(self) -> None:
        self.storage = Storage(self.url)
        self.outside = Outside(SetClock(shanghai(STARTS[0][0], 10)))
        gc.collect()
        gc.freeze()  # what is there now stays, and need not be looked through again

    def run(self, seed: int, **changed: Any) -> Result:
        """Run one seed from an empty database, with some of its plan changed."""
        db.bind(self.storage.engine)
        settings = config.read({"DAICHANG_ENV": "test"})
        sealing.bind(sealing.Keyring(settings.seal_keys, settings.index_key))
        self.storage.hub = None
        self.storage.wipe(thoroughly=self.done % THOROUGHLY_EVERY == 0)
        if self.done % COLLECT_EVERY == 0:
            gc.collect()
        self.done += 1
        with _no_entropy(seed), _no_collecting(), _quick_signatures(), self._listening():
            simulation = Simulation(self.storage, self.outside, replace(draw(seed), **changed))
            self.running = simulation
            failure = None
            try:
                simulation.run()
            except Exception as fault:  # noqa: BLE001 - every failure is the seed's answer
                failure = f"{type(fault).__name__}: {fault}"
                if not isinstance(fault, AssertionError):
                    failure += "\n" + traceback.format_exc()
                simulation.hub.note("seed", failure)
            finally:
                self._let_go(simulation)
        hub = simulation.hub
        return Result(
            seed=seed,
            digest=hub.digest(),
            steps=hub.turns,
            money=simulation.money,
            counts=hub.counts,
            trace=hub.trace,
            failure=failure,
        )

    def close(self) -> None:
        """Let go of the database."""
        self.storage.close()

    def _let_go(self, simulation: Simulation) -> None:
        for worker in list(simulation.hub.workers):
            simulation.hub.kill(worker)
        self.storage.hub = None
        self.running = None

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Hear what the product logs: a failure that it swallows is judged like any other."""

        def hear(_: Any, method: str, event: MutableMapping[str, Any]) -> Any:
            failure = sys.exc_info()[1]
            simulation = self.running
            if simulation is not None:
                self._judge(simulation, method, event, failure)
            raise structlog.DropEvent

        before = structlog.get_config()
        structlog.configure(
            processors=[hear],
            wrapper_class=structlog.make_filtering_bound_logger(0),
            cache_logger_on_first_use=False,
        )
        try:
            yield
        finally:
            structlog.configure(**before)

    def _judge(
        self,
        simulation: Simulation,
        method: str,
        event: MutableMapping[str, Any],
        failure: BaseException | None,
    ) -> None:
        worker = simulation.hub.current
        name = str(event.get("event"))
        if method in {"error", "exception"} and failure is not None:
            simulation.judge_failure(worker, failure)
        elif method == "warning":
            simulation.hub.counts[name] += 1
        simulation.hub.note(worker.name if worker else "-", f"says {name}")


@contextmanager
def _no_entropy(seed: int) -> Iterator[None]:
    """Draw everything that would be random from the seed."""
    random = Random(~seed)
    urandom, new = os.urandom, ids.new
    counted = iter(range(1, 1 << 60))
    os.urandom = random.randbytes
    ids.new = lambda: UUID(int=(0x7 << 76) | (0x2 << 62) | next(counted) << 80)
    try:
        yield
    finally:
        os.urandom, ids.new = urandom, new


@contextmanager
def _no_collecting() -> Iterator[None]:
    """Keep the collector still during a seed: it costs a tenth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def _quick_signatures() -> Iterator[None]:
    """Let a hash over key and message stand for SM2, whose package takes a tenth of a second.

    Whoever has another key, or changes a byte, is found out as before.
    """

    def sign(self: Any, message: bytes) -> tuple[bytes, bytes]:
        made = hashlib.sha512(repr(self._pk).encode() + message).digest()
        return made[:32], made[32:]

    def verify(self: Any, message: bytes, r: bytes, s: bytes) -> bool:
        return (r, s) == sign(self, message)

    before = gmalg.SM2.sign, gmalg.SM2.verify
    gmalg.SM2.sign, gmalg.SM2.verify = sign, verify
    try:
        yield
    finally:
        gmalg.SM2.sign, gmalg.SM2.verify = before
