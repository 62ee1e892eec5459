"""Two workers never hold the same row; a dead worker's row comes free; failures end in parking."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy.orm import DeclarativeBase, Mapped

from kernel import claims, db, ids
from kernel.clock import shanghai
from tests.conftest import TODAY

NOON = shanghai(TODAY, 12)


class Apart(DeclarativeBase):
    """Tables of these tests alone, which the house's fixtures need not know."""

    type_annotation_map = db.Base.type_annotation_map


class Errand(claims.Claimable, Apart):
    """A row of work."""

    __tablename__ = "test_errand"

    what: Mapped[str]


@pytest.fixture
def errands(database):
    Apart.metadata.create_all(database)
    yield
    Apart.metadata.drop_all(database)


def put(*names: str) -> list[UUID]:
    made = [Errand(id=ids.new(), what=name) for name in names]
    with db.transaction() as session:
        session.add_all(made)
    return [errand.id for errand in made]


def claim(worker: str, *, at=NOON, limit: int = 10) -> list[str]:
    with db.transaction() as session:
        rows = claims.claim(session, Errand, worker=worker, now=at, seconds=60, limit=limit)
        return [row.what for row in rows]


def later(seconds: int):
    return NOON + timedelta(seconds=seconds)


def test_a_claimed_row_is_nobody_elses(errands):
    put("a", "b")

    assert sorted(claim("w1")) == ["a", "b"]
    assert claim("w2", at=later(59)) == []


def test_a_claim_that_ran_out_is_free_for_another(errands):
    put("a")
    claim("w1")

    assert claim("w2", at=later(60)) == ["a"]


def test_a_claim_takes_no_more_than_its_limit_and_the_condition_allows(errands):
    put("a", "b", "c")

    with db.transaction() as session:
        rows = claims.claim(
            session, Errand, Errand.what != "a", worker="w", now=NOON, seconds=60, limit=1
        )

    assert [row.what for row in rows] in (["b"], ["c"])


def test_rows_that_another_transaction_holds_are_passed_by(errands):
    put("a", "b")

    with db.transaction() as first:
        taken = claims.claim(first, Errand, worker="w1", now=NOON, seconds=60, limit=1)
        other = claim("w2")

    assert {taken[0].what, *other} == {"a", "b"}


def test_many_workers_share_the_rows_without_overlap(errands):
    put(*map(str, range(60)))

    with ThreadPoolExecutor(6) as pool:
        taken = list(pool.map(lambda n: claim(f"w{n}", limit=15), range(6)))

    names = [name for each in taken for name in each]
    assert len(names) == len(set(names))


def test_recording_needs_a_claim_of_ones_own(errands):
    (identity,) = put("a")
    claim("w1")
    claim("w2", at=later(60))

    with db.transaction() as session, pytest.raises(claims.ClaimLost):
        claims.held(session, Errand, identity, worker="w1")
    with db.transaction() as session:
        assert claims.held(session, Errand, identity, worker="w2").what == "a"


def test_a_released_row_forgets_its_failures(errands):
    (identity,) = put("a")
    claim("w1")
    with db.transaction() as session:
        row = claims.held(session, Errand, identity, worker="w1")
        claims.fail(row, now=NOON, retry_seconds=10, park_after=5)
    claim("w1", at=later(10))

    with db.transaction() as session:
        row = claims.held(session, Errand, identity, worker="w1")
        claims.release(row)

    assert (row.failures, row.claimed_until) == (0, None)


def test_the_wait_doubles_with_each_failure_until_the_row_is_parked(errands):
    (identity,) = put("a")
    at = NOON
    waits = []

    for _ in range(3):
        assert claim("w", at=at) == ["a"]
        with db.transaction() as session:
            row = claims.held(session, Errand, identity, worker="w")
            parked = claims.fail(row, now=at, retry_seconds=10, park_after=3)
        waits.append((row.claimed_until - at).total_seconds())
        at = row.claimed_until

    assert waits == [10, 20, 40]
    assert parked
    assert claim("w", at=at + timedelta(days=1)) == []


def test_a_row_waits_out_its_failure_before_the_next_try(errands):
    (identity,) = put("a")
    claim("w")
    with db.transaction() as session:
        row = claims.held(session, Errand, identity, worker="w")
        claims.fail(row, now=NOON, retry_seconds=10, park_after=3)

    assert claim("w", at=later(9)) == []
    assert claim("w", at=later(10)) == ["a"]


def test_a_wait_never_grows_beyond_six_hours(errands):
    row = Errand(id=ids.new(), what="a", failures=500)

    claims.fail(row, now=NOON, retry_seconds=60, park_after=1000)

    assert row.claimed_until - NOON == timedelta(hours=6)


def test_a_person_may_let_a_parked_row_go_on(errands):
    (identity,) = put("a")
    claim("w")
    with db.transaction() as session:
        row = claims.held(session, Errand, identity, worker="w")
        assert claims.fail(row, now=NOON, retry_seconds=10, park_after=1)

    with db.transaction() as session:
        claims.unpark(session.get_one(Errand, identity))

    assert claim("w") == ["a"]
