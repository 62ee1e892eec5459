from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import law
from kernel.rates import Rate
from underwriting import policy
from underwriting.features import catalogue
from underwriting.policy import NoSuchPolicy
from underwriting.policy_reading import PolicyFaulty
from underwriting.policy_rules import Action, Figure

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


SECOND = (policy.FOLDER / "2026-11.toml").read_bytes()


def test_the_second_form_is_in_force_from_its_day_on():
    assert policy.in_force(date(2026, 11, 23)).version == "2026-08"
    assert policy.in_force(date(2026, 11, 24)).version == "2026-11"


def test_the_first_form_approves_nobody_at_random_and_promises_no_time():
    first = policy.load("2026-08")

    assert first.added is None
    assert first.exploration.share == 0
    assert first.review is None


def test_nobody_is_approved_at_random_until_there_is_a_budget():
    ours = policy.load("2026-11")

    assert ours.exploration.share == 0
    assert not ours.exploration.loss_max_month
    assert ours.review.hours == 72


def test_every_price_of_every_policy_lies_below_the_card_rate():
    for path in policy.FOLDER.glob("*.toml"):
        assert all(band.annual_rate < CARD_RATE for band in policy.parse(path.read_bytes()).bands)


def test_every_figure_of_a_fraud_rule_is_declared_or_worked_out():
    known = set(catalogue.CATALOGUE) | {each.name for each in catalogue.BUREAU}
    worked_out = {Figure.STATED_OVER_VERIFIED, Figure.BALANCE_OVER_VERIFIED_PCT}

    assert {figure.value for figure in set(Figure) - worked_out} <= known


@given(st.integers(0, 1_000_000), st.integers(0, 1_000_000))
def test_a_higher_bound_never_carries_more(a, b):
    ours = policy.load("2026-11").added
    low, high = (ours.cell(Decimal(n).scaleb(-6)) for n in sorted((a, b)))

    if high is not None:
        assert low is not None
        assert low.income_multiple >= high.income_multiple


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("form = 2", "form = 3"),
        ("form = 2", 'form = "2"'),
        ("form = 2", ""),
        ("[profit]", "[profits]"),
        ('figure = "ring_size"', 'figure = "ring_sise"'),
        ('reason = "details_shared"', 'reason = "something"'),
        ('name = "ring_large"', 'name = "stacking"'),
        ('more_than = "5"', "more_than = 5"),
        ('essential_share = "0.50"', 'essential_share = "1.50"'),
        ('essential_share = "0.50"', 'essential_share = "0.5000001"'),
        ('"1.55", "1.20"', '1.55, "1.20"'),
        ('debt_to_income_max = "0.50"', 'debt_to_income_max = "0.50"\nessential_costs_min = "9.00"'),
        ('pd_max = "0.140000"\nannual_rate = "9.00"', 'pd_max = "0.14"\nannual_rate = "9.00"\nincome_multiple = "8.00"'),
        ('bound_max = "0.210000"', 'bound_max = "0.150000"'),
        ('income_multiple = "6.00"', 'income_multiple = "9.00"'),
        ('income_multiple = "2.00"', 'income_multiple = "0.00"'),
        ('bound_max = "1.000000"', 'bound_max = "0.260000"'),
        ('loss_given_default = "0.45"', 'loss_given_default = "0"'),
        ('horizon_months = 24', 'horizon_months = 0'),
        ('reload = "0.10"', 'reload = "NaN"'),
        ('order = "delinquent_first"', 'order = "dearest"'),
        ('longer_max = "2.00"', 'longer_max = "0.90"'),
        ('share = "0"', 'share = "0.06"'),
        ("warn_after_hours = 48", "warn_after_hours = 73"),
    ],
)  # fmt: skip
def test_a_faulty_policy_of_the_second_form_is_refused_whole(old, new):
    text = SECOND.decode()
    assert old in text

    with pytest.raises(PolicyFaulty):
        policy.parse(text.replace(old, new, 1).encode())
