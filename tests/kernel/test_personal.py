"""Personal data are checked when made and masked whenever shown."""

from __future__ import annotations

from datetime import date

import pytest

from kernel.personal import CardNumber, Mobile, NationalId, NotPersonal, PersonName, check_digit


def made_id(first_17: str) -> str:
    return first_17 + check_digit(first_17)


def test_the_standard_example_of_an_id_number_is_right():
    # GB 11643: 11010519491231002 has the check digit X.
    assert NationalId.parse("11010519491231002X").born_on == date(1949, 12, 31)


@pytest.mark.parametrize(
    "wrong",
    [
        "110105194912310021",  # check digit
        made_id("99010119900230001"),  # 30 February
        "1101051949123100",  # too short
        "11010519491231002Y",
        "",
    ],
)
def test_a_faulty_id_number_is_refused_without_repeating_it(wrong):
    with pytest.raises(NotPersonal) as refusal:
        NationalId.parse(wrong)

    assert not wrong or wrong not in str(refusal.value)


def test_age_counts_full_years():
    born_2000_06_15 = NationalId.parse(made_id("99010120000615001"))

    assert born_2000_06_15.age_on(date(2026, 6, 14)) == 25
    assert born_2000_06_15.age_on(date(2026, 6, 15)) == 26


@pytest.mark.parametrize(
    "typed", ["13800001111", "138 0000 1111", "１３８００００１１１１", "+8613800001111"]
)
def test_a_mobile_is_read_however_it_is_typed(typed):
    assert Mobile.parse(typed).plain == "13800001111"


@pytest.mark.parametrize("wrong", ["12800001111", "1380000111", "138000011112", "abc"])
def test_what_is_no_mobile_is_refused(wrong):
    with pytest.raises(NotPersonal):
        Mobile.parse(wrong)


def test_luhn_is_a_hint_and_no_condition():
    assert CardNumber.parse("4111 1111 1111 1111").passes_luhn
    assert not CardNumber.parse("4111111111111112").passes_luhn


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Mobile("13800001111"), "Mobile(138****1111)"),
        (NationalId("11010519491231002X"), "NationalId(110***********002X)"),
        (CardNumber("4111111111111111"), "CardNumber(411111******1111)"),
        (PersonName("王小明"), "PersonName(王**)"),
    ],
)
def test_showing_a_value_masks_it(value, shown):
    assert repr(value) == str(value) == f"{value}" == shown


@pytest.mark.parametrize("name", ["王小明", "阿卜杜拉·买买提", "Anna O'Neil"])
def test_names_as_on_id_cards_are_read(name):
    assert PersonName.parse(f"  {name} ").plain == name


@pytest.mark.parametrize("wrong", ["王", "王1", "<b>王小</b>", "x" * 51])
def test_what_is_no_name_is_refused(wrong):
    with pytest.raises(NotPersonal):
        PersonName.parse(wrong)
