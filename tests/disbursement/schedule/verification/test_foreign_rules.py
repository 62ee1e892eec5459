"""Rules of other engines, each worked out by hand."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from disbursement.allocation import Part
from disbursement.schedule.verification import rounding, servicing
from disbursement.schedule.verification.calendars import stepped
from disbursement.schedule.verification.foreign import Carry
from disbursement.schedule.verification.servicing import Account
from disbursement.schedule.verification.unit_periods import UnitPeriod

HALF = Fraction(1, 2)


@pytest.mark.parametrize(
    ("name", "half", "more", "less"),
    [
        ("half_up", 3, 3, 2),
        ("half_even", 2, 3, 2),
        ("half_down", 2, 3, 2),
        ("rounded up", 3, 3, 3),
        ("rounded down", 2, 2, 2),
        ("round using ToEven", 2, 3, 2),
    ],
)
def test_each_way_of_rounding(name, half, more, less):
    by = rounding.named(name)

    values = [by(2 + HALF), by(2 + HALF + Fraction(1, 10)), by(2 + HALF - Fraction(1, 10))]
    assert values == [half, more, less]


def test_rounding_to_a_multiple():
    to_yuan = rounding.to_multiple(rounding.half_even, 100)

    assert [to_yuan(Fraction(n)) for n in (30449, 30450, 30451, 30550)] == [
        30400,
        30400,
        30500,
        30600,
    ]


def test_what_rounding_loses_is_carried_until_it_makes_a_fen():
    carry = Carry()

    # A third of a fen is lost each time.
    assert [carry(Fraction(100, 3)) for _ in range(3)] == [33, 33, 34]


@pytest.mark.parametrize(
    ("unit", "start", "end", "whole", "part"),
    [
        ("1 month", date(1978, 1, 10), date(1978, 2, 10), 1, Fraction(0)),
        ("half month (15 days)", date(1978, 2, 23), date(1978, 3, 1), 0, Fraction(6, 15)),
        ("half month (15 days)", date(1978, 2, 23), date(1978, 3, 16), 1, Fraction(6, 15)),
        ("3 months", date(1978, 5, 23), date(1978, 10, 1), 1, Fraction(39, 90)),
        ("4 weeks", date(1978, 3, 18), date(1978, 4, 20), 1, Fraction(5, 28)),
        ("1 day", date(2023, 10, 26), date(2023, 11, 30), 35, Fraction(0)),
        ("1 year", date(1978, 1, 10), date(1980, 1, 10), 2, Fraction(0)),
        ("1 year", date(1978, 1, 10), date(1979, 1, 20), 1, Fraction(10, 365)),
    ],
)
def test_unit_periods_are_counted_back_from_the_payment(*, unit, start, end, whole, part):
    assert UnitPeriod.read(unit).count(start, end) == (whole, part)


def test_a_missing_day_may_become_the_first_of_the_next_month():
    facts = {"unit": "month", "date_rule": "missing day -> first day of next month"}

    dates = [str(stepped(date(2025, 1, 31), facts, k)) for k in (1, 2, 3)]

    assert dates == ["2025-03-01", "2025-03-31", "2025-05-01"]


def account(**amounts):
    owed = dict.fromkeys(Part, 0) | {Part(name): fen for name, fen in amounts.items()}
    return Account(due_on=date(2026, 2, 1), owed=owed)


EARLY, ON_TIME = date(2026, 1, 20), date(2026, 2, 1)
DUE_FIRST = "DUE_PENALTY_FEE_INTEREST_PRINCIPAL_IN_ADVANCE_PRINCIPAL_PENALTY_FEE_INTEREST"


def paid(row):
    return {part.value: fen for part, fen in row.paid.items() if fen}


def test_before_the_due_date_only_charges_that_are_due_go_before_principal():
    row = account(principal=1000, interest=30, penalty=100)

    servicing.pay(
        row, 500, EARLY, order=servicing.ORDERS[DUE_FIRST], due_charges={Part.PENALTY: 50}
    )

    assert paid(row) == {"penalty": 50, "principal": 450}
    assert row.early == 500


def test_on_the_due_date_everything_goes_before_principal():
    row = account(principal=1000, interest=30, penalty=100)

    servicing.pay(row, 500, ON_TIME, order=servicing.ORDERS[DUE_FIRST], due_charges={})

    assert paid(row) == {"penalty": 100, "interest": 30, "principal": 370}
    assert (row.early, row.late) == (0, 0)
