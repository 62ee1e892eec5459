from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.money import Money
from tests.underwriting import builders as make
from underwriting import fraud, policy
from underwriting.policy_rules import Action, Figure

RULES = policy.load("2026-11").added.fraud


def found_in(**changes) -> list[tuple[str, Action]]:
    return [(hit.rule, hit.action) for hit in fraud.look(make.dossier(**changes), RULES)]


def test_an_ordinary_debtor_breaks_no_rule():
    assert found_in() == []


@pytest.mark.parametrize(
    ("figures", "rules"),
    [
        ({"lender_inquiries_7d": 2}, []),
        ({"lender_inquiries_7d": 3}, ["many_lenders_in_a_week"]),
        ({"lender_inquiries_7d": 6}, ["stacking", "many_lenders_in_a_week"]),
        ({"lender_inquiries_30d": 7}, ["many_lenders_in_a_month"]),
        ({"balance_over_verified_pct": 50}, []),
        ({"balance_over_verified_pct": 51}, ["balance_inflated"]),
        ({"ring_size": 6, "ring_agencies": 3}, ["ring_large", "ring_many_agencies"]),
        ({"ring_late_pct": 41}, ["ring_late"]),
        ({"ring_velocity_7d": 5}, ["ring_fast"]),
        ({"ring_card_shared": 0, "ring_device_shared": 1}, []),
        ({"ring_card_shared": 1}, ["card_of_another"]),
        ({"ring_text_people": 6}, ["text_copied"]),
    ],
)
def test_each_rule_finds_what_it_is_there_for(figures, rules):
    told = {name: Decimal(value) for name, value in figures.items()}

    assert [name for name, _ in found_in(figures=told)] == rules


def test_an_income_stated_six_times_over_is_declined():
    assert found_in(
        stated_monthly_income=make.yuan("18000.01"), verified_monthly_income=make.yuan("3000.00")
    ) == [("income_invented", Action.DECLINE)]


@pytest.mark.parametrize("stated", [None, Money(0), make.yuan("90000.00")])
def test_an_income_that_nobody_verified_is_compared_with_nothing(stated):
    assert found_in(stated_monthly_income=stated, verified_monthly_income=None) == []


def test_what_was_found_is_kept_with_its_figure_and_its_bound():
    (hit,) = fraud.look(make.dossier(figures={"ring_size": Decimal(9)}), RULES)

    assert (hit.figure, hit.value, hit.more_than) == (Figure.RING_SIZE, Decimal(9), Decimal(5))


@given(
    figure=st.sampled_from([each for each in Figure if each is not Figure.STATED_OVER_VERIFIED]),
    values=st.tuples(st.integers(0, 1_000), st.integers(0, 1_000)),
)
def test_a_larger_figure_never_breaks_fewer_rules(figure, values):
    low, high = (
        {name for name, _ in found_in(figures={figure.value: Decimal(value)})}
        for value in sorted(values)
    )

    assert low <= high
    assert found_in(figures={figure.value: None}) == []
