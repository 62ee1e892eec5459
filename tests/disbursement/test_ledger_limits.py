"""Accounts with a floor, transfers that belong together, and accounts that nobody waits for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from disbursement import accounts, ledger
from disbursement.accounts import NoSuchAccount
from disbursement.ledger import Posting
from disbursement.transfers import BelowFloor, TransferConflict
from kernel import ids
from kernel.clock import shanghai
from kernel.db import transaction
from kernel.money import Money

DAY = date(2026, 11, 20)
NOON = shanghai(DAY, 12)
BANK = "funding_bank/hxcf"
TRANSIT = "in_transit/unionpay"
CAPITAL = "capital/hxcf"
LOAN = accounts.loan_principal(UUID(int=7))


def posting(amount: str = "100.00", debit: str = BANK, credit: str = CAPITAL, **changed) -> Posting:
    event_ref = changed.pop("event_ref", None) or uuid4()
    return Posting(
        **{
            "id": ids.derived(event_ref, "post"),
            "debit": debit,
            "credit": credit,
            "amount": Money.yuan(amount),
            "reason": "example",
            "event_ref": event_ref,
            "value_date": DAY,
        }
        | changed
    )


@pytest.fixture(autouse=True)
def books(database):
    with transaction() as session:
        accounts.open_all(session, [BANK, TRANSIT, CAPITAL, LOAN], at=NOON)
    yield
    with transaction() as session:
        assert ledger.check_books(session) == []


def test_an_account_with_a_floor_does_not_fall_below_it(database):
    with transaction() as session:
        ledger.post(session, posting("10.00", debit=LOAN, credit=TRANSIT), at=NOON)

    with pytest.raises(BelowFloor), transaction() as session:
        ledger.post(session, posting("10.01", debit=BANK, credit=LOAN), at=NOON)

    with transaction() as session:
        assert ledger.balance(session, LOAN) == Money.yuan("10.00")


def test_what_is_refused_for_a_floor_leaves_nothing_behind_though_the_caller_goes_on(session):
    with pytest.raises(BelowFloor):
        ledger.post(session, posting("10.01", debit=BANK, credit=LOAN), at=NOON)

    assert ledger.balance(session, BANK) == Money(0)


def test_transfers_that_belong_together_are_all_posted_or_none(session):
    good, bad = posting("5.00"), posting("7.00", debit=BANK, credit=LOAN)

    with pytest.raises(BelowFloor):
        ledger.post_linked(session, [good, bad], at=NOON)

    assert ledger.balance(session, BANK) == Money(0)
    assert ledger.balance(session, CAPITAL) == Money(0)


def test_transfers_that_belong_together_are_posted_once(session):
    pair = [posting("5.00"), posting("7.00")]

    assert ledger.post_linked(session, pair, at=NOON)
    assert not ledger.post_linked(session, pair, at=NOON)
    assert ledger.balance(session, BANK) == Money.yuan("12.00")


def test_of_transfers_that_belong_together_one_alone_is_no_retry(session):
    one, two = posting("5.00"), posting("7.00")
    ledger.post(session, one, at=NOON)

    with pytest.raises(TransferConflict):
        ledger.post_linked(session, [one, two], at=NOON)

    assert ledger.balance(session, BANK) == Money.yuan("5.00")


def test_a_float_that_may_not_be_overdrawn_is_refused_more_than_it_holds(session):
    accounts.forbid_overdraft(session, BANK, at=NOON)
    ledger.post(session, posting("100.00"), at=NOON)
    ledger.post(session, posting("100.00", debit=TRANSIT, credit=BANK), at=NOON)

    with pytest.raises(BelowFloor):
        ledger.post(session, posting("0.01", debit=TRANSIT, credit=BANK), at=NOON)

    assert ledger.balance(session, BANK) == Money(0)


def test_only_an_account_of_real_money_is_limited_by_a_person(session):
    with pytest.raises(NoSuchAccount):
        accounts.forbid_overdraft(session, CAPITAL, at=NOON)


def test_what_is_set_aside_on_an_account_with_a_floor_cannot_be_taken_twice(database):
    with transaction() as session:
        ledger.post(session, posting("10.00", debit=LOAN, credit=TRANSIT), at=NOON)
        ledger.reserve(session, posting("6.00", debit=BANK, credit=LOAN), at=NOON)

    with pytest.raises(BelowFloor), transaction() as session:
        ledger.post(session, posting("5.00", debit=BANK, credit=LOAN), at=NOON)


def test_a_hundred_takers_cannot_overdraw_an_account_with_a_floor(database):
    with transaction() as session:
        ledger.post(session, posting("10.00", debit=LOAN, credit=TRANSIT), at=NOON)

    def take(_: int) -> bool:
        try:
            with transaction() as session:
                ledger.post(session, posting("1.00", debit=BANK, credit=LOAN), at=NOON)
        except BelowFloor:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        taken = sum(pool.map(take, range(100)))

    assert taken == 10
    with transaction() as session:
        assert ledger.balance(session, LOAN) == Money(0)


CODES = [BANK, TRANSIT, CAPITAL]


def test_a_hot_account_has_no_row_that_its_postings_wait_for(database):
    with transaction() as one, transaction() as two:
        two.execute(text("SET LOCAL lock_timeout = '200ms'"))
        ledger.post(one, posting("1.00", debit=TRANSIT, credit=BANK), at=NOON)
        ledger.post(two, posting("2.00", debit=TRANSIT, credit=BANK), at=NOON)

    with transaction() as session:
        assert ledger.balance(session, BANK) == Money.yuan("-3.00")
