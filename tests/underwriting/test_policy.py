from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import law
from kernel.rates import Rate
from underwriting import policy
from underwriting.policy import NoSuchPolicy
from underwriting.policy_reading import PolicyFaulty
from underwriting.policy_rules import Action

CONTENT = (policy.FOLDER / "2026-08.toml").read_bytes()
CARD_RATE = Rate.per_day("0.05")


def test_the_policy_in_force_is_found_by_its_day():
    assert policy.in_force(date(2026, 8, 1)).version == "2026-08"
    assert policy.load("2026-08") == policy.in_force(date(2026, 11, 20))


def test_no_policy_was_in_force_before_the_first():
    with pytest.raises(NoSuchPolicy):
        policy.in_force(date(2026, 7, 31))


def test_an_unknown_version_is_refused():
    with pytest.raises(NoSuchPolicy):
        policy.load("1999-01")


def test_every_price_lies_below_the_card_rate_and_the_law_s_cap():
    caps = law.rule("price_caps", on=date(2026, 11, 20)).values

    for band in policy.load("2026-08").bands:
        assert band.annual_rate < CARD_RATE
        assert band.annual_rate <= Rate.percent(caps["consumer_finance"])


def test_a_list_that_the_policy_does_not_name_puts_a_person_before_it():
    rules = policy.load("2026-08").watchlists

    assert rules.action("sanctions") is Action.DECLINE
    assert rules.action("a list made yesterday") is Action.REVIEW


@given(st.integers(0, 1_000_000), st.integers(0, 1_000_000))
def test_a_higher_risk_never_has_a_cheaper_band_or_a_larger_loan(a, b):
    ours = policy.load("2026-08")
    low, high = (ours.band(Decimal(n).scaleb(-6)) for n in sorted((a, b)))

    if high is not None:
        assert low is not None
        assert low.annual_rate <= high.annual_rate
        assert low.income_multiple >= high.income_multiple


def test_above_the_last_band_nothing_is_lent():
    ours = policy.load("2026-08")
    last = ours.bands[-1]

    assert ours.band(last.pd_max) == last
    assert ours.band(last.pd_max + Decimal("0.000001")) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('haircut_stated = "0.70"', 'haircut_stated = "1.70"'),
        ('haircut_stated = "0.70"', "haircut_stated = 0.70"),
        ('haircut_stated = "0.70"', 'haircut_stated = "NaN"'),
        ('haircut_stated = "0.70"', ""),
        ('haircut_stated = "0.70"', 'haircut_stated = "0.70"\nhaircut_state = "0.7"'),
        ('mismatch = "decline"', 'mismatch = "approve"'),
        ('step = "100.00"', 'step = "0.00"'),
        ("cards_max = 12", "cards_max = 13"),
        ('annual_rate = "12.00"', 'annual_rate = "8.00"'),
        ('income_multiple = "6.00"', 'income_multiple = "9.00"'),
        ('pd_max = "0.140000"', 'pd_max = "0.950000"'),
        ('version = "2026-08"', 'version = "2026-08"\nunknown = 1'),
        ("in_force = 2026-08-01", 'in_force = "2026-08-01"'),
        ('[term]\nsource = "the house"', "[term]"),
        ("[staying]", "[stay]"),
        ('version = "2026-08"', "version = "),
    ],
)
def test_a_faulty_policy_is_refused_whole(old, new):
    text = CONTENT.decode()
    assert old in text

    with pytest.raises(PolicyFaulty):
        policy.parse(text.replace(old, new, 1).encode())
