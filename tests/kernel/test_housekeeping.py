"""What has served its time is thrown away, and nothing before."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from kernel import db, housekeeping, ids, jobs
from kernel.records import GivenReply, SignInTry
from tests.kernel import web_builders as make


def tried(at) -> SignInTry:
    return SignInTry(id=ids.new(), login_hash="h", ip="203.0.113.1", at=at, succeeded=False)


def replied(at) -> GivenReply:
    return GivenReply(
        id=ids.new(),
        scope="s",
        key=ids.new().hex,
        request_hash="h",
        status=200,
        headers={},
        body=b"",
        given_at=at,
    )


def count(kind) -> int:
    with db.transaction() as session:
        return session.scalar(select(func.count()).select_from(kind)) or 0


@pytest.mark.parametrize(
    ("make_row", "kept"), [(tried, timedelta(days=1)), (replied, timedelta(days=7))]
)
def test_a_row_is_kept_for_its_time(database, clock, make_row, kept):
    with db.transaction() as session:
        session.add(make_row(clock.now() - kept))
        session.add(make_row(clock.now() - kept - timedelta(seconds=1)))

    with db.transaction() as session:
        gone = housekeeping.throw_away(session, at=clock.now())

    assert gone == 1


def test_no_more_than_the_limit_goes_at_once(database, clock):
    with db.transaction() as session:
        session.add_all(tried(clock.now() - timedelta(days=3)) for _ in range(5))

    with db.transaction() as session:
        gone = housekeeping.throw_away(session, at=clock.now(), limit=2)

    assert (gone, count(SignInTry)) == (2, 3)


def test_the_job_goes_on_until_nothing_is_left(database, clock):
    with db.transaction() as session:
        session.add_all(tried(clock.now() - timedelta(days=3)) for _ in range(7))
        session.add_all(replied(clock.now() - timedelta(days=8)) for _ in range(2))

    done = jobs.run_all(housekeeping.JOBS, make.surroundings(clock))

    assert done == {"housekeeping": 9}
    assert count(SignInTry) == count(GivenReply) == 0
