"""A lease has one holder at a time, and its term tells an old holder that its time is over."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from kernel import db, lease
from kernel.clock import shanghai
from tests.conftest import TODAY

NOON = shanghai(TODAY, 12)


def later(seconds: int):
    return NOON + timedelta(seconds=seconds)


def test_the_first_to_ask_holds_the_first_term(session):
    assert lease.take(session, "scheduler", "a", now=NOON, seconds=10) == 1


def test_a_held_lease_is_not_given_to_another(session):
    lease.take(session, "scheduler", "a", now=NOON, seconds=10)

    assert lease.take(session, "scheduler", "b", now=later(9), seconds=10) is None


def test_a_lapsed_lease_goes_to_another_in_the_next_term(session):
    lease.take(session, "scheduler", "a", now=NOON, seconds=10)

    assert lease.take(session, "scheduler", "b", now=later(10), seconds=10) == 2


def test_the_holder_may_ask_again_and_keeps_its_term(session):
    lease.take(session, "scheduler", "a", now=NOON, seconds=10)

    assert lease.take(session, "scheduler", "a", now=later(5), seconds=10) == 1
    assert lease.take(session, "scheduler", "b", now=later(14), seconds=10) is None


def test_a_holder_that_comes_back_after_its_end_begins_a_new_term(session):
    lease.take(session, "scheduler", "a", now=NOON, seconds=10)

    assert lease.take(session, "scheduler", "a", now=later(60), seconds=10) == 2


def test_leases_of_different_names_do_not_meet(session):
    lease.take(session, "scheduler", "a", now=NOON, seconds=10)

    assert lease.take(session, "relay", "b", now=NOON, seconds=10) == 1


def test_renewing_works_only_for_the_present_term_and_before_its_end(session):
    lease.take(session, "scheduler", "a", now=NOON, seconds=10)

    assert lease.renew(session, "scheduler", term=1, now=later(9), seconds=10)
    assert not lease.renew(session, "scheduler", term=1, now=later(19), seconds=10)
    lease.take(session, "scheduler", "b", now=later(20), seconds=10)
    assert not lease.renew(session, "scheduler", term=1, now=later(21), seconds=10)


def test_a_released_lease_is_free_at_once(session):
    lease.take(session, "scheduler", "a", now=NOON, seconds=10)

    lease.release(session, "scheduler", term=1, now=later(1))

    assert lease.take(session, "scheduler", "b", now=later(1), seconds=10) == 2


def test_an_old_holder_cannot_release_the_new_one(session):
    lease.take(session, "scheduler", "a", now=NOON, seconds=10)
    lease.take(session, "scheduler", "b", now=later(10), seconds=10)

    lease.release(session, "scheduler", term=1, now=later(11))

    assert lease.take(session, "scheduler", "c", now=later(12), seconds=10) is None


def test_writing_under_an_old_term_is_refused(session):
    lease.take(session, "scheduler", "a", now=NOON, seconds=10)
    lease.require(session, "scheduler", term=1)
    lease.take(session, "scheduler", "b", now=later(10), seconds=10)

    with pytest.raises(lease.LeaseLost):
        lease.require(session, "scheduler", term=1)


def test_of_many_who_ask_at_once_one_holds(database):
    def ask(holder: str) -> int | None:
        with db.transaction() as session:
            return lease.take(session, "scheduler", holder, now=NOON, seconds=10)

    with ThreadPoolExecutor(8) as pool:
        terms = list(pool.map(ask, "abcdefgh"))

    assert sorted(term or 0 for term in terms) == [0] * 7 + [1]
