from __future__ import annotations

import gzip
import shutil

import numpy as np
import polars as pl
import pytest

from tests.underwriting.models.rows import SPEC as OF_DOSSIERS
from tests.underwriting.models.sets import SPEC, made_up
from underwriting.models import reading, spec, spec_sets
from underwriting.models.spec import TrainingSpec
from underwriting.models.spec_search import SpecFaulty
from underwriting.models.spec_sets import SetSpec

ALL = (
    "gmsc", "heloc", "lendingclub_2007_2011", "lendingclub_2018", "pakdd2010", "superlender",
    "taiwan",
)  # fmt: skip
PRICING = {"grade", "sub_grade", "installment", "implied_int_rate"}
PLACES = {"addr_state", "zip_code", "emp_title", "longitude_gps", "latitude_gps"}
PROTECTED = {"SEX", "AGE", "MARRIAGE", "MARITAL_STATUS", "age", "birthdate"}


def built_in(name: str) -> SetSpec:
    found = spec_sets.find(name)
    assert isinstance(found, SetSpec)
    return found


def first_rows(shared, tmp_path, name: str, count: int = 400) -> reading.Loans:
    """Read the first rows of a real set."""
    folder = shared(f"data/{name}/train.csv.gz").parent
    for second in folder.glob("*.csv.gz"):
        shutil.copy(second, tmp_path)
    with gzip.open(folder / "train.csv.gz", "rb") as file:
        lines = [next(file) for _ in range(count + 1)]
    (tmp_path / "train.csv.gz").write_bytes(gzip.compress(b"".join(lines)))
    return reading.read(tmp_path / "train.csv.gz", built_in(name))


def test_all_seven_sets_have_a_spec_of_ours():
    assert spec_sets.built_in() == ALL


@pytest.mark.parametrize("name", ALL)
def test_a_spec_says_of_whom_it_knows_and_what_it_does_not_say(name):
    found = built_in(name)

    assert found.name == name
    assert len(found.label) > 30
    assert "not for dossiers of ours" in found.limits


@pytest.mark.parametrize("name", ALL)
def test_no_model_is_told_protected_attributes_a_lenders_price_or_the_outcome(name):
    found = built_in(name)
    reads = found.declared.used(with_protected=False).reads()

    assert not reads & (PRICING | PLACES | PROTECTED | {found.reading.target})


@pytest.mark.parametrize("name", ["gmsc", "taiwan", "pakdd2010"])
def test_what_leaving_protected_attributes_out_costs_can_be_measured(name):
    reads = built_in(name).declared.used(with_protected=True).reads()

    assert reads & PROTECTED


@pytest.mark.parametrize("name", ALL)
def test_the_first_rows_of_a_real_set_are_read(shared, tmp_path, name):
    loans = first_rows(shared, tmp_path, name)

    declared = built_in(name).declared.used(with_protected=False)
    assert set(loans.columns) == {feature.name for feature in declared.features}
    assert 0 < loans.bads.sum() < len(loans)
    known = [name for name, values in loans.columns.items() if not np.isnan(values).all()]
    assert len(known) > 0.9 * len(loans.columns)


def test_late_counters_of_gmsc_hold_counts_and_their_codes_are_flags(shared, tmp_path):
    path = shared("data/gmsc/train.csv.gz")
    raw = pl.read_csv(path, infer_schema=False)
    late = "NumberOfTime30-59DaysPastDueNotWorse"
    coded = pl.concat([raw.filter(pl.col(late).is_in(["96", "98"])), raw.head(50)])
    coded.write_csv(tmp_path / "coded.csv")

    loans = reading.read(tmp_path / "coded.csv", built_in("gmsc"))

    flags = loans.columns["late_30__is_code_96"] + loans.columns["late_30__is_code_98"]
    assert flags.sum() == len(coded) - 50
    for name in ("late_30", "late_60", "late_90", "late_all", "late_weighed"):
        assert np.nanmax(loans.columns[name]) < 90
        assert np.isnan(loans.columns[name][flags == 1]).all()


def test_the_debt_ratio_of_gmsc_is_an_amount_where_no_income_is_known(tmp_path):
    names = [
        "RevolvingUtilizationOfUnsecuredLines", "NumberOfTime30-59DaysPastDueNotWorse",
        "NumberOfTime60-89DaysPastDueNotWorse", "NumberOfTimes90DaysLate",
        "NumberOfOpenCreditLinesAndLoans", "NumberRealEstateLoansOrLines", "NumberOfDependents",
    ]  # fmt: skip
    frame = pl.DataFrame(
        {
            **{name: ["1", "1"] for name in names},
            "DebtRatio": ["0.5", "2000"],
            "MonthlyIncome": ["3000", "NA"],
            "target": ["0", "1"],
        }
    )
    frame.write_csv(tmp_path / "two.csv")

    loans = reading.read(tmp_path / "two.csv", built_in("gmsc"))

    assert loans.columns["debt"].tolist() == [1500.0, 2000.0]
    assert loans.columns["debt_ratio"][0] == 0.5
    assert np.isnan(loans.columns["debt_ratio"][1])


