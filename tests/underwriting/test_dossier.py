from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.underwriting import builders as make
from underwriting import canonical, dossier
from underwriting.dossier import AccountType

MONEY = st.integers(0, 10**10).map(make.Money)


def test_a_dossier_survives_its_spelling():
    told = make.dossier(
        cards=(
            make.card(1, offer=make.offer(12, "900.00", "800.00")),
            make.card(2, account_type=AccountType.UNKNOWN, payable=False, quote=None),
        ),
        watchlist_hits=(make.hit("court"),),
        verified_monthly_income=None,
        employment_months=None,
    )

    assert dossier.from_bytes(told.to_bytes()) == told


@given(
    income=st.none() | MONEY,
    amount=MONEY,
    figures=st.dictionaries(
        st.sampled_from(["inquiries_12m", "debt_to_income_pct", "total_balance"]),
        st.none() | st.decimals(-(10**9), 10**9, places=4),
    ),
)
def test_equal_dossiers_have_equal_bytes(income, amount, figures):
    told = make.dossier(
        stated_monthly_income=income,
        figures=figures,
        cards=(make.card(quote=make.quote(amount=str(amount))),),
    )

    again = dossier.from_bytes(told.to_bytes())

    assert again == told
    assert again.to_bytes() == told.to_bytes()


def test_the_same_figure_written_otherwise_has_the_same_bytes():
    plain = make.dossier(figures={"a": Decimal("1.50")})
    padded = make.dossier(figures={"a": Decimal("1.5000")})

    assert plain.to_bytes() == padded.to_bytes()


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"age": None},
        {"purpose": "holiday"},
        {"essential_costs": "1e3"},
        {"as_of": "2026-11-20T10:00:00"},
        {"cards": [{}]},
        {"cards": None},
        {"figures": {"a": "many"}},
        {"figures": {"a": "1e999999"}},
        {"figures": {"a": "NaN"}},
        {"deceased": "true"},
        {"identity_matches": 1},
        {"employment_months": "60"},
        {"age": "34"},
        {"age": -1},
        {"lender": {}},
    ],
)
def test_bytes_that_are_no_dossier_are_refused(change):
    document = {**canonical.load(make.dossier().to_bytes()), **change}

    with pytest.raises(canonical.Unreadable):
        dossier.from_bytes(canonical.dump(document))


@pytest.mark.parametrize("months", [[], [0], [361], ["12"], [10**9]])
def test_a_lender_without_sensible_terms_is_refused(months):
    document = canonical.load(make.dossier().to_bytes())
    document["lender"]["months"] = months

    with pytest.raises(canonical.Unreadable):
        dossier.from_bytes(canonical.dump(document))


@pytest.mark.parametrize("rate", ["1e-999999", "0.00000000000000000001", "", "five"])
def test_a_daily_rate_of_another_form_is_refused(rate):
    document = canonical.load(make.dossier().to_bytes())
    document["cards"][0]["quote"]["daily_rate"] = rate

    with pytest.raises(canonical.Unreadable):
        dossier.from_bytes(canonical.dump(document))
