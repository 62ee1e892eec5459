"""The budget is what the debtor states: checked for sense, never judged here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.actors import Actor, Role
from kernel.money import Money
from kernel.moves import MoveRefused
from origination import applicants, budgets
from origination.budgets import AMOUNT_MAX, Budget, BudgetFaulty
from origination.records.applications import ApplicationStatus, IncomeSource
from tests.origination.apply import builders as make
from tests.origination.apply.builders import NOON, by_debtor


def fields(**changes):
    return {
        "monthly_income": "8000.00",
        "income_source": "salary",
        "employment_months": "40",
        "essential_costs": "2500.00",
        **changes,
    }


def pointers(refused):
    return [fault.pointer for fault in refused.value.faults]


def test_a_budget_is_read_from_text():
    budget = budgets.parse(fields())

    assert budget == Budget(
        monthly_income=Money.yuan("8000.00"),
        income_source=IncomeSource.SALARY,
        employment_months=40,
        essential_costs=Money.yuan("2500.00"),
    )


@pytest.mark.parametrize("written", ["８０００", "8,000.00", " 8000 ", "¥8000", "8000元"])
def test_the_usual_ways_of_writing_an_amount_are_understood(written):
    assert budgets.parse(fields(monthly_income=written)).monthly_income == Money.yuan("8000.00")


@pytest.mark.parametrize(
    "written", [8000, 8000.5, "8000.005", "-1.00", "1e6", "NaN", "", None, "a lot", True, ["1"]]
)
def test_an_amount_that_is_no_plain_text_of_yuan_is_refused(written):
    with pytest.raises(BudgetFaulty) as refused:
        budgets.parse(fields(monthly_income=written))

    assert "/monthly_income" in pointers(refused)


def test_every_fault_is_named_at_once():
    with pytest.raises(BudgetFaulty) as refused:
        budgets.parse(
            fields(
                monthly_income=1.5,
                essential_costs="x",
                income_source="lottery",
                employment_months="soon",
            )
        )

    assert set(pointers(refused)) == {
        "/monthly_income",
        "/essential_costs",
        "/income_source",
        "/employment_months",
    }


@pytest.mark.parametrize("amount", [Money(-1), AMOUNT_MAX + Money(1), Money(10**18)])
def test_negative_and_huge_amounts_are_refused_by_the_value_itself(amount):
    with pytest.raises(BudgetFaulty):
        Budget(
            monthly_income=amount,
            income_source=IncomeSource.SALARY,
            employment_months=None,
            essential_costs=Money(0),
        )


@pytest.mark.parametrize("months", [-1, 721, "-5", "9999999999", True])
def test_months_in_work_are_those_of_a_life(months):
    with pytest.raises(BudgetFaulty):
        budgets.parse(fields(employment_months=months))


def test_an_income_without_a_source_contradicts_itself():
    with pytest.raises(BudgetFaulty) as refused:
        budgets.parse(fields(income_source="none"))

    assert pointers(refused) == ["/income_source"]


def test_no_income_at_all_is_written_down_and_decided_later(session):
    application = make.filled_in(
        session, household=budgets.parse(fields(monthly_income="0", income_source="none"))
    )

    assert application.stated_monthly_income == Money(0)
    assert application.status is ApplicationStatus.BUDGET_ENTERED


def test_a_budget_may_be_corrected_until_it_is_submitted(session):
    application = make.filled_in(session)

    budgets.enter(session, application, make.budget("9000.00"), by=by_debtor(application), at=NOON)

    assert application.stated_monthly_income == Money.yuan("9000.00")
    assert application.status is ApplicationStatus.BUDGET_ENTERED


def test_a_budget_is_fixed_once_submitted(session):
    application = make.submitted(session)

    with pytest.raises(MoveRefused):
        budgets.enter(session, application, make.budget(), by=by_debtor(application), at=NOON)


def test_a_budget_comes_after_the_cards(session):
    application = make.consented(session)

    with pytest.raises(MoveRefused):
        budgets.enter(session, application, make.budget(), by=by_debtor(application), at=NOON)


def test_nobody_states_a_budget_for_the_debtor(session):
    application = make.filled_in(session)

    with pytest.raises(applicants.OnlyTheDebtor):
        budgets.enter(
            session, application, make.budget(), by=Actor(Role.AGENCY, "beichen"), at=NOON
        )


@given(st.dictionaries(st.text(max_size=20), st.text() | st.integers() | st.floats() | st.none()))
def test_whatever_is_sent_is_read_or_refused(sent):
    try:
        read = budgets.parse(sent)
    except BudgetFaulty:
        return
    assert isinstance(read, Budget)


@given(st.text(max_size=40))
def test_whatever_is_written_as_an_amount_is_read_or_refused(written):
    try:
        read = budgets.parse(fields(monthly_income=written)).monthly_income
    except BudgetFaulty:
        return
    assert 0 <= read.fen <= AMOUNT_MAX.fen