def test_heloc_without_a_bureau_file_is_left_out_and_its_codes_are_no_numbers(shared, tmp_path):
    path = shared("data/heloc/train.csv.gz")
    raw = pl.read_csv(path, infer_schema=False).head(300)
    figures = [name for name in raw.columns if name not in {"row_id", "target"}]
    blank = raw.head(7).with_columns(pl.lit("-9").alias(name) for name in figures)
    pl.concat([blank, raw]).write_csv(tmp_path / "all.csv")

    loans = reading.read(tmp_path / "all.csv", built_in("heloc"))

    assert (len(loans), loans.told["rows_read"]) == (300, 307)
    assert all(np.nanmin(values) >= 0 for values in loans.columns.values())
    never = loans.columns["MSinceMostRecentDelq__is_never"]
    assert never.sum() == (raw["MSinceMostRecentDelq"] == "-7").sum() > 0


def test_loans_of_every_purpose_teach_and_those_that_repay_cards_are_judged(shared, tmp_path):
    loans = first_rows(shared, tmp_path, "lendingclub_2018")

    repays = (loans.columns["repays_cards"] == 1) | (loans.columns["merges_debts"] == 1)
    assert loans.judged.tolist() == repays.tolist()
    assert 0 < loans.judged.sum() < len(loans)


def test_the_newest_loans_of_2007_to_2011_stand_first_in_their_file(shared, tmp_path):
    loans = first_rows(shared, tmp_path, "lendingclub_2007_2011")

    assert (np.diff(loans.order) < 0).all()


def test_a_superlender_closing_after_the_application_is_never_seen(shared, tmp_path):
    folder = shared("data/superlender/train.csv.gz").parent
    raw = pl.read_csv(folder / "train.csv.gz", infer_schema=False).head(200)
    loans = pl.read_csv(folder / "prevloans.csv.gz", infer_schema=False)
    shutil.copy(folder / "demographics.csv.gz", tmp_path)
    raw.write_csv(tmp_path / "train.csv")
    told = loans.join(raw.select("customerid", asked="creationdate"), on="customerid").with_columns(
        pl.when(pl.col(name) >= pl.col("asked"))
        .then(pl.lit(f"2018-01-0{place} 00:00:00"))
        .otherwise(pl.col(name))
        .alias(name)
        for place, name in enumerate(("closeddate", "firstrepaiddate"), 1)
    )
    moved = told.filter(pl.col("closeddate").str.starts_with("2018")).height
    loans.write_csv(tmp_path / "as_it_is.csv")
    told.drop("asked").write_csv(tmp_path / "otherwise.csv")

    # What became of loans that ran at the application is told otherwise: nothing may change.
    one, two = (
        reading.read(
            tmp_path / "train.csv", built_in("superlender"), aux={"prevloans": [tmp_path / file]}
        )
        for file in ("as_it_is.csv", "otherwise.csv")
    )

    assert moved > 10
    for name, values in one.columns.items():
        assert np.allclose(values, two.columns[name], equal_nan=True), name


def test_a_spec_is_found_by_its_kind(tmp_path):
    (tmp_path / "own.toml").write_text(SPEC, encoding="utf-8")
    (tmp_path / "dossiers.toml").write_text(OF_DOSSIERS, encoding="utf-8")

    assert isinstance(spec_sets.find(str(tmp_path / "own.toml")), SetSpec)
    assert isinstance(spec_sets.find(str(tmp_path / "dossiers.toml")), TrainingSpec)
    assert isinstance(spec_sets.find("card_repayers"), TrainingSpec)
    with pytest.raises(SpecFaulty, match="a data set's own features"):
        spec.find("gmsc")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('label = "bad by a rule"', 'labels = "bad by a rule"'),
        ('limits = "nobody real"', 'limits = " "'),
        ("seed = 11", "seed = 0"),
        ('sign = "rises"', 'sign = "up"'),
        ('unit = "ratio"', 'unit = "furlong"'),
        ('reason = "cards_nearly_full"', 'reason = "bad_luck"'),
        ('["sum", "use", "late"]', '["exec", "use"]'),
        ('codes = ["untold"]', 'codes = ["unknown"]'),
        ('name = "use_and_late"', 'name = "late"'),
        ("protected = true", "protect = true"),
        ('name = "town", meaning', 'name = "use", meaning'),
        ('target = "bad"', 'targets = "bad"'),
        ('key = "person"\nmissing', "missing"),
        ('missing = ["NA"]', 'missing = "NA"'),
        ("folds = 2\n", "folds = 0\n"),
        ("outer_share = 0.3", "outer_share = 3.0"),
        ("rows_min = 100", "rows_min = 1.5"),
        ("scorecard_shares = [0.0, 0.5]", "scorecard_shares = [2.0]"),
        ('aggregates = ["count", "mean"]', 'aggregates = ["mode"]'),
        ('windows = ["all"]', 'windows = ["a while"]'),
        ("smoothing = 20", "smoothing = 0"),
        ("max_depth = 2", "max_dept = 2"),
        ("[split]", "[spilt]"),
        ("[reading]", "[reading"),
    ],
)
def test_a_faulty_spec_is_refused(old, new):
    assert old in SPEC

    with pytest.raises(SpecFaulty):
        made_up(SPEC.replace(old, new, 1))
