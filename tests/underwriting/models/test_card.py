"""A model card tells what its manifest holds, no more, and says what an older one lacks."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.underwriting.models.rows import trained
from underwriting.features.declaration import Sign
from underwriting.models import card, curves, metrics
from underwriting.models.card import Card, Words

OLD = ("curves", "segments", "scorecard", "weights", "missing")
ENGLISH = Words(say=lambda _zh, en: en, feature=lambda name: name, unit=lambda unit: unit.value)


def of(facts=None, **changes) -> Card:
    told = {"name": "made_up-1", "status": "candidate", "manifest_sha256": "ab"}
    return Card(**{**told, "facts": facts or trained().facts, **changes})


def test_a_card_is_a_document_with_every_part_that_was_asked_for():
    told = json.loads(json.dumps(card.to_plain(of())))

    for part in ("data", "split", "features", "tuning", "calibration", "out_of_time", "scorecard"):
        assert told[part], part
    assert set(told["curves"]) == {"roc", "calibration", "distribution", "gain"}
    assert "approved" in told["label"]["en"]
    assert len(told["limits_of_use"]) >= 3
    assert told["golden"]["rows"] == 100
    income = next(each for each in told["features"] if each["name"] == "annual_income")
    assert (income["sign"], income["unit"]) == (Sign.FALLS, "yuan")


def test_the_model_and_the_scorecard_are_measured_on_the_same_loans():
    facts = trained().facts

    assert facts["scorecard"]["out_of_time"]["loans"] == facts["out_of_time"]["loans"] == 300
    assert facts["scorecard"]["out_of_time"]["bads"] == facts["out_of_time"]["bads"]


def test_every_part_of_the_window_is_counted_once():
    found = trained().facts["curves"]

    for name in ("calibration", "distribution", "gain"):
        assert sum(each["loans"] for each in found[name]) == 300
        assert sum(each["bads"] for each in found[name]) == trained().facts["out_of_time"]["bads"]


def test_shares_of_gain_add_to_the_whole():
    assert sum(map(float, trained().facts["weights"].values())) == pytest.approx(1.0, abs=1e-5)


def test_a_manifest_from_before_cards_had_curves_still_has_a_card():
    facts = {name: value for name, value in trained().facts.items() if name not in OLD}

    plates = {each.name: each for each in card.plates(of(facts), ENGLISH)}

    assert plates["roc"].rows == ()
    assert "older" in plates["roc"].nothing
    assert plates["performance"].rows[0][1] is not None
    assert "older" in card.document(of(facts), ENGLISH)


def test_a_verdict_of_the_gate_stands_on_the_card():
    checks = [{"name": "auc", "holds": False, "found": "-0.01", "asked": "above 0"}]
    gate = {"champion": "before-1", "verdict": {"passed": False, "checks": checks}}

    plate = next(each for each in card.plates(of(gate=gate), ENGLISH) if each.name == "gate")

    assert plate.rows == (("auc", "does not hold", "-0.01", "above 0"),)
    assert "not passed" in plate.summary


def test_a_card_as_a_page_carries_nothing_from_outside_and_no_markup_of_a_manifest():
    facts = {**trained().facts, "spec": "<script>x</script>"}

    page = card.document(of(facts), ENGLISH)

    assert page.startswith("<!doctype html>")
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert page.count("<svg") == 5


ROWS = st.lists(st.tuples(st.floats(0.001, 0.999), st.booleans()), min_size=3, max_size=80)


@given(ROWS)
def test_the_curve_runs_from_corner_to_corner_and_bends_as_the_auc_says(rows):
    pds = np.array([pd for pd, _ in rows])
    bads = np.array([float(bad) for _, bad in rows])
    bads[0], bads[-1] = 1.0, 0.0

    at = [(float(x), float(y)) for x, y in curves.of(pds, bads)["roc"]]

    assert at[0] == (0, 0)
    assert at[-1] == (1, 1)
    assert at == sorted(at)
    area = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(at))
    # Some corners are left out between the points, each worth less than a step of the curve.
    assert area == pytest.approx(metrics.auc_of(pds, bads), abs=0.12)


def test_one_kind_of_loan_has_no_curve():
    with pytest.raises(ValueError, match="both kinds"):
        curves.of(np.array([0.1, 0.2]), np.array([0.0, 0.0]))
