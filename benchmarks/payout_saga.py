"""Payouts from approved to paid and booked, and bare requests and commits of the same number."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from http.client import HTTPConnection
from itertools import count
from statistics import median
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from benchmarks import payout_loans, server, yardsticks
from benchmarks.bench import Bench, take_turns
from benchmarks.payout_loans import Exchange
from benchmarks.table import Row
from disbursement import checking, sending
from disbursement.records.payouts import LegStatus
from kernel import db
from kernel.clock import SetClock
from kernel.surroundings import Surroundings

ASKED_AFTER: Final = timedelta(minutes=4)
QUERIES_MAX: Final = 8
WARM_LEGS: Final = 6


class Mix(NamedTuple):
    """What one payout takes: its requests, and how many commits that wrote."""

    exchanges: Sequence[Exchange]
    commits: int


def measure(bench: Bench) -> list[Row]:
    """Give payouts a second over those of the bare side, commits durable on both."""
    bench.say(f"payout_saga: {bench.legs} payouts a round")
    payout_loans.import_tables()
    with (
        server.with_database(bench.server_url, "payouts", None, is_durable=True) as url,
        payout_loans.world(bench.folder) as around,
    ):
        engine = db.open_engine(url)
        db.bind(engine)
        try:
            return [_row(bench, around, engine)]
        finally:
            engine.dispose()


def _row(bench: Bench, around: Surroundings, engine: Engine) -> Row:
    payout_loans.found(around)
    serials = count(1)
    mix = overhear(around, engine, [next(serials) for _ in range(WARM_LEGS)])
    yardstick = yardsticks.take(disk=bench.disk)
    pairs = take_turns(
        lambda: ours(around, [next(serials) for _ in range(bench.legs)]),
        lambda: bare(around, engine, mix, bench.legs),
        rounds=bench.rounds,
    )
    with db.transaction() as session:
        differences = checking.check_books(session)
    if differences:
        raise RuntimeError(f"the books disagree: {differences[0]}")
    rates = [median(side) for side in zip(*pairs, strict=True)]
    return Row(
        benchmark="payout_saga",
        case="approved to paid, sync on",
        ratios=tuple(mine / other for mine, other in pairs),
        bar=None,
        yardstick=yardstick,
        notes=f"payouts/s: ours {rates[0]:.0f}, bare {rates[1]:.0f}, one worker each; a payout takes "
        f"{len(mix.exchanges)} requests and {mix.commits} commits",
    )


def ours(around: Surroundings, serials: Sequence[int]) -> float:
    """Pay so many and give how many a second were paid; placing them is not measured."""
    payout_loans.place(around, range(serials[0], serials[-1] + 1))
    return len(serials) / pay_all(around)


def pay_all(around: Surroundings) -> float:
    """Send and ask until every payout is paid; give the seconds that took.

    The clock is moved past the pause before a question, so that only work is measured.
    """
    assert isinstance(around.clock, SetClock)
    begun = time.perf_counter()
    sending.send_due(around)
    for _ in range(QUERIES_MAX):
        around.clock.advance(ASKED_AFTER)
        if not sending.query_due(around):
            break
    seconds = time.perf_counter() - begun
    stand = Counter(payout_loans.statuses())
    if set(stand) != {LegStatus.PAID}:
        raise RuntimeError(f"not every payout was paid: {dict(stand)}")
    return seconds


def overhear(around: Surroundings, engine: Engine, serials: Sequence[int]) -> Mix:
    """Pay one and then a few more with everything counted, and give what one of them takes.

    The loops look for work once more than there is; the difference leaves those looks out.
    """
    heard, once = _counted(around, engine, serials[:1])
    _, again = _counted(around, engine, serials[1:])
    return Mix(heard, round((again - once) / (len(serials) - 2)))


def _counted(
    around: Surroundings, engine: Engine, serials: Sequence[int]
) -> tuple[list[Exchange], int]:
    payout_loans.place(around, range(serials[0], serials[-1] + 1))
    listening, heard = payout_loans.overhearing(around)
    commits = 0

    def committed(_connection: object) -> None:
        nonlocal commits
        commits += 1

    event.listen(engine, "commit", committed)
    try:
        pay_all(listening)
    finally:
        event.remove(engine, "commit", committed)
        for way in listening.outbound.values():
            way.close()
    return heard, commits


def bare(around: Surroundings, engine: Engine, mix: Mix, legs: int) -> float:
    """Send the requests of one payout again and commit one small row each time, so often."""
    address = urlsplit(around.settings.partner_urls["channel"])
    assert address.hostname is not None
    connection = HTTPConnection(address.hostname, address.port, timeout=30)
    with engine.begin() as first:
        first.execute(text("CREATE TABLE IF NOT EXISTS bare_commit (n bigint)"))
    raw = engine.raw_connection()
    cursor = raw.cursor()
    begun = time.perf_counter()
    for _ in range(legs):
        for exchange in mix.exchanges:
            connection.request(
                exchange.method, exchange.path, exchange.content, dict(exchange.headers)
            )
            connection.getresponse().read()
        for number in range(mix.commits):
            cursor.execute("INSERT INTO bare_commit VALUES (%s)", (number,))
            raw.commit()
    seconds = time.perf_counter() - begun
    raw.close()
    connection.close()
    return legs / seconds
