from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disbursement import schedule
from kernel.money import Money
from kernel.rates import Rate
from tests.underwriting import builders as make
from underwriting import better_off
from underwriting.better_off import Alternatives, Cost

DAY = date(2026, 11, 20)
yuan = Money.yuan


def staying(amount: str, minimum: str, *, rate: str = "0.0005", months_max: int = 60) -> Cost:
    return better_off.staying(
        yuan(amount),
        minimum_due=yuan(minimum),
        daily_rate=Decimal(rate),
        minimum_floor=yuan("50.00"),
        months_max=months_max,
    )


def loan(amount: str, percent: str, months: int) -> Cost:
    made = schedule.annuity(
        yuan(amount), annual_rate=Rate.percent(percent), months=months, value_date=DAY
    )
    return better_off.of_loan(made)


def test_staying_follows_the_minimum_until_the_card_is_cleared():
    # 100.00 at 0.05 % a day, minimum 40 %, floor 50.00; a month is 365/12 days, so 1.520833 %.
    # month 1: owed 100.00 + 1.52 = 101.52, 40 % is 40.61, the floor 50.00 is paid, left 51.52
    # month 2: owed 51.52 + 0.78 = 52.30, 50.00 is paid, left 2.30
    # month 3: owed 2.30 + 0.03 = 2.33, all is paid
    found = staying("100.00", "40.00")

    assert found == Cost(monthly=yuan("50.00"), total=yuan("102.33"), months=3)


def test_the_ratio_of_the_minimum_is_kept_while_staying():
    # month 1: owed 10,000.00 + 152.08 = 10,152.08, a tenth 1,015.21; left 9,136.87
    # month 2: interest 138.96, owed 9,275.83, a tenth 927.58; what is left is paid then
    found = staying("10000.00", "1000.00", months_max=2)

    assert found.monthly == yuan("1000.00")
    assert found.total == yuan("1015.21") + yuan("927.58") + yuan("8348.25")
    assert found.months == 2


def test_what_is_left_after_sixty_months_counts_as_paid_then():
    # The minimum of 1 % is below the interest of 1.52 %: the debt grows all the time.
    found = staying("10000.00", "100.00")

    assert found.months == 60
    assert found.total > yuan("10000.00").times(Decimal("1.3"))


def test_a_card_whose_minimum_is_everything_costs_one_month_of_interest():
    assert staying("1000.00", "1000.00").total == yuan("1015.21")


def test_a_loan_below_both_is_better():
    # 10,000 at 12 % over 12 months: 888.49 a month, 661.86 of interest (domain vectors).
    # Staying with 10 %: 1,000.00 a month and 1,720.26 of interest over 45 months.
    compared = better_off.compare(
        [Alternatives(staying=staying("10000.00", "1000.00"), offer=None)],
        loan("10000.00", "12.00", 12),
    )

    assert compared.loan.monthly == yuan("888.49")
    assert compared.loan.total == yuan("10661.86")
    assert compared.staying.total == yuan("11720.26")
    assert compared.is_better
    assert compared.offers is None


def test_a_longer_loan_may_cost_more_than_staying():
    # 36 months at 12 %: 332.14 a month, but 1,957.15 of interest, more than 1,720.26 by staying.
    compared = better_off.compare(
        [Alternatives(staying=staying("10000.00", "1000.00"), offer=None)],
        loan("10000.00", "12.00", 36),
    )

    assert compared.worse_in == ("total_against_staying",)


def test_a_shorter_loan_may_ask_more_each_month():
    # The minimum is 5 %, 500.00; twelve instalments are 888.49.
    compared = better_off.compare(
        [Alternatives(staying=staying("10000.00", "500.00"), offer=None)],
        loan("10000.00", "12.00", 12),
    )

    assert compared.worse_in == ("monthly_against_staying",)


def test_the_issuer_s_own_offer_must_be_beaten_too():
    own = better_off.taking_offer(yuan("10000.00"), make.offer(12, "873.33", "480.00"))
    compared = better_off.compare(
        [Alternatives(staying=staying("10000.00", "1000.00"), offer=own)],
        loan("10000.00", "12.00", 12),
    )

    assert own.total == yuan("10479.96")
    assert compared.worse_in == ("monthly_against_offers", "total_against_offers")


def test_where_an_offer_says_two_things_the_cheaper_counts():
    # 12 x 900.00 = 10,800.00 by its payments; 10,000.00 + 480.00 by its total.
    assert better_off.taking_offer(
        yuan("10000.00"), make.offer(12, "900.00", "480.00")
    ).total == yuan("10480.00")


