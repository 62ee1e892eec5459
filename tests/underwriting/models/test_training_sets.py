from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from tests.underwriting.models.sets import SPEC, made_up, rows, write
from underwriting.features.declaration import Sign
from underwriting.models import (
    evaluation,
    metrics,
    reading,
    scorecard,
    scorecard_weights,
    scoring,
    training_sets,
)
from underwriting.models.training import NotTrainable
from underwriting.models.training_file import TrainingFileFaulty


@cache
def loans(protected: bool = False):
    with TemporaryDirectory() as folder:
        return reading.read(write(Path(folder), rows()), made_up(), protected=protected)


@cache
def model():
    return training_sets.train(loans(), made_up())


def test_the_same_loans_and_spec_give_the_same_bytes():
    again = training_sets.train(loans(), made_up())

    assert again.trained() == model().trained()


def test_what_became_of_the_judged_moves_no_probability():
    fold = evaluation.outer_folds(loans(), made_up(), 1)[0]
    judged = loans().part(fold.judging)
    turned = replace(judged, bads=1.0 - judged.bads)

    assert np.array_equal(model().pds(judged), model().pds(turned))


def test_order_of_the_judged_moves_no_probability():
    order = np.random.default_rng(1).permutation(len(loans()))

    assert np.array_equal(model().pds(loans().part(order)), model().pds(loans())[order])


def test_loans_that_only_teach_are_not_in_the_calibration():
    assert len(model().fold_pds) < loans().judged.sum()
    assert model().facts["rows"] == len(loans())


def test_declared_signs_hold_with_the_scorecard_in_it():
    names = [feature.name for feature in model().features]
    places = [names.index(name) for name in ("use", "late", "work", "town__rate")]
    matrix = model().matrix(loans())[:200]

    for place in places:
        sign = model().features[place].sign
        assert sign is not Sign.FREE
        higher = matrix.copy()
        higher[:, place] += np.float32(1.0)
        change = _margins(higher) - _margins(matrix)
        assert (change * int(sign) >= -1e-6).all()


def _margins(matrix):
    boosted = np.asarray(model().booster.inplace_predict(matrix, predict_type="margin"))
    share = model().scorecard_share
    return (1 - share) * boosted + share * model().card.margins(matrix)


def test_a_protected_attribute_is_no_feature():
    assert "age" not in {feature.name for feature in model().features}
    told = training_sets.train(loans(protected=True), made_up(), protected=True)

    assert "age" in {feature.name for feature in told.features}
    assert told.facts["with_protected"]


def test_the_model_ranks_and_is_kept_with_all_it_needs():
    facts = model().trained().facts

    assert metrics.auc_of(model().pds(loans()), loans().bads) > 0.7
    assert facts["serves"] is False
    assert set(facts["statistics"]["counts"]["town"]) == {f"ZURICH {n}" for n in range(6)}
    assert scorecard.from_plain(facts["scorecard"]).columns
    assert len(facts["bound"]) >= 2


def test_a_model_of_a_set_scores_no_dossier():
    with pytest.raises(scoring.ModelUnusable):
        scoring.load(model().trained())


@pytest.mark.parametrize(
    "part",
    [
        lambda all_: all_.part(np.arange(50)),
        lambda all_: all_.part(np.flatnonzero(all_.bads == 0)),
        lambda all_: all_.part(np.flatnonzero(~all_.judged)),
        lambda all_: replace(all_, order=np.zeros(len(all_))),
    ],
)
def test_loans_that_make_no_model_are_refused(part):
    with pytest.raises(NotTrainable):
        training_sets.train(part(loans()), made_up())


def test_loans_without_a_time_are_split_by_content():
    spec = made_up(SPEC.replace('order = "applied"\n', ""))
    timeless = replace(loans(), order=None, months=None)

    found = training_sets.train(timeless, spec)

    assert len(found.fold_pds) == loans().judged.sum()


def test_loans_with_words_alone_and_no_time_are_refused():
    wordy = replace(loans(), columns={}, order=None, months=None)

    with pytest.raises(NotTrainable, match="split by their numbers, and have none"):
        training_sets.train(wordy, made_up())


def test_a_scorecard_that_does_not_settle_makes_no_model(monkeypatch):
    monkeypatch.setattr(scorecard_weights, "_STEPS_MAX", 1)

    with pytest.raises(NotTrainable, match="the scorecard: the weights still move"):
        training_sets.train(loans(), made_up())


def test_no_loans_to_judge_are_refused_before_the_search():
    nobody = loans().part(np.flatnonzero(~loans().judged))
    told = []

    with pytest.raises(TrainingFileFaulty, match="no loans to judge"):
        evaluation.evaluate(
            loans(), nobody, made_up(), how="by chance", tell=lambda *step: told.append(step)
        )

    assert told == []


def test_the_scorecard_tells_the_same_loans_as_the_folds():
    assert model().fold_scorecard_pds.shape == model().fold_pds.shape
    # Both rank the same loans by the same facts.
    assert np.corrcoef(model().fold_scorecard_pds, model().fold_pds)[0, 1] > 0.8
