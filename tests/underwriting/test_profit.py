from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kernel.money import Money
from kernel.rates import Rate
from underwriting import limits, policy, profit
from underwriting.profit import Prospect

RULES = policy.load("2026-11").added.profit
yuan = Money.yuan


def prospect(**changes) -> Prospect:
    facts = {
        "pd": Decimal("0.150000"),
        "income": yuan("8000.00"),
        "elsewhere": yuan("600.00"),
        "lines": yuan("30000.00"),
        "debts": yuan("30000.00"),
        "rules": RULES,
    }
    return Prospect(**{**facts, **changes})


def by_hand(given_: Prospect, principal: int, rate: Rate, months: int) -> Fraction:
    """Work the expected profit out month by month, before costs, in exact fractions of a fen."""
    rules, monthly = given_.rules, Fraction(rate.annual) / 12
    spread = Fraction(rate.annual - rules.funding_rate.annual) / 12
    grown = (1 + monthly) ** months
    instalment = principal * monthly * grown / (grown - 1)
    burden = (instalment + given_.elsewhere.fen) / given_.income.fen
    over = max(Fraction(0), burden - Fraction(rules.burden_free))
    of_term = Fraction(given_.pd) * Fraction(
        min(months, rules.horizon_months), rules.horizon_months
    )
    pd = min(Fraction(1), of_term * (1 + Fraction(rules.burden_gain) * over))
    balance, earned, lost = Fraction(principal), Fraction(0), Fraction(0)
    for month in range(months):
        alive = 1 - pd * month / months
        earned += alive * spread * balance
        reloaded = Fraction(rules.reload) * given_.lines.fen * principal / given_.debts.fen
        lost += pd / months * Fraction(rules.loss_given_default) * (balance + reloaded)
        balance -= instalment - balance * monthly
    return earned - lost


def test_what_a_yuan_earns_and_costs_is_worked_out_in_millionths():
    # 12 % over 12 months: of a yuan 0.551546 are owed on average, at 9.5 % over funding that is
    # 0.052397. A default loses 45 % of what is owed then, and what it would have earned.
    found = profit.margin_and_loss(Rate.percent("12.00"), 12, RULES)

    owed = [(Fraction("1.01") ** 12 - Fraction("1.01") ** t) / (Fraction("1.01") ** 12 - 1)
            for t in range(12)]  # fmt: skip
    spread = Fraction("0.095") / 12
    margin = spread * sum(owed)
    loss = Fraction("0.45") * sum(owed) / 12 + spread * sum(b * t for t, b in enumerate(owed)) / 12
    assert found == (round(margin * 10**6), round(loss * 10**6))
    assert found[0] == 52_397


def test_the_profit_of_a_loan_is_earned_less_lost_less_costs():
    # 10,000.00 at 12 % over 12 months, probability 15 %, of this term 7.5 %: 888.49 a month and
    # 600.00 elsewhere are 18.6 % of 8,000.00, below the free 30 %.
    given_ = prospect()
    found = profit.expected(
        given_, yuan("10000.00"), instalment=yuan("888.49"),
        annual_rate=Rate.percent("12.00"), months=12,
    )  # fmt: skip

    by_months = by_hand(given_, 1_000_000, Rate.percent("12.00"), 12)
    assert found.pd == Decimal("0.075000")
    assert abs(found.profit.fen + 20_00 + 12 * 1_00 - by_months) < 10


def test_a_burden_ten_points_above_the_free_one_raises_the_estimate_by_a_quarter():
    # (2,600.00 + 600.00) / 8,000.00 is 40 %; 15 % over 36 months is whole: 15 % * 1.25
    found = profit.expected(
        prospect(), yuan("80000.00"), instalment=yuan("2600.00"),
        annual_rate=Rate.percent("12.00"), months=36,
    )  # fmt: skip

    assert found.pd == Decimal("0.187500")


def test_a_margin_below_the_expected_loss_is_worth_no_amount():
    given_ = prospect(pd=Decimal("0.270000"))

    assert profit.best_instalment(given_, annual_rate=Rate.percent("9.00"), months=12) == Money(0)


