"""Every wait on the database is bounded, whoever opened the connection."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

WAITS = {
    "statement_timeout": "15s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "5min",
}


@pytest.mark.parametrize(("wait", "most"), WAITS.items())
def test_a_wait_is_bounded(wait, most, database):
    with database.connect() as connection:
        assert connection.scalar(text(f"SHOW {wait}")) == most


def test_a_forgotten_transaction_is_ended_by_the_server(database):
    with database.connect() as forgotten:
        forgotten.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
        time.sleep(0.3)

        with pytest.raises(DBAPIError, match=r"idle-in-transaction timeout|closed"):
            forgotten.execute(text("SELECT 1"))
        forgotten.invalidate()
