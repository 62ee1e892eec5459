"""Fees and working days come from dated tables."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from disbursement.matching import fees, working_days
from disbursement.matching.fees import FeeTerms
from kernel.money import Money


def test_the_channel_charges_what_was_agreed():
    terms = fees.agreed("unionpay", on=date(2026, 11, 20))

    assert terms.fee(Money.yuan("20000.00")) == Money.yuan("1.00")


def test_no_terms_are_invented():
    with pytest.raises(fees.NoTermsInForce):
        fees.agreed("unionpay", on=date(2019, 12, 31))
    with pytest.raises(fees.NoTermsInForce):
        fees.agreed("another", on=date(2026, 11, 20))


@given(st.integers(1, 10**12), st.integers(0, 10_000), st.integers(0, 20_000))
def test_the_column_of_fees_is_the_fee_of_each(fen, fixed, share):
    terms = FeeTerms(fixed=Money(fixed), share_millionths=share)

    column = pl.DataFrame({"fen": [fen]}).select(terms.column("fen")).item()

    assert Money(column) == terms.fee(Money(fen))


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 11, 20), True),  # Friday
        (date(2026, 11, 21), False),  # Saturday
        (date(2026, 2, 14), True),  # Saturday worked before Spring Festival
        (date(2026, 2, 16), False),  # Monday off
        (date(2026, 10, 8), True),  # after National Day
        (date(2026, 10, 10), True),  # Saturday worked
        (date(2027, 1, 4), True),  # not announced: a Monday
    ],
)
def test_working_days_follow_the_announced_table(day, works):
    assert working_days.is_working_day(day) is works


def test_days_are_counted_over_a_weekend():
    friday, monday = date(2026, 11, 20), date(2026, 11, 23)

    assert working_days.ahead(friday, 1) == monday
    assert working_days.ahead(friday, 2) == date(2026, 11, 24)
    assert working_days.ahead(monday, -1) == friday
    assert working_days.between(friday, monday) == 1
    assert working_days.between(friday, friday) == 0


@given(st.dates(date(2026, 1, 1), date(2027, 12, 1)), st.integers(1, 15))
def test_going_ahead_passes_that_many_working_days(day, count):
    assert working_days.between(day, working_days.ahead(day, count)) == count