def test_a_risk_that_no_burden_raises_bounds_nothing():
    given_ = prospect(rules=replace(RULES, burden_gain=Decimal(0)))

    assert profit.best_instalment(given_, annual_rate=Rate.percent("12.00"), months=24) is None


CASES = st.builds(
    prospect,
    pd=st.integers(1_000, 270_000).map(lambda n: Decimal(n).scaleb(-6)),
    income=st.integers(200_000, 3_000_000).map(Money),
    elsewhere=st.integers(0, 600_000).map(Money),
    lines=st.integers(500_000, 10_000_000).map(Money),
)
RATES = st.sampled_from([Rate.percent(each) for each in ("9.00", "12.00", "14.40", "16.80")])
MONTHS = st.sampled_from([6, 12, 24, 36])


@settings(max_examples=25, deadline=None)
@given(given_=CASES, rate=RATES, months=MONTHS)
def test_no_other_amount_is_expected_to_earn_more(given_, rate, months):
    best = profit.best_instalment(given_, annual_rate=rate, months=months)
    assert best is not None
    top = limits.affordable(best, annual_rate=rate, months=months).fen
    headroom = profit.headroom(given_, annual_rate=rate, months=months)
    # In millionths the margin is known to a ten-thousandth: where it is just worth it, skip.
    assume(abs(headroom - profit.MILLION) > 500 and headroom < profit.HEADROOM_MAX)
    most = by_hand(given_, top, rate, months) if top else Fraction(0)

    for tried in (*range(100_000, 12_000_001, 1_900_000), top * 19 // 20, top * 21 // 20):
        if tried:
            slack = max(Fraction(50), abs(most) / 1_000)
            assert by_hand(given_, tried, rate, months) <= most + slack


@given(given_=CASES, more=st.integers(0, 2_000_000), rate=RATES, months=MONTHS)
def test_more_income_never_lowers_the_best_amount(given_, more, rate, months):
    richer = replace(given_, income=given_.income + Money(more))

    assert profit.best_instalment(richer, annual_rate=rate, months=months) >= (
        profit.best_instalment(given_, annual_rate=rate, months=months)
    )


@given(given_=CASES, more=st.integers(0, 2_000_000), rate=RATES, months=MONTHS)
def test_more_debt_elsewhere_never_raises_the_best_amount(given_, more, rate, months):
    heavier = replace(given_, elsewhere=given_.elsewhere + Money(more))

    assert profit.best_instalment(heavier, annual_rate=rate, months=months) <= (
        profit.best_instalment(given_, annual_rate=rate, months=months)
    )


@given(given_=CASES, pd=st.integers(1, 999_999), rate=RATES, months=MONTHS)
def test_a_higher_risk_never_has_a_larger_best_amount(given_, pd, rate, months):
    low, high = sorted((given_.pd, Decimal(pd).scaleb(-6)))

    assert profit.best_instalment(
        replace(given_, pd=high), annual_rate=rate, months=months
    ) <= profit.best_instalment(replace(given_, pd=low), annual_rate=rate, months=months)


@given(given_=CASES, rate=RATES, months=MONTHS)
def test_up_to_the_probability_that_is_named_some_amount_is_worth_lending(given_, rate, months):
    most = profit.pd_max(given_, annual_rate=rate, months=months)
    above = replace(given_, pd=min(Decimal(1), most + Decimal("0.000010")))

    if most:
        at = replace(given_, pd=most)
        assert profit.headroom(at, annual_rate=rate, months=months) > profit.MILLION
    assert profit.headroom(above, annual_rate=rate, months=months) <= profit.MILLION + 200


@given(given_=CASES, principals=st.tuples(*[st.integers(100_000, 9_000_000)] * 2), rate=RATES)
def test_the_probability_rises_with_the_burden_and_never_falls_below_its_own(
    given_, principals, rate
):
    def pd(fen: int) -> Decimal:
        instalment = limits.instalment(Money(fen), annual_rate=rate, months=24)
        return profit.expected(
            given_, Money(fen), instalment=instalment, annual_rate=rate, months=24
        ).pd

    low, high = (pd(fen) for fen in sorted(principals))
    assert given_.pd <= low <= high <= 1
