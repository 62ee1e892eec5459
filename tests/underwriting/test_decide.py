from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disbursement import schedule
from kernel.clock import business_day
from kernel.money import Money
from kernel.rates import Rate
from tests.underwriting import builders as make
from underwriting import assessments, decisions, policy
from underwriting.decisions import Decision, Outcome
from underwriting.dossier import AccountType
from underwriting.limits import Constraint
from underwriting.reasons import Reason

POLICY = policy.load("2026-08")
BANDS = {band.name: band for band in POLICY.bands}
yuan = Money.yuan


def pd_of(band: str) -> str:
    return str(BANDS[band].pd_max)


def decide(scorer=None, **changes) -> Decision:
    return assessments.decide(make.dossier(**changes), POLICY, scorer or make.Says(pd_of("B")))


def test_an_ordinary_debtor_is_approved_with_terms():
    decision = decide()

    assert decision.outcome is Outcome.APPROVE
    assert decision.reasons == ()
    assert decision.annual_rate == BANDS["B"].annual_rate
    assert decision.months == 12
    assert decision.binding is Constraint.DEBTS
    assert [(card.amount, card.ceiling) for card in decision.chosen] == [
        (yuan("10000.00"), yuan("10025.00"))
    ]
    assert decision.contributions == ()


def test_the_preview_is_the_schedule_the_loan_is_booked_by():
    decision = decide()

    booked = schedule.annuity(
        decision.principal,
        annual_rate=decision.annual_rate,
        months=decision.months,
        value_date=business_day(make.AT),
    )
    assert decision.instalment == booked.instalment
    assert decision.total_interest == booked.total_interest
    assert decision.comparison.loan.total == booked.total_payments


@pytest.mark.parametrize("band", sorted(BANDS))
def test_the_price_follows_the_probability_of_default(band):
    found = decide(make.Says(pd_of(band)), cards=(make.card(1, "6000.00"),))

    assert found.band == band
    assert found.annual_rate == BANDS[band].annual_rate


def test_a_risk_above_the_last_band_is_declined_by_what_weighed():
    weighed = {
        "inquiries_12m": "0.50", "card_utilisation_pct": "0.20", "cards_over_75_pct": "0.35",
        "debt_to_income_pct": "0.10", "total_balance": "0.05", "employment_years": "0.02",
        "annual_income": "-0.30",
    }  # fmt: skip

    found = decide(make.Says("0.600000", weighed))

    assert found.outcome is Outcome.DECLINE
    assert found.reasons == (
        Reason.CARDS_NEARLY_FULL,  # 0.20 + 0.35
        Reason.MANY_INQUIRIES,
        Reason.DEBTS_HIGH_FOR_INCOME,
        Reason.DEBTS_HIGH,
    )
    assert not found.has_terms
    assert found.limit == Money(0)


def test_a_risk_that_nothing_raised_is_declined_as_such():
    assert decide(make.Says("0.600000", {"inquiries_12m": "-0.1"})).reasons == (
        Reason.RISK_TOO_HIGH,
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"age": 17, "employment_months": 0}, Reason.TOO_YOUNG),
        ({"identity_matches": False}, Reason.IDENTITY_MISMATCH),
        ({"deceased": True}, Reason.IDENTITY_MISMATCH),
        ({"watchlist_hits": (make.hit("sanctions"),)}, Reason.CHECKS_NOT_PASSED),
        (
            {"verified_monthly_income": None, "stated_monthly_income": None},
            Reason.NO_INCOME,
        ),
        ({"cards": ()}, Reason.CARD_WITHOUT_DEBT),
        (
            {"cards": (make.card(account_type=AccountType.DEBIT, quote=None),)},
            Reason.CARD_NOT_CREDIT,
        ),
        ({"lender": make.lender(issuer_code="CMB")}, Reason.CARD_OF_FUNDER),
    ],
)
def test_a_hard_rule_declines_before_any_score(changes, reason):
    found = decide(make.MustNotScore(), **changes)

    assert found.outcome is Outcome.DECLINE
    assert found.reasons == (reason,)
    assert found.pd is None
    assert found.model_id is None


def test_at_most_four_reasons_are_given():
    found = decide(
        make.MustNotScore(),
        age=61,
        identity_matches=False,
        watchlist_hits=(make.hit("fraud"),),
        verified_monthly_income=yuan("1.00"),
        lender=make.lender(issuer_code="CMB"),
    )

    assert len(found.reasons) == 4
    assert Reason.CARD_OF_FUNDER not in found.reasons


def test_the_funder_s_own_card_is_left_out_and_the_other_cleared():
    own, other = make.card(1, issuer_code="FUNDER"), make.card(2)

    found = decide(cards=(own, other), lender=make.lender(issuer_code="FUNDER"))

    assert found.outcome is Outcome.APPROVE
    assert [card.card_ref for card in found.chosen] == [other.card_ref]
    assert [(card.card_ref, card.reason) for card in found.left_out] == [
        (own.card_ref, Reason.CARD_OF_FUNDER)
    ]


def test_a_list_for_a_person_leaves_the_terms_for_him_to_approve():
    found = decide(watchlist_hits=(make.hit("court"),))

    assert found.outcome is Outcome.REVIEW
    assert found.reasons == (Reason.CHECKS_NOT_PASSED,)
    assert found.has_terms


