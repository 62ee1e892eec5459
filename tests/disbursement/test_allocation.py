"""Where a payment goes."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disbursement import allocation
from disbursement.allocation import Across, Owed, Part, Waterfall
from kernel.money import ZERO, Money


def owed(number, *, fees=0, penalty=0, interest=0, principal=0):
    amounts = {
        Part.FEES: Money(fees),
        Part.PENALTY: Money(penalty),
        Part.INTEREST: Money(interest),
        Part.PRINCIPAL: Money(principal),
    }
    return Owed(number=number, due_on=date(2026, number, 15), amounts=amounts)


def lines(made):
    return [(line.number, line.part.value, line.amount.fen) for line in made.lines]


FEBRUARY = owed(2, fees=5, penalty=10, interest=100, principal=800)
MARCH = owed(3, interest=90, principal=810)


def test_fees_come_before_penalty_interest_and_principal():
    made = allocation.allocate(Money(200), [FEBRUARY])

    assert lines(made) == [
        (2, "fees", 5),
        (2, "penalty", 10),
        (2, "interest", 100),
        (2, "principal", 85),
    ]
    assert made.left == ZERO


def test_the_oldest_instalment_is_paid_first_however_they_are_listed():
    made = allocation.allocate(Money(1000), [MARCH, FEBRUARY])

    assert [line.number for line in made.lines] == [2, 2, 2, 2, 3]
    assert made.paid(Part.INTEREST) == Money(185)


def test_the_order_is_data():
    made = allocation.allocate(Money(1000), [FEBRUARY, MARCH], by=allocation.PRINCIPAL_FIRST)

    assert lines(made) == [(2, "principal", 800), (3, "principal", 200)]


def test_what_finds_nothing_to_pay_is_left():
    made = allocation.allocate(Money(2000), [FEBRUARY, MARCH])

    assert made.left == Money(2000 - 915 - 900)


def test_nothing_is_owed_so_everything_is_left():
    assert allocation.allocate(Money(5), []).left == Money(5)


def test_a_negative_payment_is_refused():
    with pytest.raises(ValueError, match="negative"):
        allocation.allocate(Money(-1), [FEBRUARY])


def test_a_waterfall_names_every_part_once():
    with pytest.raises(ValueError, match="once"):
        Waterfall(parts=(Part.FEES, Part.FEES, Part.INTEREST, Part.PRINCIPAL))


AMOUNTS = st.integers(min_value=0, max_value=10_000)


@given(
    fen=st.integers(min_value=0, max_value=100_000),
    parts=st.permutations(list(Part)),
    across=st.sampled_from(Across),
    items=st.lists(st.tuples(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS), max_size=6),
)
def test_lines_and_rest_add_up_and_nothing_is_paid_twice(*, fen, parts, across, items):
    everything = [
        owed(k, fees=a, penalty=b, interest=c, principal=d)
        for k, (a, b, c, d) in enumerate(items, 1)
    ]
    order = Waterfall(parts=tuple(parts), across=across)

    made = allocation.allocate(Money(fen), everything, by=order)

    assert Money.total(line.amount for line in made.lines) + made.left == Money(fen)
    assert len({(line.number, line.part) for line in made.lines}) == len(made.lines)
    for line in made.lines:
        assert ZERO < line.amount <= everything[line.number - 1].amounts[line.part]
    if made.left:
        assert Money.total(item.total for item in everything) + made.left == Money(fen)
