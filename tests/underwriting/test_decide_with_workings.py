"""Decisions under a policy of the second form."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.money import Money
from tests.underwriting import builders as make
from underwriting import assessments, better_off, decisions, policy
from underwriting.better_off import Worse
from underwriting.decisions import Decision, Outcome
from underwriting.limits import Constraint
from underwriting.policy_rules import Action
from underwriting.reasons import Reason

POLICY = policy.load("2026-11")
yuan = Money.yuan


def decide(scorer=None, **changes) -> Decision:
    return assessments.decide(make.dossier(**changes), POLICY, scorer or make.Says("0.150000"))


def test_an_ordinary_debtor_is_approved_with_everything_the_limit_rests_on():
    found = decide(make.Says("0.150000", bound="0.180000"))

    # 15.5 % of 8,000.00 less the card's minimum of 1,000.00 stay elsewhere; half of the income less
    # those 240.00 is the room; six incomes at a bound of 18 %.
    assert found.outcome is Outcome.APPROVE
    assert found.workings.pd_bound == Decimal("0.180000")
    assert found.workings.inputs.elsewhere == yuan("240.00")
    assert found.workings.inputs.room == yuan("3760.00")
    assert found.workings.inputs.cell == "2"
    assert found.workings.inputs.debts == yuan("10025.00")
    assert found.ceilings[Constraint.RISK] == yuan("48000.00")
    assert set(found.ceilings) == set(Constraint)


def test_a_decision_with_workings_survives_its_spelling():
    for found in (
        decide(),
        decide(make.Says("0.600000")),
        decide(make.Says("0.260000", bound="0.400000")),
        decide(make.MustNotScore(), age=99),
        decide(make.MustNotScore(), figures={"lender_inquiries_7d": Decimal(9)}),
        decide(cards=(make.card(offer=make.offer(12, "950.00", "1400.00")),)),
        decide(make.MustNotScore(), has_bureau_file=False, figures={}),
    ):
        again = decisions.from_bytes(found.to_bytes())
        assert json.loads(found.to_bytes())["format"] == 2
        assert again == found
        assert again.to_bytes() == found.to_bytes()


def test_without_its_workings_a_second_form_decision_is_no_decision():
    document = json.loads(decide().to_bytes())
    del document["workings"]

    with pytest.raises(decisions.Unreadable):
        decisions.from_bytes(decisions.canonical.dump(document))


def test_the_amount_goes_by_the_upper_bound_and_the_price_by_the_estimate():
    sure = decide(make.Says("0.150000", bound="0.150000"), cards=(make.card(1, "60000.00"),))
    unsure = decide(make.Says("0.150000", bound="0.300000"), cards=(make.card(1, "60000.00"),))

    assert sure.band == unsure.band == "B"
    assert sure.ceilings[Constraint.RISK] == yuan("64000.00")
    assert unsure.ceilings[Constraint.RISK] == yuan("32000.00")


def test_a_bound_below_the_estimate_counts_as_the_estimate():
    found = decide(make.Says("0.150000", bound="0.010000"))

    assert found.workings.pd_bound == Decimal("0.150000")


def test_living_costs_below_the_guideline_leave_no_more_room():
    # Half of 2,879.75 is 1,439.88; 4,000.00 less that and the cushion of 400.00 is above the half.
    found = decide(essential_costs=yuan("0.00"), verified_monthly_income=yuan("3000.00"))

    assert found.workings.costs == yuan("1439.88")
    # 3,000.00 - 1,439.88 - 300.00 = 1,260.12, below 1,500.00
    assert found.workings.inputs.room == yuan("1260.12") - found.workings.inputs.elsewhere


def test_stacking_is_declined_before_any_score_and_stands_in_the_decision():
    found = decide(make.MustNotScore(), figures={"lender_inquiries_7d": Decimal(6)})

    assert found.outcome is Outcome.DECLINE
    assert found.reasons == (Reason.MANY_LENDERS_AT_ONCE,)
    assert [(hit.rule, hit.value, hit.action) for hit in found.workings.fraud] == [
        ("stacking", Decimal(6), Action.DECLINE),
        ("many_lenders_in_a_week", Decimal(6), Action.REVIEW),
    ]


def test_a_ring_puts_a_person_before_the_terms():
    found = decide(figures={"ring_size": Decimal(7), "debt_to_income_pct": Decimal(10)})

    assert found.outcome is Outcome.REVIEW
    assert found.reasons == (Reason.DETAILS_SHARED,)
    assert found.has_terms


def test_a_cut_by_the_expected_profit_says_what_weighed():
    found = decide(
        make.Says("0.260000", bound="0.300000"),
        cards=(make.card(1, "26000.00"), make.card(2, "12000.00")),
        lender=make.lender(months=(12,)),
    )

    assert found.binding is Constraint.PROFIT
    assert found.reasons[:2] == (Reason.PRICE_LIMIT, Reason.MANY_INQUIRIES)
    assert found.contributions


def test_the_limit_is_the_largest_of_all_terms_and_the_plan_keeps_to_its_own():
    # Over 12 months profit is largest at 26,667.03; over 24 four incomes are less than profit says.
    found = decide(
        make.Says("0.260000", bound="0.300000"),
        cards=(make.card(1, "26000.00"), make.card(2, "12000.00")),
    )

    assert (found.months, found.workings.inputs.months) == (12, 36)
    assert (found.limit, found.binding) == (yuan("32000.00"), Constraint.RISK)
    assert [card.reason for card in found.left_out] == [Reason.PRICE_LIMIT]


def test_a_missing_figure_that_weighed_is_told_as_missing():
    weights = {"months_since_oldest_instalment": "0.60", "inquiries_12m": "0.10"}

    found = decide(make.Says("0.600000", weights))

    assert found.reasons == (Reason.INFORMATION_MISSING, Reason.MANY_INQUIRIES)


def late(number: int, amount: str, **changes):
    quote = make.quote(amount, days_past_due=40, past_due=yuan("100.00"))
    return make.card(number, quote=quote, **changes)


def test_a_delinquent_card_is_cleared_before_a_larger_saving():
    # Risk carries 24,000.00 at a bound of 18 %: the card past due or the larger one, not both.
    small = make.quote("18000.00", minimum_due="900.00")
    cards = (make.card(1, quote=small), late(2, "9000.00"))

    found = decide(
        make.Says("0.150000", bound="0.180000"),
        verified_monthly_income=yuan("4000.00"),
        essential_costs=yuan("1000.00"),
        cards=cards,
        lender=make.lender(months=(24,)),
    )

    assert [card.card_ref for card in found.chosen] == [make.ref(2)]
    assert [card.reason for card in found.left_out] == [Reason.RISK_LIMIT]


def test_a_delinquent_card_that_the_issuer_spreads_more_cheaply_is_left_with_it():
    cheap = late(1, "10000.00", offer=make.offer(36, "285.00", "260.00"))

    found = decide(cards=(cheap, make.card(2)))

    assert [card.card_ref for card in found.chosen] == [make.ref(2)]
    assert [card.reason for card in found.left_out] == [Reason.NOT_CHEAPER_IN_TOTAL]


def test_a_loan_more_than_twice_as_long_as_the_issuer_s_plan_is_not_offered():
    # 12 instalments of 1,200.00 are dear each month and in total, but soon over.
    dear = make.card(1, offer=make.offer(12, "1200.00", "4400.00"))

    found = decide(make.Says("0.050000"), cards=(dear,), lender=make.lender(months=(36,)))

    assert found.outcome is Outcome.DECLINE
    assert found.reasons == (Reason.TAKES_TOO_LONG,)


def test_where_the_loan_is_worse_is_kept_with_it():
    card = make.card(1, offer=make.offer(12, "950.00", "1400.00"))

    found = decide(cards=(card,), lender=make.lender(months=(24,)))

    # 24 months against twelve; and a minimum that begins at 1,000.00 falls with the balance: in
    # month 10 it is below the instalment.
    assert found.outcome is Outcome.APPROVE
    told = {(case.point, case.against): case.months for case in found.workings.losing}
    assert told[Worse.LONGER, "offers"] == 12
    minimums = better_off.minimums(
        yuan("10000.00"),
        minimum_due=yuan("1000.00"),
        daily_rate=Decimal("0.0005"),
        minimum_floor=yuan("50.00"),
        months_max=60,
    )
    month = told[Worse.CHEAPER_LATER, "staying"]
    assert minimums[month - 2] >= found.instalment.fen > minimums[month - 1]
    assert (Worse.WHOLE_INSTALMENT, "staying") in told


CARDS = st.lists(
    st.tuples(st.integers(100_000, 4_000_000), st.integers(4, 15), st.booleans()),
    min_size=1,
    max_size=4,
).map(
    lambda drawn: tuple(
        make.card(
            n,
            quote=make.quote(
                str(Money(fen)),
                minimum_due=str(Money(fen * pct // 100)),
                days_past_due=35 * is_late,
            ),
        )
        for n, (fen, pct, is_late) in enumerate(drawn)
    )
)
SCORES = st.tuples(st.integers(1, 270_000), st.integers(0, 60_000))
INCOMES = st.integers(150_000, 2_500_000)
TERMS = st.sampled_from([(12,), (24,), (12, 24, 36), (6, 12, 24)])


def limit_of(income: Money, elsewhere: Money, cards, score, months: tuple[int, ...]) -> Decision:  # noqa: PLR0917
    """Decide with debts elsewhere of an amount, whatever the income."""
    replaced = Money.total(card.quote.minimum_due for card in cards)
    told = make.dossier(
        stated_monthly_income=None,
        verified_monthly_income=income,
        figures={"debt_to_income_pct": (elsewhere + replaced).ratio_to(income) * 100},
        cards=cards,
        lender=make.lender(months=months),
    )
    pd, over = score
    says = make.Says(str(Decimal(pd).scaleb(-6)), bound=str(Decimal(pd + over).scaleb(-6)))
    return assessments.decide(told, POLICY, says)


@settings(max_examples=120, deadline=None)
@given(
    cards=CARDS,
    income=INCOMES,
    elsewhere=st.integers(0, 300_000),
    score=SCORES,
    months=TERMS,
)
def test_whatever_is_offered_keeps_every_promise(cards, income, elsewhere, score, months):  # noqa: PLR0917
    found = limit_of(Money(income), Money(elsewhere), cards, score, months)

    assert decisions.from_bytes(found.to_bytes()) == found
    assert found.limit <= max(Money(0), min(found.ceilings.values()))
    assert found.limit.fen % 10_000 == 0
    assert len(found.reasons) <= 4
    assert found.outcome is not Outcome.DECLINE or found.reasons
    if not found.has_terms:
        return
    assert found.principal <= found.limit
    compared = found.comparison
    assert compared.loan.monthly < compared.staying.monthly
    assert compared.loan.total < compared.staying.total
    assert compared.loan.months <= 2 * compared.staying.months
    assert found.workings.expected.pd <= 1


@settings(max_examples=80, deadline=None)
@given(
    cards=CARDS,
    income=INCOMES,
    more=st.integers(0, 1_000_000),
    score=SCORES,
    months=TERMS,
)
def test_more_income_never_lowers_the_limit(cards, income, more, score, months):  # noqa: PLR0917
    elsewhere = Money(50_000)

    before = limit_of(Money(income), elsewhere, cards, score, months)
    after = limit_of(Money(income + more), elsewhere, cards, score, months)

    assert after.limit >= before.limit


@settings(max_examples=80, deadline=None)
@given(
    cards=CARDS,
    income=INCOMES,
    debts=st.tuples(st.integers(0, 400_000), st.integers(0, 400_000)),
    score=SCORES,
    months=TERMS,
)
def test_more_debt_elsewhere_never_raises_the_limit(cards, income, debts, score, months):  # noqa: PLR0917
    less, more = sorted(debts)

    lighter = limit_of(Money(income), Money(less), cards, score, months)
    heavier = limit_of(Money(income), Money(more), cards, score, months)

    assert heavier.limit <= lighter.limit


@settings(max_examples=60, deadline=None)
@given(
    cards=CARDS,
    income=INCOMES,
    elsewhere=st.integers(0, 200_000),
    score=SCORES,
    months=st.sampled_from([(12,), (24,)]),
)
def test_no_other_permitted_set_is_better_for_the_debtor(cards, income, elsewhere, score, months):  # noqa: PLR0917
    found = limit_of(Money(income), Money(elsewhere), cards, score, months)
    if found.annual_rate is None:
        return
    chosen = {card.card_ref for card in found.chosen}
    own = _worth([card for card in cards if card.card_ref in chosen], found)

    for size in range(1, len(cards) + 1):
        for other in combinations(cards, size):
            if _is_permitted(other, cards, found):
                assert _worth(other, found) <= own


def _alternative(card) -> better_off.Cost:
    return better_off.staying(
        card.quote.amount,
        minimum_due=card.quote.minimum_due,
        daily_rate=card.quote.daily_rate,
        minimum_floor=POLICY.staying.minimum_payment_floor,
        months_max=POLICY.staying.months_max,
    )


def _loan(cards, found: Decision) -> better_off.Cost:
    principal = Money.total(card.quote.amount + card.quote.per_diem.times(5) for card in cards)
    made = assessments.terms.schedule.annuity(
        principal,
        annual_rate=found.annual_rate,
        months=found.months,
        value_date=make.AT.date(),
    )
    return better_off.of_loan(made)


def _saving(card, found: Decision) -> Money:
    return _alternative(card).total - _loan([card], found).total


def _worth(cards, found: Decision) -> tuple[int, Money]:
    late_ones = sum(card.quote.days_past_due > 0 for card in cards)
    return late_ones, Money.total(_saving(card, found) for card in cards)


def _is_permitted(cards, all_cards, found: Decision) -> bool:
    """Judge a set of cards by its own schedule, from the rules as they are written."""
    principal = Money.total(card.quote.amount + card.quote.per_diem.times(5) for card in cards)
    loan = _loan(cards, found)
    others = [_alternative(card) for card in cards]
    kept = Money.total(card.quote.minimum_due for card in all_cards if card not in cards)
    return (
        yuan("500.00") <= principal <= found.limit
        and all(_saving(card, found) > Money(0) for card in cards)
        and loan.monthly + kept <= found.workings.inputs.room
        and loan.monthly < Money.total(other.monthly for other in others)
        and loan.total < Money.total(other.total for other in others)
        and loan.months <= 2 * max(other.months for other in others)
    )


def test_the_same_dossier_under_the_first_form_has_no_workings():
    told = make.dossier()

    first = assessments.decide(told, policy.load("2026-08"), make.Says("0.150000"))

    assert first.workings is None
    assert json.loads(first.to_bytes())["format"] == 1
    assert "workings" not in json.loads(first.to_bytes())
    assert replace(first) == first
