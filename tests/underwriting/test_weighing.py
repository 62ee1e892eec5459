from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from underwriting import reasons, weighing
from underwriting.features import catalogue
from underwriting.features.declaration import Sign
from underwriting.reasons import Reason

NAMES = [feature.name for feature in catalogue.BUREAU]


def weighed(figures: dict[str, str], **weights: str) -> tuple[Reason, ...]:
    return weighing.raised(
        [(name, Decimal(weight)) for name, weight in weights.items()],
        {name: Decimal(value) for name, value in figures.items()},
    )


def test_a_figure_that_is_there_is_told_by_the_code_book():
    assert weighed({"inquiries_12m": "9"}, inquiries_12m="0.4") == (Reason.MANY_INQUIRIES,)


def test_a_figure_that_is_missing_is_not_told_as_if_it_were_high():
    assert weighed({}, inquiries_12m="0.4") == (Reason.INFORMATION_MISSING,)


def test_figures_that_are_missing_are_added_up():
    # 0.30 + 0.20 of missing figures outweigh 0.40 of inquiries.
    found = weighed(
        {"inquiries_12m": "9"},
        inquiries_12m="0.40",
        months_since_oldest_instalment="0.30",
        mortgage_accounts="0.20",
    )

    assert found == (Reason.INFORMATION_MISSING, Reason.MANY_INQUIRIES)


def test_a_figure_whose_risk_moves_both_ways_is_told_without_a_judgement():
    # A low balance may raise the score of a model that is free to learn so.
    assert weighed({"total_balance": "10"}, total_balance="0.2") == (Reason.DEBT_BALANCES,)
    assert weighed({"never_delinquent_pct": "100"}, never_delinquent_pct="0.2") == (
        Reason.PAYMENT_RECORD,
    )


def test_a_new_account_is_not_told_as_a_short_history():
    assert weighed({"months_since_newest_account": "1"}, months_since_newest_account="0.2") == (
        Reason.RECENT_ACCOUNT,
    )


def test_what_judges_a_figure_stands_on_one_direction_of_risk():
    for feature in catalogue.CATALOGUE.values():
        if feature.sign is Sign.FREE:
            code = weighing._code(feature.name, {feature.name: feature.high})
            assert code not in weighing.NEUTRAL


@given(
    st.dictionaries(st.sampled_from(NAMES), st.integers(-500, 500), max_size=12),
    st.sets(st.sampled_from(NAMES)),
)
def test_only_what_raised_the_risk_is_told_and_at_most_four(weights, there):
    contributions = [(name, Decimal(weight).scaleb(-3)) for name, weight in weights.items()]
    figures = {name: Decimal(1) for name in there}

    found = weighing.raised(contributions, figures)

    assert len(found) <= reasons.REASONS_MAX
    for code in found:
        assert any(
            weight > 0 and weighing._code(name, figures) is code for name, weight in contributions
        )
