from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
import xgboost

from tests.underwriting.models.rows import loans, small_spec, trained
from underwriting import canonical
from underwriting.features.declaration import Figures
from underwriting.models import scoring, training
from underwriting.models.scoring import (
    ArtifactChanged,
    FeaturesChanged,
    GoldenDiffers,
    LibraryDiffers,
    ManifestUnreadable,
)

GOOD: Figures = {
    "inquiries_12m": Decimal(0),
    "card_utilisation_pct": Decimal(10),
    "debt_to_income_pct": Decimal(5),
    "annual_income": Decimal(120000),
}
BAD: Figures = {
    "inquiries_12m": Decimal(9),
    "card_utilisation_pct": Decimal(95),
    "debt_to_income_pct": Decimal(40),
    "annual_income": Decimal(24000),
}


def told_otherwise(**changes):
    """Give the trained model with another manifest around the same bytes."""
    document = canonical.load(trained().manifest)
    return replace(trained(), manifest=canonical.dump({**document, **changes}))


def test_a_worse_debtor_has_the_higher_probability():
    model = scoring.load(trained())

    assert Decimal(0) < model.pd(GOOD) < model.pd(BAD) < Decimal(1)


def test_a_probability_has_six_places():
    assert scoring.load(trained()).pd(BAD).as_tuple().exponent == -6


def test_one_row_gets_what_the_batch_gets():
    model = scoring.load(trained())
    frame = loans(40)
    batch = model.probabilities(training.matrix(frame, model.features))

    for expected, row in zip(batch, frame.rows(named=True), strict=True):
        figures = {
            name: None if row[name] is None else Decimal(str(row[name])) for name in model.features
        }
        assert model.pd(figures) == Decimal(f"{expected:.6f}")


def test_a_missing_figure_is_not_a_zero():
    model = scoring.load(trained())

    assert model.pd({}) != model.pd(dict.fromkeys(GOOD, Decimal(0)))
    assert model.pd({}) == model.pd({**BAD, **dict.fromkeys(BAD)})


def test_contributions_name_every_feature_and_what_raised_the_risk():
    found = dict(scoring.load(trained()).contributions(BAD))

    assert set(found) == set(small_spec().features)
    assert found["inquiries_12m"] > 0


def test_contributions_are_measured_from_those_who_are_lent_to():
    model = scoring.load(trained())
    frame = loans(1_500)
    rows = training.matrix(frame, model.features)
    booster = xgboost.Booster()
    booster.load_model(bytearray(trained().artifact))
    margins = booster.predict(
        xgboost.DMatrix(rows, feature_names=list(model.features)), output_margin=True
    )

    parts = model.explained(rows)

    approved = model.probabilities(rows) <= 0.27
    assert np.abs(parts[approved, :-1].mean(axis=0)).max() < 0.02
    assert np.abs(parts.sum(axis=1) - margins).max() < 1e-4


def test_a_model_from_before_the_baseline_is_explained_as_it_was_then():
    document = canonical.load(trained().manifest)
    shift = [Decimal(part) for part in document.pop("baseline")["parts"]]
    older = scoring.load(replace(trained(), manifest=canonical.dump(document)))

    before = [part for _, part in older.contributions(BAD)]
    now = [part for _, part in scoring.load(trained()).contributions(BAD)]

    assert any(shift)
    for was, is_, off in zip(before, now, shift, strict=True):
        assert abs(was - off - is_) <= Decimal("0.000001")


@pytest.mark.parametrize("parts", [["0.1"], ["nan"] * 4, 7])
def test_a_baseline_that_is_misspelt_is_refused(parts):
    with pytest.raises(ManifestUnreadable):
        scoring.load(told_otherwise(baseline={"pd_max": "0.27", "rows": 1, "parts": parts}))


def test_a_changed_artifact_is_refused():
    content = trained().artifact

    with pytest.raises(ArtifactChanged):
        scoring.load(replace(trained(), artifact=content[:-1] + bytes([content[-1] ^ 1])))


