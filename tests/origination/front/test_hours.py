"""Nobody is written to at night unless he asked."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.clock import SHANGHAI
from origination import hours


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        ("2026-11-20 07:59:59", "2026-11-20 08:00"),
        ("2026-11-20 08:00", "2026-11-20 08:00"),
        ("2026-11-20 21:59:59", "2026-11-20 21:59:59"),
        ("2026-11-20 22:00", "2026-11-21 08:00"),
        ("2026-12-31 23:30", "2027-01-01 08:00"),
        ("2026-11-20 00:00", "2026-11-20 08:00"),
    ],
)
def test_contact_waits_for_the_hours_of_the_law(asked, allowed):
    assert hours.next_allowed(at(asked)) == at(allowed)


def test_the_first_hour_of_a_day_is_eight():
    assert hours.first_of(date(2026, 11, 21)) == at("2026-11-21 08:00")


@given(
    st.integers(min_value=0, max_value=4 * 366 * 24 * 3600),
    st.timezones(),
)
def test_what_is_allowed_stays_allowed_and_never_lies_before(seconds, zone):
    moment = (at("2026-02-01 00:00") + timedelta(seconds=seconds)).astimezone(zone)

    allowed = hours.next_allowed(moment)

    assert allowed >= moment
    assert hours.next_allowed(allowed) == allowed
    assert 8 <= allowed.astimezone(SHANGHAI).hour <= 21
