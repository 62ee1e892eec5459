"""Processes that post through the ledger as fast as they can, told by lines of JSON.

Each is a process, because that is how the web and the jobs run: one interpreter cannot post on
two cores.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from random import Random

from sqlalchemy.engine import Engine

from benchmarks import ledger_books
from disbursement import ledger
from disbursement.ledger import Posting
from kernel import db
from kernel.clock import SystemClock
from kernel.config import REPOSITORY


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a client is to do next."""

    url: str
    batch: int
    """Postings a transaction; one goes by `ledger.post`, more by `ledger.post_many`."""
    is_hot: bool
    seconds: float
    transactions_max: int
    """How many are made ready before the time runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """What came of posting for a while."""

    rate: float
    """Transactions a second, all clients together."""
    transactions: int
    cpu_seconds: float
    """Of the clients, not of the server."""


class Clients:
    """Several client processes that work at the same time."""

    def __init__(self, processes: list[subprocess.Popen[str]]) -> None:
        self._processes = processes

    @property
    def count(self) -> int:
        return len(self._processes)

    def run(self, order: Order) -> Spell:
        """Have all clients follow an order.

        All have their postings ready before the first one posts.
        """
        self._tell(json.dumps(asdict(order)))
        self._hear()
        self._tell("go")
        answers = [json.loads(line) for line in self._hear()]
        return Spell(
            rate=sum(answer["transactions"] / answer["seconds"] for answer in answers),
            transactions=sum(answer["transactions"] for answer in answers),
            cpu_seconds=sum(answer["cpu_seconds"] for answer in answers),
        )

    def _tell(self, line: str) -> None:
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write(line + "\n")
            process.stdin.flush()

    def _hear(self) -> list[str]:
        lines = []
        for process in self._processes:
            assert process.stdout is not None
            lines.append(process.stdout.readline())
        if "" in lines:
            raise RuntimeError("a client of the benchmark ended early; its error stands above")
        return lines


@contextmanager
def started(count: int) -> Iterator[Clients]:
    """Start clients, and end them with the block."""
    command = [sys.executable, "-m", "benchmarks.ledger_clients"]
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    command,
                    cwd=REPOSITORY,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(count)
        ]
        for process in processes:
            stack.callback(process.terminate)
        yield Clients(processes)


def main() -> None:
    """Follow the orders that come in until there are no more."""
    random = Random()
    engines: dict[str, Engine] = {}
    for line in sys.stdin:
        order = Order(**json.loads(line))
        if order.url not in engines:
            engines[order.url] = db.open_engine(order.url)
        db.bind(engines[order.url])
        ready = make_ready(order, random)
        print("ready", flush=True)
        if sys.stdin.readline().strip() != "go":
            break
        print(json.dumps(follow(order, ready)), flush=True)


def make_ready(order: Order, random: Random) -> list[tuple[Posting, ...]]:
    """Make the postings: deriving their identities is the caller's work, not the ledger's.

    pgbench, too, is given its identities ready.
    """
    on = SystemClock().now().date()
    ready = [
        ledger_books.postings(order.batch, is_hot=order.is_hot, on=on, random=random)
        for _ in range(order.transactions_max)
    ]
    gc.collect()
    gc.freeze()  # a caller would not hold so many, and collecting them again costs the ledger
    return ready


def follow(order: Order, ready: list[tuple[Posting, ...]]) -> dict[str, float]:
    """Post until the time is over; give the transactions done and the seconds they took."""
    clock = SystemClock()
    done = 0
    cpu_begun, begun = time.process_time(), time.perf_counter()
    for postings in ready:
        if time.perf_counter() - begun >= order.seconds:
            break
        at = clock.now()
        with db.transaction() as session:
            if order.batch == 1:
                ledger.post(session, postings[0], at=at)
            else:
                ledger.post_many(session, postings, at=at)
        done += 1
    answer = {
        "transactions": done,
        "seconds": time.perf_counter() - begun,
        "cpu_seconds": time.process_time() - cpu_begun,
    }
    gc.unfreeze()
    return answer


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):  # the runner got it, too, and says so
        main()
