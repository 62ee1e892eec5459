from __future__ import annotations

import csv
import gzip
from datetime import date
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from tests.underwriting.models.rows import small_spec
from underwriting.features import catalogue
from underwriting.models import spec, training, training_file
from underwriting.models.training_file import TrainingFileFaulty

HEADER = "id,bad,month,kind,second_borrower,inq,util,dti,income,work\n"
GOOD = "1,0,2026-01-05,card,,3,47.2,13.88,60000,10+ years\n"
SPEC = small_spec()


def read(tmp_path, text: str) -> pl.DataFrame:
    path = tmp_path / "loans.csv"
    path.write_text(text, encoding="utf-8")
    return training_file.read_training_file(path, SPEC)


def test_columns_become_figures(tmp_path):
    frame = read(tmp_path, HEADER + GOOD + "2,1,2026-02-01,merge,,0,,1,1000.5,\n")

    assert frame.rows(named=True) == [
        {
            "inquiries_12m": 3.0,
            "card_utilisation_pct": 47.2,
            "debt_to_income_pct": 13.88,
            "annual_income": 60000.0,
            "employment_years": 10.0,
            "target": 0,
            "month": date(2026, 1, 1),
        },
        {
            "inquiries_12m": 0.0,
            "card_utilisation_pct": None,
            "debt_to_income_pct": 1.0,
            "annual_income": 1000.5,
            "employment_years": None,
            "target": 1,
            "month": date(2026, 2, 1),
        },
    ]


def test_rows_of_another_kind_are_left_out(tmp_path):
    frame = read(
        tmp_path,
        HEADER + GOOD + "2,1,2026-02-01,holiday,,0,1,1,1,\n3,1,2026-02-01,card,yes,0,1,1,1,\n",
    )

    assert frame.height == 1


def test_a_gzip_file_is_read_the_same(tmp_path):
    with gzip.open(tmp_path / "loans.csv.gz", "wt", encoding="utf-8") as file:
        file.write(HEADER + GOOD)

    assert training_file.read_training_file(tmp_path / "loans.csv.gz", SPEC).height == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEADER,
        HEADER.replace("dti", "debts") + GOOD,
        HEADER + GOOD.replace("13.88", "high"),
        HEADER + GOOD.replace("13.88", "NaN"),
        HEADER + GOOD.replace("13.88", "inf"),
        HEADER + GOOD.replace("10+ years", "ages"),
        HEADER + GOOD.replace("1,0,", "1,2,"),
        HEADER + GOOD.replace("1,0,", "1,,"),
        HEADER + GOOD.replace("2026-01-05", "January"),
        HEADER + GOOD.replace("2026-01-05", ""),
        HEADER + GOOD.replace("card", "holiday"),
        HEADER + GOOD + "2,1,2026-01-01,card,,3,1,1,1,,one,too,many\n",
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_a_reason(tmp_path, text):
    with pytest.raises(TrainingFileFaulty) as refused:
        read(tmp_path, text)

    assert str(refused.value)


def test_an_open_quotation_mark_loses_no_rows_in_silence(tmp_path):
    with pytest.raises(TrainingFileFaulty, match="not a CSV file"):
        read(tmp_path, HEADER + GOOD * 50 + '"' + GOOD * 50)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(TrainingFileFaulty, match=r"no file none\.csv"):
        training_file.read_training_file(tmp_path / "none.csv", SPEC)


def test_one_row_gives_the_figures_that_training_reads():
    row = {"inq": "3", "util": "", "dti": 13.88, "income": 60000, "work": "< 1 year"}

    assert training_file.as_figures(row, SPEC) == {
        "inquiries_12m": Decimal(3),
        "card_utilisation_pct": None,
        "debt_to_income_pct": Decimal("13.88"),
        "annual_income": Decimal(60000),
        "employment_years": Decimal(0),
    }


@pytest.mark.parametrize("value", ["many", "NaN", "inf"])
def test_a_value_that_is_no_number_is_refused(value):
    row = {"inq": value, "util": "", "dti": "", "income": "", "work": ""}

    with pytest.raises(TrainingFileFaulty):
        training_file.as_figures(row, SPEC)


def test_a_debtor_is_scored_on_exactly_what_was_trained_on(shared):
    path, ours = shared("data/lendingclub_2018/train.csv.gz"), spec.find("card_repayers")
    frame = training_file.read_training_file(path, ours)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        kept = [row for row in csv.DictReader(file) if training_file.is_kept(row, ours)]

    assert len(kept) == frame.height
    places = range(0, len(kept), 97)
    batch = training.matrix(frame, ours.features)[list(places)]
    for expected, place in zip(batch, places, strict=True):
        figures = training_file.as_figures(kept[place], ours)
        values = [catalogue.CATALOGUE[name].value(figures) for name in ours.features]
        single = np.array(
            [np.nan if value is None else float(value) for value in values], dtype=np.float32
        )
        assert np.array_equal(single, expected, equal_nan=True)
