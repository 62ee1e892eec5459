from __future__ import annotations

import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.underwriting.models.rows import loans, small_spec, trained
from underwriting import canonical
from underwriting.models import metrics, scoring, spec, training, training_file
from underwriting.models.training import NotTrainable

ROOT = Path(__file__).resolve().parents[3]
ANEW = """
from tests.underwriting.models.rows import loans, small_spec
from underwriting import canonical
from underwriting.models import training
made = training.train(loans(), small_spec(), 11)
print(canonical.sha256(made.artifact), canonical.sha256(made.manifest))
"""


def test_the_same_rows_and_seed_give_the_same_bytes():
    again = training.train(loans(), small_spec(), 11)

    assert again.artifact == trained().artifact
    assert again.manifest == trained().manifest


def test_another_process_gives_the_same_bytes():
    printed = subprocess.run(
        [sys.executable, "-c", ANEW],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.split()

    assert printed == [
        canonical.sha256(trained().artifact),
        canonical.sha256(trained().manifest),
    ]


def test_other_rows_are_another_model():
    other = training.train(loans(seed=8), small_spec(), 11)

    assert other.facts["data_sha256"] != trained().facts["data_sha256"]
    assert other.model_id != trained().model_id


def test_months_are_split_by_time():
    windows = trained().facts["windows"]

    assert windows == {
        "teaching": ["2026-01-01", "2026-02-01", "2026-03-01"],
        "choosing": ["2026-04-01"],
        "judging": ["2026-05-01"],
    }


def test_small_newest_months_are_joined_until_they_are_enough():
    frame = loans(months=5).with_columns(
        month=pl.when(pl.int_range(pl.len()) >= 1490)
        .then(pl.lit(date(2026, 6, 1)))
        .otherwise(pl.col("month"))
    )

    made = training.train(frame, small_spec(), 11)

    assert made.facts["windows"]["judging"] == ["2026-05-01", "2026-06-01"]


def test_the_birth_certificate_says_what_was_done():
    facts = trained().facts

    assert facts["rows"] == 1500
    assert facts["bads"] == int(loans()["target"].sum())
    assert facts["features"] == list(small_spec().features)
    assert facts["out_of_time"]["loans"] == 300
    assert set(facts["libraries"]) == {"numpy", "xgboost"}
    assert len(facts["golden"]["rows"]) == len(facts["golden"]["pds"]) == 100
    assert facts["golden"]["rows"][-1] == [None] * 4
    assert 1 <= facts["rounds"] <= 60


def test_declared_signs_hold_on_the_finished_model():
    model = scoring.load(trained())
    draw = np.random.default_rng(5)
    rows = draw.uniform([0, 0, 0, 10_000], [20, 100, 45, 300_000], (200, 4)).astype(np.float32)

    for place, sign in enumerate((1, 1, 1, -1)):
        higher = rows.copy()
        higher[:, place] *= np.float32(1.3)
        change = model.probabilities(higher) - model.probabilities(rows)
        assert (change * sign >= 0).all()


def test_a_figure_out_of_bounds_counts_as_missing():
    frame = pl.DataFrame(
        {"inquiries_12m": [3.0, -1.0, 501.0, None], "debt_to_income_pct": [10.0, 20.0, 999.0, 0.0]}
    )

    found = training.matrix(frame, ("inquiries_12m", "debt_to_income_pct"))

    assert np.array_equal(
        found,
        np.array([[3, 10], [np.nan, 20], [np.nan, np.nan], [np.nan, 0]], dtype=np.float32),
        equal_nan=True,
    )


@pytest.mark.parametrize(
    "spoil",
    [
        lambda frame: frame.drop("annual_income"),
        lambda frame: frame.drop("month"),
        lambda frame: frame.head(499),
        lambda frame: frame.with_columns(target=pl.lit(0)),
        lambda frame: frame.with_columns(target=pl.lit(2)),
        lambda frame: frame.with_columns(target=pl.lit(None, dtype=pl.Int8)),
        lambda frame: frame.with_columns(month=pl.lit(date(2026, 1, 1))),
        lambda frame: frame.with_columns(month=pl.lit(None, dtype=pl.Date)),
    ],
)
def test_rows_that_make_no_model_are_refused(spoil):
    with pytest.raises(NotTrainable):
        training.train(spoil(loans()), small_spec(), 11)


def test_figures_that_say_nothing_make_no_model():
    frame = loans().with_columns(pl.lit(1.0).alias(name) for name in small_spec().features)

    with pytest.raises(NotTrainable):
        training.train(frame, small_spec(), 11)


def test_real_loans_are_ranked_and_calibrated_out_of_time(shared):
    path, ours = shared("data/lendingclub_2018/train.csv.gz"), spec.find("card_repayers")
    frame = training_file.read_training_file(path, ours)
    older = frame.filter(pl.col("month") < date(2018, 5, 1))
    newer = frame.filter(pl.col("month") >= date(2018, 5, 1))

    began = time.process_time()
    model = scoring.load(training.train(older, ours, 20261120))
    seconds = time.process_time() - began

    found = metrics.measure(
        model.probabilities(training.matrix(newer, ours.features)),
        newer["target"].cast(pl.Float64).to_numpy(),
    )
    assert seconds < 15
    assert found.auc > 0.64
    assert found.calibration_error < 0.03
