"""The product of today: level monthly instalments."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disbursement import schedule
from disbursement.schedule.contract import NotSchedulable
from kernel.money import Money
from kernel.rates import Rate

START = date(2026, 1, 15)


def annuity(yuan="10000.00", *, percent="12.00", months=12, value_date=START, first_due=None):
    return schedule.annuity(
        Money.yuan(yuan),
        annual_rate=Rate.percent(percent),
        months=months,
        value_date=value_date,
        first_due=first_due,
    )


@pytest.mark.parametrize(
    ("yuan", "percent", "months", "level", "last", "interest"),
    [
        ("10000.00", "12", 12, "888.49", "888.47", "661.86"),
        ("30000.00", "15.5", 12, "2714.83", "2714.87", "2578.00"),
        ("8888.88", "24", 6, "1586.89", "1586.93", "632.50"),
        ("20000.00", "12", 36, "664.29", "664.16", "3914.31"),
    ],
)
def test_worked_examples_come_out_to_the_fen(*, yuan, percent, months, level, last, interest):
    made = annuity(yuan, percent=percent, months=months)

    assert {str(row.total) for row in made.rows[:-1]} == {level}
    assert str(made.rows[-1].total) == last
    assert str(made.total_interest) == interest
    assert made.total_payments - made.total_interest == made.principal


def test_the_month_end_is_kept_through_a_short_month():
    made = annuity(months=4, value_date=date(2026, 1, 31))

    assert [row.due_on.isoformat() for row in made.rows] == [
        "2026-02-28",
        "2026-03-31",
        "2026-04-30",
        "2026-05-31",
    ]
    assert [row.days for row in made.rows] == [28, 31, 30, 31]


def test_a_leap_february_has_its_29th():
    made = annuity(months=2, value_date=date(2028, 1, 30))

    assert [str(row.due_on) for row in made.rows] == ["2028-02-29", "2028-03-30"]


def test_a_chosen_first_due_date_sets_the_day_of_all_others():
    made = annuity(months=3, value_date=START, first_due=date(2026, 2, 28))

    assert [str(row.due_on) for row in made.rows] == ["2026-02-28", "2026-03-28", "2026-04-28"]


def test_an_irregular_first_period_bears_interest_by_days_over_360():
    made = annuity(value_date=date(2026, 1, 15), first_due=date(2026, 3, 1))

    # 45 days x 12 % / 360 = 1.5 % of 10,000
    assert str(made.rows[0].interest) == "150.00"
    # Discounted to 15 January: 10,000 x 1.015 / (1 + (1 - 1.01^-11)/0.01) = 892.889...
    assert {str(row.total) for row in made.rows[:-1]} == {"892.89"}
    assert made.rows[-1].balance == Money(0)


def test_without_interest_the_parts_are_equal():
    made = annuity("1000.00", percent="0", months=3)

    assert [str(row.total) for row in made.rows] == ["333.33", "333.33", "333.34"]
    assert made.total_interest == Money(0)


def test_one_instalment_takes_everything():
    made = annuity(months=1)

    assert [str(row.total) for row in made.rows] == ["10100.00"]


@pytest.mark.parametrize("fen", [1, 5, 6, 7, 11, 13])
def test_a_principal_too_small_for_its_term_still_ends_at_zero(fen):
    made = schedule.annuity(Money(fen), annual_rate=Rate.percent("12"), months=12, value_date=START)

    assert made.rows[-1].balance == Money(0)
    assert sum(row.principal_fen for row in made.rows) == fen
    assert all(min(row[3:]) >= 0 for row in made.rows)


@pytest.mark.parametrize(
    "terms",
    [
        {"yuan": "0"},
        {"yuan": "-1.00"},
        {"months": 0},
        {"months": 361},
        {"percent": "-0.01"},
        {"first_due": START},
        {"value_date": date(9999, 12, 15)},
        {"value_date": date(9999, 1, 15), "months": 13},
    ],
    ids=str,
)
def test_terms_that_make_no_loan_are_refused(terms):
    with pytest.raises(NotSchedulable):
        annuity(**terms)


@given(
    fen=st.integers(min_value=1, max_value=10**12),
    percent=st.decimals(min_value=0, max_value=400, places=2),
    months=st.integers(min_value=1, max_value=360),
    value_date=st.dates(min_value=date(2000, 1, 1), max_value=date(2100, 1, 1)),
    wait=st.none() | st.integers(min_value=1, max_value=400),
)
def test_principal_sums_to_the_loan_and_balances_chain(*, fen, percent, months, value_date, wait):
    first_due = None if wait is None else date.fromordinal(value_date.toordinal() + wait)

    made = schedule.annuity(
        Money(fen),
        annual_rate=Rate(percent / 100),
        months=months,
        value_date=value_date,
        first_due=first_due,
    )

    balance, earlier = fen, value_date
    for row in made.rows:
        balance -= row.principal_fen
        assert row.balance_fen == balance
        assert min(row[3:]) >= 0
        assert row.due_on > earlier
        assert row.days == (row.due_on - earlier).days
        earlier = row.due_on
    assert balance == 0
    assert len(made.rows) == months
