"""The cases of a ledger benchmark: a hundred a transaction and single, durable or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from statistics import median
from typing import Final

from sqlalchemy.engine import Engine

from benchmarks import cpu, ledger_books, ledger_clients, ledger_pgbench, server, yardsticks
from benchmarks.bench import Bench, take_turns
from benchmarks.ledger_clients import Clients, Order, Spell
from benchmarks.table import Row, at_least
from kernel import db

BATCH: Final = 100
BARS: Final = {BATCH: at_least(0.60), 1: at_least(0.40)}
WARM_SECONDS: Final = 0.5
WARM_POSTINGS: Final = 1_000
TRANSACTIONS_MIN: Final = 20
MARGIN: Final = 1.5
"""How many more postings are made ready than the warm-up would need."""
SEED: Final = 20_261_120

Stretch = Callable[[], Spell]
"""Posts for a while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One way of posting."""

    benchmark: str
    batch: int
    is_hot: bool
    is_durable: bool

    @property
    def name(self) -> str:
        size = "single" if self.batch == 1 else f"{self.batch} a transaction"
        return f"{size}, sync {'on' if self.is_durable else 'off'}"


def measure(bench: Bench, benchmark: str, *, is_hot: bool) -> list[Row]:
    """Measure every case of one benchmark."""
    rows = []
    with ledger_clients.started(bench.clients) as clients:
        for is_durable in (True, False):
            name = f"{benchmark}_{'on' if is_durable else 'off'}"
            with server.with_database(
                bench.server_url, name, ledger_books.TABLES, is_durable=is_durable
            ) as url:
                for batch in BARS:
                    case = Case(
                        benchmark=benchmark, batch=batch, is_hot=is_hot, is_durable=is_durable
                    )
                    rows.append(_row(bench, case, clients, url))
    return rows


def _row(bench: Bench, case: Case, clients: Clients, url: str) -> Row:
    bench.say(f"{case.benchmark}: {case.name}")
    engine = db.open_engine(url)
    ledger_books.open_accounts(engine)
    ours = _ours(bench, case, clients, url)
    theirs = _theirs(bench, case, engine, url)
    ledger_books.empty(engine)
    yardstick = yardsticks.take(disk=bench.disk if case.is_durable else None)
    pairs = take_turns(
        _watched(engine, case.batch, ours),
        _watched(engine, case.batch, theirs),
        rounds=bench.rounds,
    )
    engine.dispose()
    rates = [[spell.rate for spell in side] for side in zip(*pairs, strict=True)]
    costs = [
        sum(spell.cpu_seconds for spell in side) / sum(spell.transactions for spell in side)
        for side in zip(*pairs, strict=True)
    ]
    middle = [median(side) * case.batch for side in rates]
    return Row(
        benchmark=case.benchmark,
        case=case.name,
        ratios=tuple(mine.rate / other.rate for mine, other in pairs),
        bar=BARS[case.batch],
        yardstick=yardstick,
        notes=f"postings/s: ours {middle[0]:,.0f}, pgbench {middle[1]:,.0f}, "
        f"{bench.clients} clients each; by CPU time {costs[1] / costs[0]:.2f}",
    )


def _ours(bench: Bench, case: Case, clients: Clients, url: str) -> Stretch:
    warm = Order(
        url=url,
        batch=case.batch,
        is_hot=case.is_hot,
        seconds=WARM_SECONDS,
        transactions_max=max(TRANSACTIONS_MIN, WARM_POSTINGS // case.batch),
    )
    expected = clients.run(warm).rate * bench.seconds / clients.count
    order = replace(
        warm, seconds=bench.seconds, transactions_max=TRANSACTIONS_MIN + int(expected * MARGIN)
    )
    return lambda: clients.run(order)


def _theirs(bench: Bench, case: Case, engine: Engine, url: str) -> Stretch:
    script = ledger_pgbench.write(
        engine, bench.folder, batch=case.batch, is_hot=case.is_hot, random=Random(SEED)
    )
    jobs = min(bench.clients, yardsticks.machine().cores)
    return lambda: ledger_pgbench.run(
        url, script, clients=bench.clients, seconds=bench.seconds, jobs=jobs
    )


def _watched(engine: Engine, batch: int, stretch: Stretch) -> Stretch:
    """Add the server's CPU time, and have the rows prove that every transaction posted all."""
    postmaster = cpu.server_of(engine)

    def run() -> Spell:
        rows_before = ledger_books.count(engine)
        watch = None if postmaster is None else cpu.Watch(postmaster)
        spell = stretch()
        server_seconds = 0.0 if watch is None else watch.seconds()
        written = ledger_books.count(engine) - rows_before
        if written != spell.transactions * batch:
            raise RuntimeError(f"{spell.transactions} transactions of {batch} left {written} rows")
        return replace(spell, cpu_seconds=spell.cpu_seconds + server_seconds)

    return run
