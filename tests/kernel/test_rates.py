"""Rates and the annual cost of cash flows."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal, getcontext, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import rates
from kernel.money import Money
from kernel.rates import DayBasis, NoRate, NotARate, Rate

# The worked example of the central bank: 100,000 borrowed, 1,000 fee up front, 12 x 8,833.30.
OFFICIAL_EXAMPLE = [Money.yuan("99000.00"), *[Money.yuan("-8833.30")] * 12]


def test_the_official_example_costs_12_80_percent_simple_and_13_58_percent_compound():
    simple = rates.nominal_apr(OFFICIAL_EXAMPLE)
    compound = rates.annual_irr(OFFICIAL_EXAMPLE)

    assert simple == Decimal("0.128038")
    assert compound == Decimal("0.135826")


@pytest.mark.parametrize(
    ("months", "monthly_fee_fen", "simple", "compound"),
    [
        # 10,000 in equal parts plus a fee on the opening amount each month.
        (12, 5000, "10.90", "11.46"),
        (12, 6000, "13.03", "13.84"),
        (12, 7500, "16.22", "17.48"),
        (12, 10000, "21.46", "23.70"),
        (3, 6000, "10.77", "11.32"),
        (6, 6000, "12.24", "12.95"),
        (24, 6000, "13.27", "14.10"),
        (36, 6000, "13.17", "14.00"),
    ],
)
def test_a_flat_monthly_fee_has_its_real_rate(months, monthly_fee_fen, simple, compound):
    # A principal divisible by every term keeps the parts equal.
    principal = Money(1_000_000 * 36)
    part = Money(principal.fen // months + monthly_fee_fen * 36)
    flows = [principal, *[-part] * months]

    assert f"{rates.nominal_apr(flows) * 100:.2f}" == simple
    assert f"{rates.annual_irr(flows) * 100:.2f}" == compound


def test_the_direction_of_the_flows_does_not_matter():
    lender = [-money for money in OFFICIAL_EXAMPLE]

    assert rates.annual_irr(lender) == rates.annual_irr(OFFICIAL_EXAMPLE)


def test_dated_flows_are_discounted_by_days_over_365():
    # 1,000 for 73 days, a fifth of a year, and 1,020 back: 1.02^5 - 1 = 0.1040808032
    flows = [
        (date(2026, 1, 1), Money.yuan("1000.00")),
        (date(2026, 1, 1) + timedelta(days=73), Money.yuan("-1020.00")),
    ]

    assert rates.annual_irr_dated(flows) == Decimal("0.104081")


def test_dated_flows_may_come_in_any_order_and_share_a_day():
    start = date(2026, 1, 1)
    flows = [
        (start + timedelta(days=73), Money.yuan("-1020.00")),
        (start, Money.yuan("400.00")),
        (start, Money.yuan("600.00")),
    ]

    assert rates.annual_irr_dated(flows) == Decimal("0.104081")


def test_paying_back_less_than_was_lent_gives_a_negative_rate():
    flows = [Money(10_000), Money(-9_000)]

    assert abs(rates.periodic_irr(flows) + Decimal("0.1")) < Decimal("1e-40")


def test_paying_back_the_same_gives_zero():
    assert rates.nominal_apr([Money(12_000), *[Money(-1_000)] * 12]) == 0


@pytest.mark.parametrize(
    "flows",
    [[], [Money(1)], [Money(1), Money(2)], [Money(0), Money(0)], [Money(1)] * 5_000],
    ids=["none", "one", "one sign", "zeros", "too many"],
)
def test_flows_without_a_rate_are_refused(flows):
    with pytest.raises(NoRate):
        rates.nominal_apr(flows)


def test_flows_that_no_rate_balances_are_refused():
    # 100 - 150 v + 100 v^2 has no real root.
    with pytest.raises(NoRate):
        rates.periodic_irr([Money(100), Money(-150), Money(100)])


def test_a_rate_too_large_to_state_is_refused():
    # Tripled in a day: 3^365 - 1 a year.
    flows = [(date(2026, 1, 1), Money(100)), (date(2026, 1, 2), Money(-300))]

    with pytest.raises(NoRate, match="beyond"):
        rates.annual_irr_dated(flows)


@given(
    fen=st.integers(min_value=10_000, max_value=20_000_000),
    monthly_ppm=st.integers(min_value=1, max_value=50_000),
    months=st.integers(min_value=1, max_value=60),
)
def test_the_rate_that_made_an_annuity_is_found_again(fen, monthly_ppm, months):
    monthly = Decimal(monthly_ppm).scaleb(-6)
    payment = -rates.annuity_payment(Decimal(fen * 10**6), rate=monthly, periods=months)
    # Scaled up so that rounding to fen moves the rate by less than the places compared.
    flows = [Money(fen * 10**6), *[Money(-int(payment))] * months]

    assert abs(rates.nominal_apr(flows) - monthly * 12) <= Decimal("0.000001")


def test_results_do_not_depend_on_the_callers_decimal_context():
    expected = rates.annual_irr(OFFICIAL_EXAMPLE)

    with localcontext() as context:
        context.prec = 5
        found = rates.annual_irr(OFFICIAL_EXAMPLE)

    assert found == expected
    assert getcontext().prec == 28


@pytest.mark.parametrize(
    ("text", "shown", "monthly"),
    [
        ("12.00", "12.00", "0.01"),
        ("0", "0.00", "0"),
        ("15.5", "15.50", None),
        ("7.125", "7.125", None),
    ],
)
def test_a_rate_is_read_and_shown_in_percent(text, shown, monthly):
    rate = Rate.percent(text)

    assert str(rate) == shown
    assert monthly is None or rate.monthly == Decimal(monthly)


@pytest.mark.parametrize("text", ["", "12%", "1e2", "NaN", "１２", ".5", "12.", " 12", "12\n"])
def test_what_is_not_a_percentage_is_refused(text):
    with pytest.raises(NotARate):
        Rate.percent(text)


def test_a_rate_is_a_finite_decimal():
    with pytest.raises(NotARate):
        Rate(Decimal("NaN"))
    with pytest.raises(TypeError):
        Rate(0.12)


def test_a_daily_rate_names_its_basis():
    rate = Rate.percent("15.50")

    # 1,000 overdue ten days at one and a half times the rate: 6.46 by 360 days, 6.37 by 365.
    by_360 = Money.yuan("1000.00").times(rate.daily(DayBasis.D360) * 15)
    by_365 = Money.yuan("1000.00").times(rate.daily(DayBasis.D365) * 15)

    assert (str(by_360), str(by_365)) == ("6.46", "6.37")


def test_a_contract_by_daily_rate_is_365_of_them_a_year():
    assert Rate.per_day("0.05").annual == Decimal("0.1825")


def test_a_level_payment_repays_the_loan():
    payment = rates.annuity_payment(Decimal(10_000), rate=Decimal("0.01"), periods=12)

    assert f"{payment:.2f}" == "-888.49"
    left = rates.future_value(Decimal(10_000), rate=Decimal("0.01"), periods=12, payment=payment)
    assert abs(left) < Decimal("1e-40")


def test_a_level_payment_without_interest_is_an_equal_part():
    assert rates.annuity_payment(Decimal(1200), rate=Decimal(0), periods=12) == -100


@given(
    number=st.integers(min_value=1, max_value=24),
    rate=st.decimals(min_value="0.0001", max_value="0.5", places=4),
    due=st.sampled_from([0, 1]),
)
def test_interest_and_principal_make_up_the_payment(number, rate, due):
    present = Decimal(2000)
    parts = [
        part(present, rate=rate, periods=24, number=number, due=due)
        for part in (rates.interest_part, rates.principal_part)
    ]

    whole = rates.annuity_payment(present, rate=rate, periods=24, due=due)
    assert abs(sum(parts) - whole) < Decimal("1e-20")


def test_a_payment_below_the_interest_never_repays():
    with pytest.raises(NoRate):
        rates.period_count(Decimal(1000), rate=Decimal("0.1"), payment=Decimal(-100))
    with pytest.raises(NoRate):
        rates.period_count(Decimal(1000), rate=Decimal(0), payment=Decimal(0))


@pytest.mark.parametrize("due", [0, 1])
def test_periods_and_rate_are_found_from_the_payment(due):
    present, rate = Decimal(15_000), Decimal("0.007")
    payment = rates.annuity_payment(present, rate=rate, periods=60, due=due)

    periods = rates.period_count(present, rate=rate, payment=payment, due=due)
    found = rates.period_rate(present, periods=60, payment=payment, future=Decimal(0), due=due)

    assert abs(periods - 60) < Decimal("1e-30")
    assert abs(found - rate) < Decimal("1e-30")


def test_present_and_future_value_undo_each_other():
    future = rates.future_value(
        Decimal(-1000), rate=Decimal("0.05"), periods=10, payment=Decimal(-50), due=1
    )

    back = rates.present_value(
        future, rate=Decimal("0.05"), periods=10, payment=Decimal(-50), due=1
    )

    assert abs(back + 1000) < Decimal("1e-40")
    assert rates.present_value(
        Decimal(100), rate=Decimal(0), periods=4, payment=Decimal(-50)
    ) == Decimal(100)


def test_todays_worth_counts_the_first_value_in_full():
    # -100 + 60/1.1 + 60/1.21 = 4.1322...
    worth = rates.net_present_value([Decimal(-100), Decimal(60), Decimal(60)], rate=Decimal("0.1"))

    assert f"{worth:.4f}" == "4.1322"