def test_a_card_without_an_offer_is_stayed_with_beside_one_that_has_it():
    own = better_off.taking_offer(yuan("5000.00"), make.offer(12, "460.00", "520.00"))
    stays = staying("10000.00", "1000.00")
    compared = better_off.compare(
        [
            Alternatives(staying=staying("5000.00", "500.00"), offer=own),
            Alternatives(staying=stays, offer=None),
        ],
        loan("15000.00", "9.00", 12),
    )

    assert compared.offers is not None
    assert compared.offers.monthly == yuan("1460.00")
    assert compared.offers.total == own.total + stays.total


@given(
    principal=st.integers(100_000, 20_000_000),
    ratio=st.integers(2, 30),
    months=st.sampled_from([6, 12, 24, 36]),
    rates=st.tuples(st.integers(0, 240), st.integers(0, 240)),
)
def test_a_lower_rate_never_turns_the_verdict_against_the_debtor(principal, ratio, months, rates):
    # Rates in tenths of a point: a schedule's rounding, some fen, is below what a tenth changes.
    amount = Money(principal)
    others = [
        Alternatives(staying=staying(str(amount), str(Money(principal * ratio // 100))), offer=None)
    ]
    low, high = (
        better_off.compare(others, loan(str(amount), f"{tenths / 10:.1f}", months)).is_better
        for tenths in sorted(rates)
    )

    assert low or not high


@given(
    principal=st.integers(1, 10_000_000),
    minimum=st.integers(0, 10_000_000),
    floor=st.integers(1, 100_000),
    months_max=st.integers(1, 60),
)
def test_staying_pays_the_debt_back_and_never_less(principal, minimum, floor, months_max):
    found = better_off.staying(
        Money(principal),
        minimum_due=Money(minimum),
        daily_rate=Decimal("0.0005"),
        minimum_floor=Money(floor),
        months_max=months_max,
    )

    assert found.total >= Money(principal)
    assert 1 <= found.months <= months_max
    assert found.monthly <= Money(principal)


@pytest.mark.parametrize("rate", ["0", "0.00035", "0.0005"])
def test_a_dearer_card_never_costs_less_to_stay_with(rate):
    dearer = str(Decimal(rate) + Decimal("0.0001"))

    assert (
        staying("8000.00", "400.00", rate=rate).total
        < staying("8000.00", "400.00", rate=dearer).total
    )


def alternatives(amount: str, minimum: str, *, own: Cost | None = None) -> Alternatives:
    facts = {
        "minimum_due": yuan(minimum),
        "daily_rate": Decimal("0.0005"),
        "minimum_floor": yuan("50.00"),
        "months_max": 60,
    }
    return Alternatives(
        staying=better_off.staying(yuan(amount), **facts),
        offer=own,
        minimums=better_off.minimums(yuan(amount), **facts),
    )


def test_the_month_is_found_from_which_staying_asks_for_less():
    # Minimums of 10 % on 10,000.00: 1,015.21, then 927.58, then 847.51. An instalment of 888.49 is
    # below the second and above the third.
    found = better_off.cheaper_from(
        [alternatives("10000.00", "1000.00")], loan("10000.00", "12.00", 12)
    )

    assert found == 3


def test_a_loan_that_is_repaid_before_the_minimum_falls_below_it_is_never_dearer():
    # The first minimum is 1,015.21 and the loan has no second month.
    found = better_off.cheaper_from(
        [alternatives("10000.00", "1000.00")],
        Cost(monthly=yuan("1000.00"), total=yuan("1000.00"), months=1),
    )

    assert found is None


def test_what_is_paid_while_staying_adds_up_to_what_it_costs():
    stays = alternatives("10000.00", "100.00")

    assert sum(stays.minimums) == stays.staying.total.fen
    assert len(stays.minimums) == stays.staying.months


def test_a_loan_of_twice_the_time_is_borne_and_one_of_more_is_not():
    own = Cost(monthly=yuan("900.00"), total=yuan("10800.00"), months=12)
    card = alternatives("10000.00", "1000.00", own=own)

    def too_long(months: int) -> bool:
        compared = better_off.compare([card], loan("10000.00", "9.00", months))
        return better_off.takes_too_long(compared, longer_max=Decimal("2.00"))

    assert [too_long(months) for months in (12, 24, 36)] == [False, False, True]


def test_every_case_in_which_the_loan_is_worse_is_listed():
    own = Cost(monthly=yuan("900.00"), total=yuan("10800.00"), months=12)
    compared = better_off.compare(
        [alternatives("10000.00", "1000.00", own=own)], loan("10000.00", "9.00", 24)
    )

    found = better_off.losing(replace(compared, cheaper_from=10))

    assert [(case.point.value, case.against, case.months) for case in found] == [
        ("longer", "offers", 12),
        ("cheaper_later", "staying", 10),
        ("whole_instalment", "staying", None),
    ]
