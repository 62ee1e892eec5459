"""The benchmark of the end of day: its loans are such as the house makes, and it runs."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from sqlalchemy import text

from benchmarks import __main__ as runner
from benchmarks import end_of_day_loans, server
from benchmarks.bench import Bench
from benchmarks.table import at_most
from disbursement import bulk_closing, day_loans, loan_days, loans
from kernel import db
from kernel.clock import shanghai
from tests.disbursement.end_of_day import lending


@pytest.fixture
def bench(database, database_server, tmp_path) -> Bench:
    return Bench(
        server_url=database_server,
        folder=tmp_path,
        disk=None,
        seconds=1,
        rounds=1,
        clients=1,
        people=1,
        dossiers=1,
        loans=1,
        legs=1,
        open_loans=(200, 400),
        say=lambda text: None,
    )


@pytest.mark.slow
def test_a_day_is_compared_with_the_bare_writing_of_its_rows(bench):
    found = runner.BENCHMARKS["end_of_day"](bench)

    assert [row.case for row in found] == [
        "200 open loans",
        "400 open loans",
        "a loan of 400 over one of 200",
    ]
    assert [len(row.ratios) for row in found] == [1, 1, 1]
    assert [row.bar for row in found] == [None, None, at_most(1.2)]
    assert all(ratio > 0 for row in found for ratio in row.ratios)


def test_its_loans_are_closed_alike_by_the_pure_model(database, database_server):
    # The instalments, payments and positions that the database made must agree with each other,
    # or what is measured would be a day of no possible house.
    with server.with_database(
        database_server, f"stock_{os.getpid()}", end_of_day_loans.TABLES, is_durable=False
    ) as url:
        engine = db.open_engine(url)
        end_of_day_loans.make(engine, 600)
        with db.transaction() as session:
            bulk = session.begin_nested()
            closed = close(session, by_one_statement=True)
            together = lending.stored(session)
            bulk.rollback()
            session.expire_all()
            assert close(session, by_one_statement=False) == 0
            apart = lending.stored(session)
        engine.dispose()

    assert closed > 15
    for name, rows in together.items():
        assert rows == apart[name], name


def close(session, *, by_one_statement: bool) -> int:
    """Close the first day, and count the loans that one statement closed."""
    day = end_of_day_loans.DAY
    at = shanghai(day + timedelta(days=1), 1, 30)
    closed = 0
    if by_one_statement:
        closed = bulk_closing.close(session, day, span=bulk_closing.ALL, limit=1_000, at=at).closed
        assert day_loans.count(session, day) == 0
    for loan_id in day_loans.waiting(session, day, limit=1_000):
        loan_days.close_through(session, loans.lock(session, loan_id), day=day, at=at)
    session.flush()
    late = "SELECT count(*) FROM loan_position WHERE overdue_since < :day"
    assert session.scalar(text(late), {"day": day}) > 10
    return closed
