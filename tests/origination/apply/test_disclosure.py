"""What the debtor is shown: every cost, the plan by which the loan is booked, and what is worse."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disbursement import late_terms, schedule
from kernel import rates
from kernel.clock import shanghai
from kernel.money import Money
from kernel.rates import Rate
from origination import disclosure
from origination.disclosure import CardLine, Lender, Terms
from underwriting.better_off import Cost

TODAY = date(2026, 11, 20)
CAP = Rate.percent("24.00")
STAYING = Cost(monthly=Money.yuan("2860.00"), total=Money.yuan("41000.00"), months=52)


def line(quoted: str, ceiling: str, last4: str = "4321") -> CardLine:
    return CardLine(
        card_ref=UUID(int=int(last4)),
        issuer_code="CMB",
        last4=last4,
        quoted=Money.yuan(quoted),
        ceiling=Money.yuan(ceiling),
    )


def terms(
    *cards: CardLine, rate: str = "12.00", months: int = 24, value_date: date = TODAY
) -> Terms:
    annual_rate = Rate.percent(rate)
    return Terms(
        lender=Lender(code="huaxin", name="华信消费金融有限公司", licence="consumer_finance"),
        product_code="balance_transfer",
        product_version=1,
        annual_rate=annual_rate,
        months=months,
        penalty=late_terms.penalty(annual_rate, cap=CAP, on=TODAY),
        cards=cards or (line("28528.50", "28600.00"),),
        value_date=value_date,
        valid_until=shanghai(date(2026, 11, 23), 10),
    )


def shown(given_terms: Terms | None = None, *, offers: Cost | None = None) -> disclosure.Disclosure:
    return disclosure.build(given_terms or terms(), staying=STAYING, offers=offers)


def test_every_cost_of_a_loan_is_named_with_both_annual_rates():
    found = json.loads(shown().content)

    # 28,600.00 at 12 % a year over 24 months: 23 instalments of 1,346.30 and one of 1,346.32.
    assert found["principal"] == "28600.00"
    assert (found["instalment"], found["last_instalment"]) == ("1346.30", "1346.32")
    assert found["total_interest"] == "3711.22"
    assert found["total_payments"] == "32311.22"
    # Simple: 12 × 1 %; compound: 1.01^12 - 1 = 12.6825 %; the fen of rounding is far behind.
    assert found["annual_cost"]["simple"].startswith("0.12000")
    assert found["annual_cost"]["irr"].startswith("0.12682")
    assert [cost["item"] for cost in found["costs"]] == ["interest"]
    assert found["no_other_charge"] is True
    assert found["cash_to_debtor"] == "0.00"


def test_paying_late_costs_one_and_a_half_times_the_rate_on_overdue_principal():
    late = json.loads(shown(terms(rate="15.50")).content)["if_late"]

    # 15.5 % × 1.5 = 23.25 %; 1,000.00 for 10 days of 360: 6.458… -> 6.46.
    assert late["rate_percent"] == "23.25"
    assert late["example"] == {"overdue": "1000.00", "days": 10, "cost": "6.46"}
    assert late["compounded"] is False


def test_penalty_interest_never_passes_the_lenders_cap():
    penalty = late_terms.penalty(Rate.percent("16.80"), cap=CAP, on=TODAY)

    # 16.8 % × 1.5 = 25.2 %, cut to 24 %.
    assert penalty.annual_rate == CAP


def test_no_terms_for_late_payment_means_no_offer():
    with pytest.raises(LookupError):
        late_terms.penalty(Rate.percent("12.00"), cap=CAP, on=date(2026, 7, 31))


def test_the_same_terms_give_the_same_bytes_and_others_do_not():
    first, again = shown(), shown()
    dearer = shown(terms(rate="12.01"))

    assert first.content == again.content
    assert first.sha256 == again.sha256
    assert dearer.sha256 != first.sha256


def test_nothing_shown_names_the_debtor_or_his_whole_card():
    text = shown().content.decode()

    assert "4321" in text
    assert not any(len(word) >= 12 and word.isdigit() for word in text.split('"'))


def test_where_the_loan_is_worse_is_said():
    short_offer = Cost(monthly=Money.yuan("2600.00"), total=Money.yuan("32400.00"), months=12)

    points = disclosure.worse_points(shown(offers=short_offer).comparison)

    # Cheaper each month and in total than both, but twelve months longer than the issuer's offer,
    # and it asks for the whole instalment each month.
    assert points == ("longer_against_offers", "whole_instalment")


def test_a_loan_that_costs_more_than_the_issuers_offer_says_so():
    cheap_offer = Cost(monthly=Money.yuan("1300.00"), total=Money.yuan("31200.00"), months=24)

    points = disclosure.worse_points(shown(offers=cheap_offer).comparison)

    assert points == ("monthly_against_offers", "total_against_offers", "whole_instalment")


def test_the_month_from_which_staying_asks_for_less_is_told_and_read_back():
    told = disclosure.build(terms(), staying=STAYING, offers=None, cheaper_from=13)

    document = json.loads(told.content)["comparison"]

    assert document["worse"] == ["later_against_staying", "whole_instalment"]
    assert disclosure.read_comparison(document) == told.comparison
    assert told.comparison.cheaper_from == 13


def test_an_offer_of_before_knows_no_such_month():
    document = json.loads(shown().content)["comparison"]
    del document["cheaper_from"]

    assert disclosure.read_comparison(document).cheaper_from is None


@given(
    quoted=st.integers(min_value=100, max_value=20_000_000),
    buffer=st.integers(min_value=0, max_value=50_000),
    months=st.sampled_from((3, 6, 12, 24, 36)),
    basis_points=st.integers(min_value=1, max_value=2_400),
)
def test_what_is_shown_is_what_is_booked(quoted, buffer, months, basis_points):
    card = line(str(Money(quoted)), str(Money(quoted + buffer)))
    given_terms = terms(card, rate=f"{basis_points // 100}.{basis_points % 100:02d}", months=months)

    found = json.loads(shown(given_terms).content)
    booked = schedule.annuity(
        card.ceiling, annual_rate=given_terms.annual_rate, months=months, value_date=TODAY
    )

    assert [row["total"] for row in found["plan"]] == [str(row.total) for row in booked.rows]
    assert [row["due_on"] for row in found["plan"]] == [
        row.due_on.isoformat() for row in booked.rows
    ]
    assert Decimal(found["annual_cost"]["simple"]) == rates.nominal_apr(booked.flows())
    assert sum((Money.yuan(row["principal"]) for row in found["plan"]), Money(0)) == card.ceiling
