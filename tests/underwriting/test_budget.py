from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from kernel.money import Money
from tests.underwriting import builders as make
from underwriting import budget, policy

RULES = policy.load("2026-08")
yuan = Money.yuan


def test_a_verified_income_counts_in_full():
    found = budget.counted_income(
        make.dossier(verified_monthly_income=yuan("7000.00")), RULES.income
    )

    assert found == budget.Income(monthly=yuan("7000.00"), is_verified=True)


def test_a_stated_income_counts_after_the_haircut():
    told = make.dossier(verified_monthly_income=None, stated_monthly_income=yuan("8000.00"))

    assert budget.counted_income(told, RULES.income) == budget.Income(
        monthly=yuan("5600.00"), is_verified=False
    )


def test_nobody_s_word_counts_as_nothing():
    told = make.dossier(verified_monthly_income=None, stated_monthly_income=None)

    assert budget.counted_income(told, RULES.income).monthly == Money(0)


def test_the_minimum_payments_that_the_loan_replaces_are_taken_out_of_other_debts():
    # 20 % of 8,000.00 is 1,600.00; the card's minimum is 1,000.00, so 600.00 stay elsewhere.
    told = make.dossier(figures={"debt_to_income_pct": Decimal(20)})

    assert budget.debts_elsewhere(told, told.cards, RULES.budget) == yuan("600.00")


def test_minimum_payments_above_the_bureau_s_figure_leave_nothing_elsewhere():
    told = make.dossier(figures={"debt_to_income_pct": Decimal(5)})

    assert budget.debts_elsewhere(told, told.cards, RULES.budget) == Money(0)


def test_an_unknown_ratio_counts_as_the_policy_says():
    # 25 % of 8,000.00 less the minimum of 1,000.00
    told = make.dossier(figures={})

    assert budget.debts_elsewhere(told, told.cards, RULES.budget) == yuan("1000.00")


def test_the_cap_holds_where_costs_are_low():
    found = budget.room(
        yuan("8000.00"),
        essential_costs=yuan("2500.00"),
        elsewhere=yuan("600.00"),
        rules=RULES.budget,
    )

    assert found.for_debts == yuan("4000.00")
    assert found.for_loan == yuan("3400.00")


def test_living_costs_and_the_cushion_hold_where_they_are_high():
    # 8,000.00 - 5,000.00 - 800.00
    found = budget.room(
        yuan("8000.00"), essential_costs=yuan("5000.00"), elsewhere=Money(0), rules=RULES.budget
    )

    assert found.for_debts == yuan("2200.00")


def test_living_costs_below_the_guideline_count_as_the_guideline():
    # 2,000.00 - 960.00 - 200.00 = 840.00, below half of the income
    found = budget.room(
        yuan("2000.00"), essential_costs=Money(0), elsewhere=Money(0), rules=RULES.budget
    )

    assert found.for_debts == yuan("840.00")


@given(
    income=st.integers(0, 10**7).map(Money),
    more=st.integers(0, 10**7).map(Money),
    costs=st.integers(0, 10**6).map(Money),
    elsewhere=st.integers(0, 10**6).map(Money),
)
def test_adding_income_never_lowers_what_may_go_to_the_loan(income, more, costs, elsewhere):
    def left(monthly: Money) -> Money:
        return budget.room(
            monthly, essential_costs=costs, elsewhere=elsewhere, rules=RULES.budget
        ).for_loan

    assert left(income + more) >= left(income)


COSTS = policy.load("2026-11").added.costs


def test_costs_below_the_guideline_count_as_half_of_what_a_head_consumes():
    # 2,879.75 a month, of which half cannot be saved: 1,439.88
    assert budget.essential_costs(make.dossier(essential_costs=yuan("0.00")), COSTS) == yuan(
        "1439.88"
    )


def test_costs_above_the_guideline_count_as_stated():
    assert budget.essential_costs(make.dossier(), COSTS) == yuan("2500.00")


@given(
    tier=st.none() | st.integers(0, 9).map(Decimal),
    heads=st.none() | st.integers(-2, 30).map(Decimal),
)
def test_a_dearer_city_and_more_dependants_never_lower_the_costs(tier, heads):
    def costs(figures) -> Money:
        told = make.dossier(essential_costs=Money(0), figures=figures)
        return budget.essential_costs(told, COSTS)

    found = costs({"city_tier": tier, "dependants": heads})

    assert found >= costs({"city_tier": tier})
    assert costs({"city_tier": Decimal(1)}) >= costs({"city_tier": tier})
    assert found <= yuan("1439.88").times(Decimal("1.55") * Decimal("3.5")) + Money(10)


def test_two_dependants_in_a_large_city_cost_what_the_guideline_says():
    told = make.dossier(
        essential_costs=Money(0), figures={"city_tier": Decimal(1), "dependants": Decimal(2)}
    )

    # 2,879.75 * 0.50 * 1.55 * (1 + 2 * 0.50)
    assert budget.essential_costs(told, COSTS) == yuan("4463.61")
