"""Fields accept one spelling on the wire, forgive people, and never let plain data out."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError

from kernel.money import FEN_MAX, Money
from kernel.personal import CardNumber, Mobile, NationalId
from kernel.rates import Rate
from kernel.web.fields import (
    InstantField,
    MoneyField,
    PersonalField,
    RateField,
    TextField,
    TypedMoneyField,
)


def load(field, value):
    return Schema.from_dict({"f": field})().load({"f": value})["f"]


def dump(field, value):
    return Schema.from_dict({"f": field})().dump({"f": value})["f"]


@pytest.mark.parametrize(
    ("text", "fen"), [("0.00", 0), ("0.01", 1), ("1234.50", 123450), ("9999999999999.99", None)]
)
def test_money_on_the_wire_is_a_string_of_two_decimals(text, fen):
    money = load(MoneyField(), text)

    assert fen is None or money == Money(fen)
    assert dump(MoneyField(), money) == text


@pytest.mark.parametrize(
    "value",
    [
        1234.5, 1234, True, None, "", "1234", "1234.5", "1234.500", "01.00", "-1.00", "+1.00",
        "1,234.50", "1e3", " 1.00", "1.00\n", "１.００", "NaN", "Infinity", "1" * 14 + ".00", [], {},
    ],
)  # fmt: skip
def test_any_other_spelling_of_money_is_refused(value):
    with pytest.raises(ValidationError):
        load(MoneyField(), value)


def test_money_outside_its_limits_is_refused():
    field = MoneyField(at_least=Money(100), at_most=Money(200))

    assert [load(field, text) for text in ("1.00", "2.00")] == [Money(100), Money(200)]
    for text in ("0.99", "2.01"):
        with pytest.raises(ValidationError):
            load(field, text)


@given(st.integers(0, 10**15 - 1))
def test_money_survives_the_wire(fen):
    assert load(MoneyField(), dump(MoneyField(), Money(fen))) == Money(fen)


@pytest.mark.parametrize(
    ("typed", "fen"),
    [
        ("8000", 800000), ("8,000", 800000), ("8，000.5", 800050), ("¥8000.50", 800050),
        ("￥ ８０００", 800000), ("8000元", 800000), (" 0.01 ", 1),
    ],
)  # fmt: skip
def test_money_as_people_type_it_is_understood(typed, fen):
    assert load(TypedMoneyField(), typed) == Money(fen)


@pytest.mark.parametrize(
    "typed", ["", "abc", "8.000,50", "1.234", "8 thousand", "١٢", "1e5", "--1"]
)
def test_what_is_no_amount_is_not_guessed_at(typed):
    with pytest.raises(ValidationError):
        load(TypedMoneyField(), typed)


def test_an_amount_beyond_every_account_is_refused_not_crashed():
    with pytest.raises(ValidationError):
        load(TypedMoneyField(), str(FEN_MAX))


@pytest.mark.parametrize("text", ["0.0", "12.00", "18.25", "0.000000000001"])
def test_a_rate_on_the_wire_is_a_string_of_percent(text):
    assert load(RateField(), text) == Rate.percent(text)


@pytest.mark.parametrize("value", [12, 12.0, "12", "12%", "-1.00", "1e2", "", None, "12.", "１.0"])
def test_any_other_spelling_of_a_rate_is_refused(value):
    with pytest.raises(ValidationError):
        load(RateField(), value)


def test_a_rate_is_written_as_it_is_said():
    assert dump(RateField(), Rate.percent("12.00")) == "12.00"


def test_an_instant_needs_its_offset_and_is_shown_in_shanghai():
    at = load(InstantField(), "2026-11-20T02:00:00Z")

    assert at == datetime(2026, 11, 20, 2, tzinfo=UTC)
    assert dump(InstantField(), at) == "2026-11-20T10:00:00+08:00"


@pytest.mark.parametrize(
    "value", ["2026-11-20T02:00:00", "2026-11-20", "", 1763600000, "yesterday"]
)
def test_a_time_without_offset_is_no_instant(value):
    with pytest.raises(ValidationError):
        load(InstantField(), value)


def test_a_line_of_text_is_trimmed():
    assert load(TextField(), "  甲 乙 ") == "甲 乙"


@pytest.mark.parametrize("value", ["", "   ", "x" * 201, "a\nb", "a\0b", "\x1b[31m", 3, None])
def test_what_is_no_line_of_text_is_refused(value):
    with pytest.raises(ValidationError):
        load(TextField(), value)


def test_personal_data_come_in_plain_and_go_out_masked():
    mobile = load(PersonalField(Mobile), "138 0000 0001")

    assert mobile == Mobile("13800000001")
    assert dump(PersonalField(Mobile), mobile) == "138****0001"


@pytest.mark.parametrize("type_", [Mobile, NationalId, CardNumber])
@pytest.mark.parametrize("value", ["", "12345678901", 13800000001, None, "x" * 1000, ["1"], {}])
def test_faulty_personal_data_are_refused_without_being_repeated(type_, value):
    with pytest.raises(ValidationError) as raised:
        load(PersonalField(type_), value)

    assert "12345678901" not in str(raised.value)
