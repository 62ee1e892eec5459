"""What a schedule tells about itself."""

from __future__ import annotations

from datetime import date

from disbursement import schedule
from kernel import rates
from kernel.money import Money
from kernel.rates import Rate

MADE = schedule.annuity(
    Money.yuan("10000.00"), annual_rate=Rate.percent("12"), months=12, value_date=date(2026, 1, 15)
)


def test_its_flows_cost_the_contract_rate_when_nothing_else_is_charged():
    assert f"{rates.nominal_apr(MADE.flows()):.4f}" == "0.1200"
    # 1.01^12 - 1 = 12.6825 %
    assert f"{rates.annual_irr(MADE.flows()):.4f}" == "0.1268"
    assert f"{rates.annual_irr_dated(MADE.dated_flows()):.3f}" == "0.127"


def test_it_knows_its_sums_and_its_end():
    assert MADE.instalment == Money.yuan("888.49")
    assert MADE.matures_on == date(2027, 1, 15)
    assert MADE.outstanding == MADE.total_payments == Money.yuan("10661.86")
    assert MADE.due_unpaid(date(2026, 3, 15)) == Money.yuan("1776.98")


def test_amounts_of_a_row_are_money():
    first = MADE.rows[0]

    parts = (first.principal, first.interest, first.fees, first.penalty)
    assert Money.total(parts) == first.total == Money.yuan("888.49")
    assert (first.balance, first.prepaid) == (Money.yuan("9211.51"), Money(0))


def test_the_same_terms_give_the_same_schedule_always():
    again = schedule.annuity(
        Money.yuan("10000.00"),
        annual_rate=Rate.percent("12.00"),
        months=12,
        value_date=date(2026, 1, 15),
    )

    assert repr(again) == repr(MADE)
