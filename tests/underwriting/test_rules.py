from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from kernel.money import Money
from tests.underwriting import builders as make
from underwriting import budget, policy, rules
from underwriting.dossier import AccountType
from underwriting.policy_rules import Action
from underwriting.reasons import Reason
from underwriting.rules import Finding

POLICY = policy.load("2026-08")
yuan = Money.yuan


def found_in(**changes) -> tuple[Finding, ...]:
    told = make.dossier(**changes)
    return rules.screen(told, POLICY, budget.counted_income(told, POLICY.income))


def test_nothing_is_found_about_an_ordinary_debtor():
    assert found_in() == ()


@pytest.mark.parametrize(
    ("changes", "reason", "action"),
    [
        ({"age": 17, "employment_months": 0}, Reason.TOO_YOUNG, Action.DECLINE),
        ({"age": 61}, Reason.TOO_OLD, Action.DECLINE),
        ({"identity_matches": False}, Reason.IDENTITY_MISMATCH, Action.DECLINE),
        ({"deceased": True}, Reason.IDENTITY_MISMATCH, Action.DECLINE),
        ({"watchlist_hits": (make.hit("fraud"),)}, Reason.CHECKS_NOT_PASSED, Action.DECLINE),
        ({"watchlist_hits": (make.hit("court"),)}, Reason.CHECKS_NOT_PASSED, Action.REVIEW),
        ({"watchlist_hits": (make.hit("other"),)}, Reason.CHECKS_NOT_PASSED, Action.REVIEW),
        ({"verified_monthly_income": yuan("999.99")}, Reason.NO_INCOME, Action.DECLINE),
        (
            {"verified_monthly_income": None, "stated_monthly_income": yuan("1428.00")},
            Reason.NO_INCOME,  # 70 % of it is 999.60
            Action.DECLINE,
        ),
        ({"employment_months": 229}, Reason.EMPLOYMENT_INCONSISTENT, Action.REVIEW),
        ({"has_bureau_file": False, "figures": {}}, Reason.NO_BUREAU_FILE, Action.REVIEW),
        ({"figures": {"never_delinquent_pct": Decimal(101)}}, Reason.FIGURES_INCONSISTENT, Action.REVIEW),
        ({"figures": {"inquiries_12m": Decimal(-1)}}, Reason.FIGURES_INCONSISTENT, Action.REVIEW),
    ],
)  # fmt: skip
def test_each_rule_finds_what_it_is_there_for(changes, reason, action):
    findings = found_in(**changes)

    assert Finding(reason=reason, action=action) in findings


def test_an_income_stated_far_above_the_verified_one_is_looked_at():
    findings = found_in(
        stated_monthly_income=yuan("10000.01"), verified_monthly_income=yuan("5000.00")
    )

    assert findings == (Finding(reason=Reason.INCOME_INCONSISTENT, action=Action.REVIEW),)


@pytest.mark.parametrize("age", [18, 60])
def test_the_bounds_of_age_are_inside(age):
    assert found_in(age=age, employment_months=12) == ()


def test_declines_come_before_reviews():
    findings = found_in(watchlist_hits=(make.hit("court"),), identity_matches=False, age=70)

    assert [finding.action for finding in findings] == [
        Action.DECLINE,
        Action.DECLINE,
        Action.REVIEW,
    ]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"account_type": AccountType.UNKNOWN, "quote": None}, Reason.CARD_UNKNOWN),
        ({"account_type": AccountType.DEBIT, "quote": None}, Reason.CARD_NOT_CREDIT),
        ({"account_type": AccountType.PREPAID, "quote": None}, Reason.CARD_NOT_CREDIT),
        ({"payable": False, "quote": None}, Reason.CARD_NOT_PAYABLE),
        ({"name_matches": False}, Reason.CARD_NAME_MISMATCH),
        ({"issuer_code": "FUNDER"}, Reason.CARD_OF_FUNDER),
        ({"quote": make.quote("0.00")}, Reason.CARD_WITHOUT_DEBT),
        ({"quote": None}, Reason.CARD_QUOTE_EXPIRED),
        (
            {"quote": make.quote(valid_until=make.AT - timedelta(seconds=1))},
            Reason.CARD_QUOTE_EXPIRED,
        ),
    ],
)
def test_a_card_that_cannot_be_cleared_is_left_out_with_its_reason(changes, reason):
    good, bad = make.card(1), make.card(2, **changes)
    told = make.dossier(cards=(bad, good), lender=make.lender(issuer_code="FUNDER"))

    payable, left_out = rules.sort_cards(told, cards_max=12)

    assert payable == (good,)
    assert left_out == (rules.LeftOut(card_ref=bad.card_ref, reason=reason),)


def test_beyond_the_most_the_smallest_debts_are_left_out():
    cards = tuple(make.card(n, f"{n}000.00") for n in range(1, 5))

    payable, left_out = rules.sort_cards(make.dossier(cards=cards), cards_max=3)

    assert [card.card_ref for card in payable] == [make.ref(4), make.ref(3), make.ref(2)]
    assert left_out == (rules.LeftOut(card_ref=make.ref(1), reason=Reason.CARD_ONE_TOO_MANY),)


def test_a_missing_figure_is_no_inconsistency():
    told = make.dossier()

    assert found_in(figures={**told.figures, "inquiries_12m": None}) == ()
    assert replace(told) == told
