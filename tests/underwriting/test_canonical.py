from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.clock import shanghai
from underwriting import canonical


def test_keys_are_sorted_and_chinese_stays_readable():
    assert canonical.dump({"b": [1, True, None], "a": "结清"}) == (
        '{"a":"结清","b":[1,true,null]}'.encode()
    )


@pytest.mark.parametrize("value", [Decimal(1), date(2026, 1, 1), {1, 2}, b"x"])
def test_a_value_without_a_canonical_spelling_is_refused(value):
    with pytest.raises(TypeError):
        canonical.dump({"a": value})


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b'{"a":1.5}', b'{"a":1e3}', b'{"a":NaN}', b'{"a":1,"a":2}', b"\xff", b'{"a":'],
)
def test_bytes_that_are_no_document_are_refused(content):
    with pytest.raises(canonical.Unreadable):
        canonical.load(content)


def test_a_document_longer_than_the_limit_is_refused():
    with pytest.raises(canonical.Unreadable):
        canonical.load(b" " * (canonical.TEXT_BYTES_MAX + 1))


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6))
def test_a_number_survives_its_spelling(value):
    text = canonical.decimal_text(value)

    assert Decimal(text) == value
    assert "E" not in text


def test_an_instant_is_spelled_in_utc_and_read_back():
    at = shanghai(date(2026, 11, 20), 10)

    assert canonical.instant_text(at) == "2026-11-20T02:00:00+00:00"
    assert canonical.read_instant(canonical.instant_text(at)) == at


def test_an_instant_without_a_zone_is_refused():
    with pytest.raises(ValueError):
        canonical.read_instant("2026-11-20T02:00:00")
