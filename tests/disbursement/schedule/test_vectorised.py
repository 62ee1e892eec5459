"""Many schedules at once are, to the fen, the schedules made one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from disbursement import schedule
from disbursement.schedule import vectorised
from disbursement.schedule.calendar import month_day
from disbursement.schedule.contract import Contract, Method, NotSchedulable
from disbursement.schedule.vectorised import Contracts
from kernel.money import Money
from kernel.rates import Rate

METHODS = [Method.ANNUITY, Method.EQUAL_PRINCIPAL]
VALUE_DATES = st.dates(min_value=date(1900, 1, 1), max_value=date(2900, 1, 1))
USUAL = st.tuples(
    st.integers(1, 100_000_000),
    st.decimals(min_value=0, max_value=60, places=4).map(lambda percent: percent / 100),
    VALUE_DATES,
)
# Billions of yuan at rates of many digits, tiny loans at rates no law allows.
EXTREME = st.tuples(
    st.integers(1, 2**40) | st.integers(1, 20),
    st.sampled_from(
        [
            Decimal(0),
            Decimal("0.00000001"),
            Decimal("0.154"),
            Decimal("0.1234567"),
            Decimal(1000),
            Decimal(1_000_000),
        ]
    ),
    VALUE_DATES,
)


def columns(loans, *, instalments=12, method=Method.ANNUITY):
    return Contracts(
        principal=np.array([fen for fen, _, _ in loans], dtype=np.int64),
        rates=[Rate(annual) for _, annual, _ in loans],
        rate_at=np.arange(len(loans), dtype=np.int64),
        value_date=np.array([day for _, _, day in loans], dtype="datetime64[D]"),
        instalments=instalments,
        method=method,
    )


def one_by_one(loan, *, instalments, method):
    fen, annual, day = loan
    contract = Contract(
        principal=Money(fen),
        annual_rate=Rate(annual),
        instalments=instalments,
        value_date=day,
        first_due=month_day(day, 1, day.day),
        anchor_day=day.day,
        method=method,
    )
    return schedule.build(contract).rows


@given(
    loans=st.lists(USUAL | EXTREME, min_size=1, max_size=8),
    instalments=st.integers(1, 60) | st.just(360),
    method=st.sampled_from(METHODS),
)
@example(loans=[(1, Decimal(0), date(2026, 1, 31))], instalments=2, method=Method.ANNUITY)
@example(loans=[(3, Decimal(0), date(2024, 1, 31))], instalments=2, method=Method.EQUAL_PRINCIPAL)
@example(loans=[(20, Decimal(10**6), date(2026, 1, 1))], instalments=360, method=Method.ANNUITY)
def test_each_row_is_that_of_the_schedule_made_alone(loans, instalments, method):
    made = vectorised.build(columns(loans, instalments=instalments, method=method))

    for place, loan in enumerate(loans):
        alone = one_by_one(loan, instalments=instalments, method=method)
        assert made.rows(place) == alone


def test_more_loans_than_are_worked_on_together():
    day = date(2026, 1, 1)
    loans = [
        (50_000 + 7_919 * k, Decimal(300 + k % 2_100) / 10_000, day + timedelta(days=k % 900))
        for k in range(20_000)
    ]

    made = vectorised.build(columns(loans))

    for place in (0, 1, 8_191, 8_192, 16_383, 16_384, 19_999):
        assert made.rows(place) == one_by_one(loans[place], instalments=12, method=Method.ANNUITY)
    assert (made.principal.sum(axis=0) == [fen for fen, _, _ in loans]).all()
    assert not made.balance[-1].any()


def test_a_half_fen_is_rounded_up_by_exact_fractions():
    # 0.07 yuan in two without interest is 3.5 fen each: 4, then what is left. A float that strays
    # by the least would have made it 3.
    made = vectorised.build(columns([(7, Decimal(0), date(2026, 3, 31))], instalments=2))

    assert made.principal[:, 0].tolist() == [4, 3]


def test_rates_are_shared_by_their_place():
    contracts = replace(
        columns([(1_000_000, Decimal("0.12"), date(2026, 1, 15))] * 3),
        rates=[Rate.percent("12.00"), Rate.percent("6.00")],
        rate_at=np.array([1, 0, 1], dtype=np.int64),
    )

    made = vectorised.build(contracts)

    # The first month of 10,000 yuan: half a per cent, one per cent, half a per cent.
    assert made.interest[0].tolist() == [5_000, 10_000, 5_000]


def test_nothing_makes_nothing():
    made = vectorised.build(columns([]))

    assert made.principal.shape == (12, 0)


LOAN = (1_000_000, Decimal("0.12"), date(2026, 1, 15))


@pytest.mark.parametrize(
    "changes",
    [
        {"principal": np.array([0], dtype=np.int64)},
        {"principal": np.array([-1], dtype=np.int64)},
        {"principal": np.array([2**53], dtype=np.int64)},
        {"principal": np.array([10.5])},
        {"principal": np.array([1, 2], dtype=np.int64)},
        {"principal": np.array([[1]], dtype=np.int64)},
        {"rates": []},
        {"rates": [Rate(Decimal("-0.01"))]},
        {"rate_at": np.array([1], dtype=np.int64)},
        {"rate_at": np.array([-1], dtype=np.int64)},
        {"value_date": np.array(["NaT"], dtype="datetime64[D]")},
        {"value_date": np.array(["2901-01-01"], dtype="datetime64[D]")},
        {"value_date": np.array(["2026-01"], dtype="datetime64[M]")},
        {"instalments": 0},
        {"instalments": 361},
        {"method": Method.FLAT},
    ],
    ids=str,
)
def test_what_cannot_be_made_at_once_is_refused(changes):
    with pytest.raises(NotSchedulable):
        replace(columns([LOAN]), **changes)


def test_more_rows_than_memory_has_room_for_are_refused():
    count = vectorised.ROWS_MAX // 360 + 1
    many = np.ones(count, dtype=np.int64)

    with pytest.raises(NotSchedulable, match="rows"):
        Contracts(
            principal=many,
            rates=[Rate(Decimal("0.12"))],
            rate_at=many - 1,
            value_date=np.full(count, np.datetime64("2026-01-01")),
            instalments=360,
        )


@pytest.mark.parametrize(
    ("fen", "annual"),
    [
        # 2 x 10^13 fen x 10^6 is beyond 2^63.
        (10**13, Decimal(1_000_000)),
        # The rate alone has more digits than fit.
        (100, Decimal("0.1234567890123456789")),
        (100, Decimal(10) ** 20),
    ],
)
def test_products_beyond_sixty_four_bits_are_refused_and_not_wrapped(fen, annual):
    contracts = columns([(fen, annual, date(2026, 1, 15))])

    with pytest.raises(NotSchedulable, match="64 bits"):
        vectorised.build(contracts)
