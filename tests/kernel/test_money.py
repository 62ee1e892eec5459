"""Money is integer fen; nothing is lost between text, arithmetic and text."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.money import FEN_MAX, Money, NotAnAmount

fen = st.integers(min_value=-(10**13), max_value=10**13)
any_fen = st.integers(min_value=-FEN_MAX, max_value=FEN_MAX)


@pytest.mark.parametrize(
    ("text", "expected_fen"),
    [("0", 0), ("0.01", 1), ("12.5", 1250), ("1234.50", 123_450), ("-3.07", -307)],
)
def test_reads_yuan_written_as_text(text, expected_fen):
    assert Money.yuan(text) == Money(expected_fen)


@pytest.mark.parametrize(
    "text", ["", "1.234", "1,234.50", "¥5", "1e3", "01.00", ".5", "5.", "NaN", "１２", " 5", "--1"]
)
def test_refuses_what_is_not_an_amount(text):
    with pytest.raises(NotAnAmount):
        Money.yuan(text)


@pytest.mark.parametrize("wrong", [1.0, "100", True, Decimal(1)])
def test_is_made_of_whole_fen_only(wrong):
    with pytest.raises(TypeError):
        Money(wrong)


def test_refuses_more_than_a_column_holds():
    with pytest.raises(NotAnAmount):
        Money(FEN_MAX) + Money(1)


@pytest.mark.parametrize(
    ("amount", "factor", "expected"),
    [
        ("10000.00", Decimal("0.0005"), "5.00"),
        ("0.01", Decimal("0.5"), "0.01"),  # half a fen goes up
        ("0.03", Decimal("0.5"), "0.02"),
        ("-0.01", Decimal("0.5"), "-0.01"),  # away from zero on both sides
    ],
)
def test_multiplies_half_up_to_the_fen(amount, factor, expected):
    assert Money.yuan(amount).times(factor) == Money.yuan(expected)


@given(any_fen)
def test_text_and_back_is_the_same_amount(number):
    assert Money.yuan(str(Money(number))) == Money(number)


@given(st.lists(fen, max_size=30))
def test_a_total_is_what_the_parts_add_up_to(parts):
    assert Money.total(map(Money, parts)).fen == sum(parts)


@given(fen, st.integers(min_value=1, max_value=10**6))
def test_floor_to_is_the_largest_multiple_not_above(number, step):
    floored = Money(number).floor_to(Money(step))

    assert floored.fen % step == 0
    assert 0 <= number - floored.fen < step


def test_shows_thousands_to_people():
    assert Money.yuan("-1234567.80").grouped == "-1,234,567.80"
