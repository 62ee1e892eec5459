"""Stopped, killed, failing or run by two at once: the same books in the end."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from datetime import date
from random import Random
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from disbursement import checking, end_of_day, ledger, legs, loan_days
from disbursement.end_of_day import Progress, Run
from disbursement.ledger import Posting
from kernel import ids
from kernel.clock import SetClock, shanghai
from kernel.db import transaction
from kernel.money import Money
from tests.disbursement import builders as make
from tests.disbursement import lives
from tests.disbursement.end_of_day import lending
from tests.tables import empty_tables

DUE = date(2026, 2, 15)
LAST = date(2026, 2, 20)
"""The instalments of 15 February fell due and, unpaid, turned on the 19th."""
LOANS = 7
TIMES = frozenset({"at", "posted_at", "opened_at", "closed_at", "recorded_at", "placed_at"})


def clock() -> SetClock:
    return SetClock(shanghai(date(2026, 6, 1), 1, 30))


def lend() -> list[UUID]:
    """Make loans of 15 January, one of them with money waiting."""
    found = []
    with transaction() as session:
        for serial in range(1, LOANS + 1):
            loan = lives.placed(
                session, make.leg_order(serial, "9000.00"), order_id=UUID(int=serial)
            )
            lives.paid(session, legs.of_loan(session, loan.id)[0], "9000.00", on=lives.START)
            found.append(loan.id)
        lending.servicing.repay(
            session,
            found[0],
            payment_id=UUID(int=77),
            amount=Money.yuan("10.00"),
            on=date(2026, 1, 16),
            source=lending.SOURCE,
            by=make.MAKER,
            at=lives.noon(date(2026, 1, 16)),
        )
    return found


def books() -> dict[str, list[dict[str, object]]]:
    """Read what must be the same, apart from when it was written."""
    with transaction() as session:
        assert checking.check_books(session) == []
        queries = lending.STORED | {
            "days": "SELECT day, closed_at IS NOT NULL AS closed, loans, figures FROM closed_day "
            "ORDER BY day",
            "accruals": "SELECT * FROM accrual ORDER BY day",
            "facts": "SELECT kind, subject, body::text AS body FROM event ORDER BY 1, 2, 3",
        }
        return {
            name: [
                {key: value for key, value in row.items() if key not in TIMES}
                for row in session.execute(text(query)).mappings()
            ]
            for name, query in queries.items()
        }


@pytest.fixture
def undisturbed(database: Engine) -> dict[str, list[dict[str, object]]]:
    """Tell what the books are when nothing happens to the end of day; then begin anew."""
    lend()
    end_of_day.close_days(clock(), through=LAST, chunk=2)
    found = books()
    empty_tables(database)
    return found


def agree(found: dict[str, list[dict[str, object]]], expected: object) -> None:
    """Compare books row by row, so that what differs is told by its table."""
    assert isinstance(expected, dict)
    for name, rows in found.items():
        assert len(rows) == len(expected[name]), name
        for row, other in zip(rows, expected[name], strict=True):
            assert row == other, name


class Stopped(BaseException):
    """The process ends here, like by Ctrl-C."""


def test_stopped_after_every_single_step_it_goes_on_where_it_was(undisturbed):
    lend()
    stops = 0

    def stop_after_one(progress: Progress) -> None:
        if progress.done:
            raise Stopped

    while True:
        try:
            end_of_day.close_days(clock(), through=LAST, chunk=2, tell=stop_after_one)
            break
        except Stopped:
            stops += 1

    # Six loans due on the 15th in chunks of two and the one with money by itself; on the 19th again.
    assert stops >= 6
    agree(books(), undisturbed)


def test_killed_again_and_again_it_leaves_the_same_books(undisturbed, database):
    lend()
    random = Random(11)
    kills = 0
    for _ in range(20):
        child = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.disbursement.end_of_day.closer",
                _url(database),
                str(LAST),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        for _, _ in zip(range(random.randrange(4, 16)), child.stdout, strict=False):
            pass
        time.sleep(random.random() * 0.02)
        child.kill()
        child.stdout.close()
        if child.wait(10) == 0:
            break
        kills += 1
        if kills == 3:
            _let_go(database)
            end_of_day.close_days(clock(), through=LAST, chunk=2)
            break

    assert kills == 3
    agree(books(), undisturbed)


def _url(database: Engine) -> str:
    return database.url.render_as_string(hide_password=False)


def _let_go(database: Engine) -> None:
    """Wait until the server has noticed that nobody is there any more."""
    query = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND state <> 'idle'"
    )
    with database.connect() as connection:
        for _ in range(100):
            if not connection.scalar(query):
                return
            time.sleep(0.05)


def test_two_at_once_close_each_loan_once(undisturbed):
    lend()
    runs: list[Run] = []

    def close() -> None:
        runs.append(end_of_day.close_days(clock(), through=LAST, chunk=1))

    threads = [threading.Thread(target=close) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    agree(books(), undisturbed)
    closed = [day for run in runs for day in run.closed]
    assert sorted(closed) == sorted(set(closed))
    assert sum(run.loans for run in runs) == sum(row["loans"] for row in undisturbed["days"])


def test_a_loan_that_cannot_be_closed_is_named_and_its_day_waits(database):
    loan_ids = lend()
    spoilt = sorted(loan_ids)[3]
    spoil(spoilt)

    run = end_of_day.close_days(clock(), through=LAST, chunk=3)

    assert run.failed == [spoilt]
    assert run.stopped_at == DUE
    with transaction() as session:
        due = session.scalar(text("SELECT count(*) FROM event WHERE kind = 'loan.due'"))
        last = session.execute(
            text("SELECT day, closed_at FROM closed_day ORDER BY 1 DESC")
        ).first()
    assert due == LOANS - 1
    assert last == (DUE, None)


def spoil(loan_id: UUID, on: date = DUE) -> None:
    """Take the identity under which the loan's interest would be posted for something else."""
    close = loan_days.close_ref(loan_id, on)
    with transaction() as session:
        lending.open_for(session, loan_id)
        wrong = Posting(
            id=ids.derived(close, "interest_due", "loan_interest", "interest_accrued"),
            debit=f"loan_interest/{loan_id}",
            credit="interest_accrued/hxcf",
            amount=Money(1),
            reason="interest_due",
            event_ref=loan_id,
            value_date=on,
        )
        ledger.post(session, wrong, at=lives.noon(lives.START))
