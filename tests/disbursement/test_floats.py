"""A float, paid in beforehand, is never overdrawn in the books; other accounts show what is true."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from disbursement import accounts, ledger, positions
from disbursement.positions import NotTreasury
from disbursement.transfers import BelowFloor
from kernel.db import transaction
from kernel.money import Money
from tests.disbursement import builders as make
from tests.disbursement.funding import deposit, draw


def a_float(session, amount: str, *, opening: str = "0.00", by=make.CHECKER) -> None:
    """Have a funder pay in so much, and keep it as a float."""
    funder, _ = make.lender(session)
    positions.state_opening(session, funder, Money.yuan(opening), by=make.CHECKER, at=make.TEN)
    deposit(session, amount)
    accounts.open_all(session, [accounts.in_transit("unionpay")], at=make.TEN)
    positions.keep_as_float(session, funder, by=by, at=make.TEN)


def test_a_float_may_be_drawn_to_nothing_and_not_below_zero(database):
    with transaction() as session:
        a_float(session, "100.00")
        draw(session, "99.99")

    with pytest.raises(BelowFloor), transaction() as session:
        draw(session, "0.02")

    with transaction() as session:
        draw(session, "0.01")
        assert ledger.balance(session, accounts.funding_bank("hxcf")) == Money(0)
        assert ledger.check_books(session) == []


def test_an_account_that_is_no_float_shows_what_its_bank_shows(database):
    with transaction() as session:
        make.lender(session)
        accounts.open_all(session, [accounts.in_transit("unionpay")], at=make.TEN)

        draw(session, "0.01")

        assert ledger.balance(session, accounts.funding_bank("hxcf")) == Money(-1)


def test_only_what_the_books_hold_is_kept_as_a_float_and_only_treasury_says_so(database):
    with transaction() as session:
        make.lender(session)

    with pytest.raises(BelowFloor), transaction() as session:
        a_float(session, "100.00", opening="0.01")
    with pytest.raises(NotTreasury), transaction() as session:
        a_float(session, "100.00", by=make.MAKER)

    with transaction() as session:
        floors = "SELECT floor FROM account WHERE code = 'funding_bank/hxcf'"
        assert session.scalar(text(floors)) == "none"
