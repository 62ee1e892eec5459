"""What an agency must never send is found wherever it hides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.personal import check_digit
from origination import minimal_data

FORBIDDEN = [
    ("11010519491231002X", "an ID number"),
    ("see 11010519491231002x.", "an ID number"),
    ("110105194912310028", "an ID number"),
    ("110105-19491231-002X", "an ID number"),
    ("6221559019000001", "a card number"),
    ("card 6221 5590 1900 0001", "a card number"),
    ("6221-5590-1900-0001-234", "a card number"),
    ("６２２１５５９０１９０００００１", "a card number"),
    ("6221\u200b5590\u200b1900\u200b0001", "a card number"),
    ("6221\u00ad559019000001", "a card number"),
    ("6221559019000001234", "a card number"),
    ("a@b", "a mail address"),
    ("写信 zhang.xm@example.com 即可", "a mail address"),
    ("call 13900000001", "a long number"),
    ("62215590190000012345", "a long number"),
]
HARMLESS = [
    "call record BC-R-77",
    "REC-20261119-0001",
    "2026-11-19 10:00:00",
    "承诺3次，履约2次",
    "1234567890",
    "@",
    "1-2-3-4",
    "",
]


@pytest.mark.parametrize(("text", "kind"), FORBIDDEN)
def test_forbidden_data_are_named_by_kind(text, kind):
    assert minimal_data.forbidden_kind(text) == kind


@pytest.mark.parametrize("text", HARMLESS)
def test_a_reference_of_the_agency_is_left_alone(text):
    assert minimal_data.forbidden_kind(text) is None


@given(
    st.from_regex(
        r"[1-9][0-9]{5}(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])[0-9]{3}",
        fullmatch=True,
    ),
    st.sampled_from(["", "no ", "证"]),
    st.sampled_from(["", " ", "号"]),
)
def test_every_id_number_is_found_whatever_stands_around_it(first_17, before, after):
    number = first_17 + check_digit(first_17)

    assert minimal_data.forbidden_kind(f"{before}{number}{after}")


@given(st.text(max_size=300))
def test_any_text_is_judged_without_failing(text):
    minimal_data.forbidden_kind(text)


def test_a_finding_points_at_the_place_and_never_repeats_the_text():
    payload = {"notes": ["fine", {"inner": "6221559019000001"}], "11010519491231002X": "x"}

    found = minimal_data.findings(payload)

    assert [fault.pointer for fault in found] == ["/notes/1/inner", ""]
    assert not any("6221" in fault.detail or "1101" in fault.detail for fault in found)


def test_numbers_are_judged_like_text():
    assert minimal_data.findings({"n": 6221559019000001})[0].pointer == "/n"
    assert minimal_data.findings({"n": 10**5000})[0].pointer == "/n"
    assert minimal_data.findings({"n": 12}) == ()


def test_a_deep_or_long_payload_gives_a_bounded_answer():
    deep: object = "x"
    for _ in range(200):
        deep = [deep]

    assert minimal_data.findings(deep) == ()
    assert len(minimal_data.findings(["a@b"] * 1000)) == minimal_data.FINDINGS_MAX
