"""Closing many loans by one statement writes what closing each by itself writes."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest
from sqlalchemy.orm import Session

from disbursement import bulk_closing, checking, day_loans, loan_days, loans
from tests.disbursement import lives
from tests.disbursement.end_of_day import lending


def singly(session: Session, day: date) -> None:
    at = lives.noon(day)
    for loan_id in day_loans.waiting(session, day, limit=100):
        loan_days.close_through(session, loans.lock(session, loan_id), day=day, at=at)
    session.flush()


class Bulk:
    """Closes what it can by one statement, in chunks of two, and counts."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def __call__(self, session: Session, day: date) -> None:
        session.flush()
        left = bulk_closing.ALL
        while left is not None:
            part = bulk_closing.close(session, day, span=left, limit=2, at=lives.noon(day))
            left = part.left
            self.counts["bulk"] += part.closed
            self.counts.update(part.figures.counts)
        session.expire_all()
        self.counts["singly"] += len(day_loans.waiting(session, day, limit=100))
        singly(session, day)


@pytest.mark.parametrize("seed", range(3))
def test_bulk_and_single_closing_leave_the_same_rows(session, seed):
    first = session.begin_nested()
    lending.live(session, seed, singly)
    one_by_one = lending.stored(session)
    assert checking.check_books(session) == []
    first.rollback()
    session.expire_all()
    bulk = Bulk()

    lending.live(session, seed, bulk)

    assert checking.check_books(session) == []
    for name, rows in lending.stored(session).items():
        assert rows == one_by_one[name], name
    assert bulk.counts["bulk"] > 0
