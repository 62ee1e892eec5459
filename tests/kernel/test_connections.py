"""Connections that the server dropped while they rested in the pool."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from kernel import db


@pytest.fixture
def engine(database):
    opened = db.open_engine(database.url.render_as_string(hide_password=False), pool_size=2)
    yield opened
    opened.dispose()


def backend(connection):
    return connection.execute(text("SELECT pg_backend_pid()")).scalar_one()


def end_backends(database, *backends):
    with database.connect() as other:
        for one in backends:
            other.execute(text("SELECT pg_terminate_backend(:one, 5000)"), {"one": one})


def test_a_connection_that_died_while_it_rested_is_replaced_unseen(engine, database):
    with engine.connect() as first, engine.connect() as second:
        lost = backend(first), backend(second)
    end_backends(database, *lost)
    time.sleep(db.PING_AFTER_SECONDS + 0.1)

    with engine.connect() as first, engine.connect() as second:
        found = {backend(first), backend(second)}

    assert found.isdisjoint(lost)


def test_a_connection_that_died_a_moment_ago_fails_once_and_takes_the_others_with_it(
    engine, database
):
    with engine.connect() as first, engine.connect() as second:
        lost = backend(first), backend(second)
    end_backends(database, *lost)

    with pytest.raises(OperationalError), engine.connect() as connection:
        backend(connection)

    with engine.connect() as first, engine.connect() as second:
        assert {backend(first), backend(second)}.isdisjoint(lost)


def test_a_connection_is_asked_whether_it_lives_only_after_a_rest(engine, database):
    with engine.connect() as connection:
        lent = backend(connection)

    def last_statement():
        with engine.connect(), database.connect() as other:
            query = text("SELECT query FROM pg_stat_activity WHERE pid = :pid")
            return other.execute(query, {"pid": lent}).scalar_one()

    at_once = last_statement()
    time.sleep(db.PING_AFTER_SECONDS + 0.1)
    after_a_rest = last_statement()

    assert at_once == "ROLLBACK"
    assert after_a_rest not in {"ROLLBACK", "COMMIT"}
