"""One end of day for any number of open loans, beside the bare writing of the rows it writes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Final

from sqlalchemy import text
from sqlalchemy.engine import Engine

from benchmarks import end_of_day_loans, server, yardsticks
from benchmarks.bench import Bench
from benchmarks.table import Row, at_most
from disbursement import end_of_day
from kernel import db
from kernel.clock import SetClock, shanghai

BAR: Final = at_most(2.0)
BARRED_LOANS_MIN: Final = 100_000
"""Below, the handful of transactions that a day has in any case are more than its loans."""
GROWTH_BAR: Final = at_most(1.2)
"""What a loan of the largest stock costs over one of the smallest."""
DAYS_MAX: Final = 3
"""On the fourth day all who were due on the first would turn overdue at once."""

# What was written, under identities that are free: the bare side writes it again.
_STAGES: Final = (
    """
    CREATE UNLOGGED TABLE staged_transfer AS SELECT CAST(md5(CAST(id AS text)) AS uuid) AS id,
        debit_id, credit_id, amount, state, reason, event_ref, value_date, posted_at
    FROM transfer WHERE posted_at = :at
    """,
    """
    CREATE UNLOGGED TABLE staged_account AS SELECT CAST(md5(CAST(id AS text)) AS uuid) AS id,
        code || '/again' AS code, kind, floor, opened_at FROM account WHERE opened_at = :at
    """,
    "CREATE UNLOGGED TABLE staged_event AS SELECT kind, subject, body, at FROM event WHERE at = :at",
    """
    CREATE UNLOGGED TABLE staged_position AS
    SELECT p.* FROM loan_position p JOIN position_before b USING (loan_id)
    """,
)
_BEFORE: Final = (
    "CREATE UNLOGGED TABLE position_before AS SELECT * FROM loan_position WHERE next_on <= :day"
)
_MOVE: Final = """
    UPDATE loan_position p SET closed_through = s.closed_through, next_on = s.next_on,
        overdue_since = s.overdue_since, bucket = s.bucket, grade = s.grade,
        is_accruing = s.is_accruing, earned = s.earned, earning_since = s.earning_since,
        earning = s.earning, earning_until = s.earning_until
    FROM {staged} s WHERE p.loan_id = s.loan_id
"""
_BARE: Final = (
    "INSERT INTO account (id, code, kind, floor, opened_at) SELECT * FROM staged_account",
    """
    INSERT INTO transfer (id, debit_id, credit_id, amount, state, reason, event_ref, value_date,
        posted_at) SELECT * FROM staged_transfer
    """,
    _MOVE.format(staged="staged_position"),
    "INSERT INTO event (kind, subject, body, at) SELECT * FROM staged_event",
)
_STAGED: Final = (
    "staged_transfer",
    "staged_account",
    "staged_event",
    "staged_position",
    "position_before",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """One day closed, and the same rows written barely."""

    ours: float
    bare: float
    loans: int
    """For which the day had something to do."""
    rows: int
    """Written by either side."""


def measure(bench: Bench) -> list[Row]:
    """Close days of each size of stock; the last row is the growth from the first to the last."""
    rows = []
    costs = []
    for loans in bench.open_loans:
        found, row = _size(bench, loans)
        rows.append(row)
        costs.append([one.ours / loans for one in found])
    if len(costs) > 1:
        smallest, largest = bench.open_loans[0], bench.open_loans[-1]
        rows.append(
            Row(
                benchmark="end_of_day",
                case=f"a loan of {largest:,} over one of {smallest:,}",
                ratios=tuple(one / other for one, other in zip(costs[-1], costs[0], strict=True)),
                bar=GROWTH_BAR,
                notes=f"us a loan: {median(costs[-1]) * 1e6:.2f} and {median(costs[0]) * 1e6:.2f}",
            )
        )
    return rows


def _size(bench: Bench, loans: int) -> tuple[Sequence[_Round], Row]:
    bench.say(f"end_of_day: making {loans:,} open loans")
    name = f"end_of_day_{loans}"
    with server.with_database(
        bench.server_url, name, end_of_day_loans.TABLES, is_durable=True
    ) as url:
        engine = db.open_engine(url)
        end_of_day_loans.make(engine, loans)
        bench.say(f"end_of_day: closing days of {loans:,} loans")
        yardstick = yardsticks.take(disk=bench.disk)
        days = [
            end_of_day_loans.DAY + timedelta(days=number)
            for number in range(min(bench.rounds, DAYS_MAX))
        ]
        found = [_round(engine, day) for day in days]
        engine.dispose()
    ours, bare = median(one.ours for one in found), median(one.bare for one in found)
    return found, Row(
        benchmark="end_of_day",
        case=f"{loans:,} open loans",
        ratios=tuple(one.ours / one.bare for one in found),
        bar=BAR if loans >= BARRED_LOANS_MIN else None,
        yardstick=yardstick,
        notes=f"ours {ours:.2f} s, bare {bare:.2f} s; a day has something to do for "
        f"{median(one.loans for one in found):,.0f} loans and writes "
        f"{median(one.rows for one in found):,.0f} rows",
    )


def _round(engine: Engine, day: date) -> _Round:
    at = shanghai(day + timedelta(days=1), 1, 30)
    _run(engine, [_BEFORE], day=day)
    _settle(engine)
    begun = time.perf_counter()
    run = end_of_day.close_days(SetClock(at), through=day)
    ours = time.perf_counter() - begun
    if run.closed != [day] or run.failed:
        raise RuntimeError(f"{day} was not closed: {run}")
    _run(engine, [*_STAGES, _MOVE.format(staged="position_before")], at=at)
    rows = _count(engine)
    _settle(engine)
    begun = time.perf_counter()
    _run(engine, _BARE)
    bare = time.perf_counter() - begun
    _run(engine, [f"DROP TABLE {', '.join(_STAGED)}"])
    return _Round(ours=ours, bare=bare, loans=run.loans, rows=rows)


def _run(engine: Engine, statements: Sequence[str], **given: date | datetime) -> None:
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        for statement in statements:
            connection.execute(text(statement), given)


def _settle(engine: Engine) -> None:
    """Let neither side begin among what the other left behind."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE loan_position, transfer, account, event"))
        connection.execute(text("CHECKPOINT"))
        connection.execute(text("RESET statement_timeout"))


def _count(engine: Engine) -> int:
    counts = " + ".join(f"(SELECT count(*) FROM {name})" for name in _STAGED[:-1])
    with engine.connect() as connection:
        return int(connection.execute(text(f"SELECT {counts}")).scalar_one())