def test_no_bureau_file_goes_to_a_person_without_a_score():
    found = decide(make.MustNotScore(), has_bureau_file=False, figures={})

    assert found.outcome is Outcome.REVIEW
    assert found.reasons == (Reason.NO_BUREAU_FILE,)
    assert not found.has_terms


def test_where_a_person_would_look_but_nothing_fits_the_decline_stands():
    found = decide(make.Says("0.600000"), watchlist_hits=(make.hit("court"),))

    assert found.outcome is Outcome.DECLINE


def test_a_price_above_the_lender_s_cap_is_not_charged():
    found = decide(make.Says(pd_of("D")), lender=make.lender(annual_cap=Rate.percent("12.00")))

    assert found.outcome is Outcome.DECLINE
    assert found.reasons == (Reason.NO_PRICE_UNDER_CAP,)


def test_no_card_fits_the_risk_limit():
    # 3,000.00 a month times the lowest multiple is below 30,000.00.
    found = decide(
        make.Says(pd_of("D")),
        verified_monthly_income=yuan("3000.00"),
        stated_monthly_income=yuan("3000.00"),
        essential_costs=yuan("500.00"),
        cards=(make.card(1, "30000.00"),),
    )

    assert found.outcome is Outcome.DECLINE
    assert Reason.NO_CARD_FITS in found.reasons
    assert found.limit < yuan("30000.00")
    assert found.binding in {Constraint.RISK, Constraint.AFFORDABILITY}


def test_a_cut_by_risk_says_what_weighed():
    found = decide(
        make.Says(pd_of("D")),
        verified_monthly_income=yuan("6000.00"),
        essential_costs=yuan("1000.00"),
        figures={"debt_to_income_pct": Decimal(10)},
        cards=(make.card(1, "16000.00"), make.card(2, "12000.00")),
    )

    assert found.outcome is Outcome.APPROVE
    assert found.binding is Constraint.RISK
    assert found.reasons == (Reason.RISK_LIMIT, Reason.MANY_INQUIRIES)
    assert found.contributions
    assert len(found.chosen) == 1
    assert [card.reason for card in found.left_out] == [Reason.RISK_LIMIT]


def test_a_debtor_who_would_not_be_better_off_gets_no_loan():
    found = decide(cards=(make.card(quote=make.quote(minimum_due="300.00")),))

    assert found.outcome is Outcome.DECLINE
    assert found.reasons == (Reason.NOT_CHEAPER_EACH_MONTH,)


def test_a_decision_survives_its_spelling():
    for found in (
        decide(),
        decide(make.Says("0.600000")),
        decide(make.MustNotScore(), age=99),
        decide(cards=(make.card(offer=make.offer(12, "950.00", "1400.00")),)),
    ):
        again = decisions.from_bytes(found.to_bytes())
        assert again == found
        assert again.to_bytes() == found.to_bytes()


@settings(max_examples=150)
@given(
    pd=st.integers(1, 999_999),
    income=st.integers(0, 3_000_000),
    costs=st.integers(0, 1_000_000),
    ratio=st.integers(0, 60),
    debts=st.lists(
        st.tuples(st.integers(1, 5_000_000), st.integers(1, 25)), min_size=1, max_size=3
    ),
)
def test_every_decision_keeps_its_promises(pd, income, costs, ratio, debts):  # noqa: PLR0917
    told = make.dossier(
        verified_monthly_income=Money(income),
        essential_costs=Money(costs),
        figures={"debt_to_income_pct": Decimal(ratio)},
        cards=tuple(
            make.card(
                n, quote=make.quote(str(Money(fen)), minimum_due=str(Money(fen * pct // 100)))
            )
            for n, (fen, pct) in enumerate(debts)
        ),
    )

    found = assessments.decide(told, POLICY, make.Says(str(Decimal(pd).scaleb(-6))))

    assert decisions.from_bytes(found.to_bytes()) == found
    assert len(found.reasons) <= 4
    assert found.outcome is not Outcome.DECLINE or found.reasons
    if found.has_terms:
        assert found.principal == Money.total(card.ceiling for card in found.chosen)
        assert found.principal <= found.limit <= min(found.ceilings.values())
        assert found.limit <= told.lender.principal_max
        assert found.annual_rate <= told.lender.annual_cap
        assert found.comparison.is_better
    else:
        assert found.outcome is Outcome.DECLINE
        assert found.chosen == ()


@settings(max_examples=100)
@given(
    income=st.integers(100_000, 3_000_000),
    more=st.integers(0, 2_000_000),
    debt=st.integers(50_000, 5_000_000),
    pd=st.integers(1, 270_000),
)
def test_adding_income_never_takes_an_approval_away(income, more, debt, pd):
    def outcome(monthly: int) -> Outcome:
        told = make.dossier(
            stated_monthly_income=None,
            verified_monthly_income=Money(monthly),
            figures={"debt_to_income_pct": Decimal(10)},
            cards=(make.card(1, str(Money(debt))),),
        )
        return assessments.decide(told, POLICY, make.Says(str(Decimal(pd).scaleb(-6)))).outcome

    if outcome(income) is Outcome.APPROVE:
        assert outcome(income + more) is Outcome.APPROVE
