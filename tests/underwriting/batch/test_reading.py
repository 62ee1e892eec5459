from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from tests.underwriting import builders as make
from tests.underwriting.batch import world
from underwriting.batch import reading, spelling
from underwriting.batch.parsing import BatchFaulty
from underwriting.batch.reading import read
from underwriting.batch.spelling import frame


def table(**changes: str | None) -> pl.DataFrame:
    """Two dossiers of one card each; changes are made in the second row."""
    made = frame([make.dossier(), make.dossier(cards=(make.card(7, "500.00"),))])
    return made.with_columns(
        [
            pl.Series(name, [made[name][0], value], dtype=pl.String)
            for name, value in changes.items()
        ]
    )


def test_what_was_written_is_read_as_the_same_dossiers():
    dossiers = world.dossiers(4, 200)

    columns = read(frame(dossiers))

    for row, expected in enumerate(dossiers):
        found = columns.dossier(row)
        assert (found.cards, found.lender, found.watchlist_hits) == (
            expected.cards, expected.lender, expected.watchlist_hits,
        )  # fmt: skip
        figures = {name: value for name, value in found.figures.items() if value is not None}
        assert figures == {n: v for n, v in expected.figures.items() if v is not None}
        assert found.verified_monthly_income == expected.verified_monthly_income
        assert found.as_of == expected.as_of


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("application_ref", "17", "no identity"),
        ("application_ref", None, "nothing stands there"),
        ("as_of", "2026-11-20", "no time with its offset"),
        ("as_of", "2026-11-31T10:00:00+08:00", "no such time"),
        ("as_of", "1970-01-01T10:00:00+08:00", "a time between"),
        ("age", "thirty", "no whole number"),
        ("age", "151", "a number from 0 to 150"),
        ("purpose", "holiday", "any of card_debt, consolidation"),
        ("stated_monthly_income", "1e5", "no amount in yuan"),
        ("stated_monthly_income", "8000.005", "no amount in yuan"),
        ("stated_monthly_income", "-1.00", "an amount below zero"),
        ("essential_costs", None, "nothing stands there"),
        ("identity_matches", "yes", "true or false"),
        ("deceased", None, "nothing stands there"),
        ("inquiries_12m", "many", "no number"),
        ("inquiries_12m", "inf", "no number"),
        ("lender_annual_cap", "24 %", "not a rate"),
        ("lender_terms", "12;0", "a month and more"),
        ("lender_principal_min", "-5.00", "below zero"),
        ("card_1_account_type", "debt", "any of credit"),
        ("card_1_amount", "12,50", "no amount in yuan"),
        ("card_1_amount", None, "stands only with card_1_amount"),
        ("card_1_daily_rate", "2", "a fraction from 0 to 1"),
        ("card_1_daily_rate", "NaN", "a fraction from 0 to 1"),
        ("card_1_offer_months", "12", "stands only with card_1_offer_months"),
        ("card_1_payable", None, "with every card"),
        ("card_1_ref", None, "with every card"),
    ],
)
def test_a_value_that_cannot_be_right_is_refused_by_its_row(column, value, why):
    with pytest.raises(BatchFaulty, match=rf"^row 502, \w+: .*{why}"):
        read(table(**{column: value}), first_row=501)


def test_columns_that_are_missing_or_unknown_are_named():
    with pytest.raises(BatchFaulty, match="missing: age"):
        read(table().drop("age"))
    with pytest.raises(BatchFaulty, match="missing: card_1_amount"):
        read(table().drop("card_1_amount"))
    with pytest.raises(BatchFaulty, match="not known: shoe_size"):
        read(table().with_columns(shoe_size=pl.lit("42")))
    with pytest.raises(BatchFaulty, match="not known: annual_income"):
        read(table().with_columns(annual_income=pl.lit("1")))


def test_amounts_are_never_floats():
    with pytest.raises(BatchFaulty, match="never floats"):
        read(table().with_columns(pl.col("essential_costs").cast(pl.Float64)))


def test_typed_columns_are_read_like_text():
    texts = table()
    typed = texts.with_columns(
        pl.col("essential_costs", "card_1_amount").cast(pl.Decimal(12, 2)),
        pl.col("age", "card_1_days_past_due").cast(pl.Int16),
        pl.col("identity_matches", "card_1_payable") == "true",
        pl.col("inquiries_12m").cast(pl.Float64),
        as_of=pl.Series(
            [datetime(2026, 11, 20, 2, tzinfo=UTC)] * 2, dtype=pl.Datetime("ms", "UTC")
        ),
    )

    assert read(typed).dossier(1) == read(texts).dossier(1)


@pytest.mark.parametrize(
    ("text", "fen"), [("0", 0), ("0.5", 50), ("7", 700), ("1234.56", 123456), ("10000000000.01", 1000000000001)]
)  # fmt: skip
def test_an_amount_is_exact(text, fen):
    assert read(table(essential_costs=text)).essential_costs[1] == fen


def test_a_figure_is_the_decimal_that_was_written():
    columns = read(table(debt_to_income_pct="33.33"))

    assert columns.dossier(1).figures["debt_to_income_pct"] == Decimal("33.33")
    assert np.isnan(columns.figures["months_since_oldest_instalment"][1])


def test_a_row_holds_no_more_cards_than_a_table_has():
    many = tuple(make.card(number) for number in range(spelling.CARDS_MAX + 1))

    with pytest.raises(ValueError, match="at most 20 cards"):
        frame([make.dossier(cards=many)])


def test_a_figure_that_is_worked_out_is_no_column():
    assert spelling.is_figure("inquiries_12m")
    assert spelling.is_figure("city_tier")
    assert not spelling.is_figure("annual_income")
    assert not spelling.is_figure("stated_over_verified")
    assert not spelling.is_figure("made_up")
    assert reading.check_names(table().columns) == 1
