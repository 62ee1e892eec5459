from __future__ import annotations

from decimal import Decimal

from kernel.money import Money
from underwriting import limit_sentences
from underwriting.ceilings import Change, Input
from underwriting.limits import Constraint


def test_every_constraint_and_every_input_has_its_words():
    assert set(limit_sentences.CONSTRAINTS) == set(Constraint)
    assert set(limit_sentences.INPUTS) == set(Input)


def test_an_income_is_told_with_what_would_hold_the_limit_down_then():
    told = limit_sentences.of_change(
        Change(
            input=Input.STATED_INCOME,
            now=Money.yuan("8000.00"),
            value=Money.yuan("9200.00"),
            limit=Money.yuan("50000.00"),
            binding=Constraint.PRODUCT,
        )
    )

    assert "9,200.00 instead of 8,000.00" in told.en
    assert "额度为 50,000.00 元，受限于产品与法定上限" in told.zh


def test_a_probability_is_told_in_percent():
    told = limit_sentences.of_change(
        Change(
            input=Input.PD_BOUND,
            now=Decimal("0.344523"),
            value=Decimal("0.32"),
            limit=Money.yuan("9100.00"),
            binding=Constraint.DEBTS,
        )
    )

    assert "32.00 % instead of 34.45 %" in told.en