def test_bytes_that_are_no_booster_are_refused():
    rubbish = b"not a booster"
    told = told_otherwise(artifact_sha256=canonical.sha256(rubbish))

    with pytest.raises(ArtifactChanged):
        scoring.load(replace(told, artifact=rubbish))


def test_another_order_of_features_is_refused():
    names = list(reversed(small_spec().features))

    with pytest.raises(FeaturesChanged):
        scoring.load(told_otherwise(features=names))


def test_another_definition_of_a_feature_is_refused():
    with pytest.raises(FeaturesChanged):
        scoring.load(told_otherwise(features_sha256="0" * 64))


def test_a_feature_that_is_gone_is_refused():
    with pytest.raises(FeaturesChanged):
        scoring.load(told_otherwise(features=["shoe_size"]))


def test_another_library_is_refused_for_scoring_but_may_retell():
    told = told_otherwise(libraries={"xgboost": "1.0.0", "numpy": "1.0.0"})

    with pytest.raises(LibraryDiffers):
        scoring.load(told)
    assert scoring.load_under_any_library(told).pd(BAD) == scoring.load(trained()).pd(BAD)


def test_other_golden_numbers_are_refused():
    golden = trained().facts["golden"]
    first = repr(float(golden["pds"][0]) + 2e-6)

    with pytest.raises(GoldenDiffers):
        scoring.load(told_otherwise(golden={**golden, "pds": [first, *golden["pds"][1:]]}))


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"golden": {"rows": [], "pds": []}},
        {"golden": {"rows": [["1"]], "pds": ["0.5"]}},
        {"golden": None},
        {"calibration": {"kind": "magic", "numbers": [["1", "0"]]}},
        {"calibration": {"kind": "platt", "numbers": []}},
        {"libraries": {}},
        {"libraries": None},
        {"features": None},
    ],
)
def test_a_manifest_of_another_make_is_refused(changes):
    with pytest.raises(ManifestUnreadable):
        scoring.load(told_otherwise(**changes))


@pytest.mark.parametrize("manifest", [b"", b"[]", b"{}", b"\x80\x04pickle"])
def test_bytes_that_are_no_manifest_are_refused(manifest):
    with pytest.raises(ManifestUnreadable):
        scoring.load(replace(trained(), manifest=manifest))


def test_the_artifact_is_ubjson_and_no_code():
    booster = xgboost.Booster()
    booster.load_model(bytearray(trained().artifact))

    assert trained().artifact[:1] == b"{"
    assert booster.feature_names == list(small_spec().features)


def test_the_manifest_names_how_contributions_are_worked_out():
    assert trained().facts["contributions"] == "tables"


def test_a_model_from_before_the_tables_is_explained_as_it_was_then():
    document = canonical.load(trained().manifest)
    del document["contributions"], document["baseline"]
    older = scoring.load(replace(trained(), manifest=canonical.dump(document)))
    booster = xgboost.Booster()
    booster.load_model(bytearray(trained().artifact))
    row = np.array([[9, 95, 40, 24000]], dtype=np.float32)
    names = list(older.features)

    found = older.contributions(BAD)

    slow = booster.predict(xgboost.DMatrix(row, feature_names=names), pred_contribs=True)[0]
    assert [str(part) for _, part in found] == [f"{part:.6f}" for part in slow[:-1]]


def test_an_unknown_way_to_contributions_is_refused():
    with pytest.raises(ManifestUnreadable):
        scoring.load(told_otherwise(contributions="guessed"))


def test_one_row_is_explained_as_the_batch_is():
    model = scoring.load(trained())
    frame = loans(40)
    batch = model.explained(training.matrix(frame, model.features))

    for expected, row in zip(batch, frame.rows(named=True), strict=True):
        figures = {
            name: None if row[name] is None else Decimal(str(row[name])) for name in model.features
        }
        assert [part for _, part in model.contributions(figures)] == [
            Decimal(f"{part:.6f}") for part in expected[:-1]
        ]
