from __future__ import annotations

from decimal import Decimal

from underwriting import reasons
from underwriting.features import catalogue
from underwriting.reasons import Reason


def test_every_reason_has_a_sentence_in_both_languages():
    assert set(reasons.BOOK) == set(Reason)
    assert all(sentence.zh and sentence.en for sentence in reasons.BOOK.values())


def test_at_most_four_reasons_are_given_each_once():
    found = [Reason.TOO_OLD, Reason.NO_INCOME, Reason.TOO_OLD, Reason.CARD_UNKNOWN,
             Reason.CARD_OF_FUNDER, Reason.RISK_LIMIT]  # fmt: skip

    assert reasons.first_few(found) == (
        Reason.TOO_OLD,
        Reason.NO_INCOME,
        Reason.CARD_UNKNOWN,
        Reason.CARD_OF_FUNDER,
    )


def test_features_that_say_the_same_are_added_before_they_are_ranked():
    # 0.20 + 0.15 of full cards outweigh 0.30 of inquiries; what lowers the risk is no reason.
    contributions = [
        ("inquiries_12m", Decimal("0.30")),
        ("card_utilisation_pct", Decimal("0.20")),
        ("cards_over_75_pct", Decimal("0.15")),
        ("annual_income", Decimal("-0.50")),
    ]

    assert reasons.by_weight(contributions, catalogue.REASONS) == (
        Reason.CARDS_NEARLY_FULL,
        Reason.MANY_INQUIRIES,
    )


def test_parts_of_one_reason_that_cancel_out_are_no_reason():
    contributions = [("total_balance", Decimal("0.10")), ("revolving_balance", Decimal("-0.10"))]

    assert reasons.by_weight(contributions, catalogue.REASONS) == ()
