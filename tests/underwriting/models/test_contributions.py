from __future__ import annotations

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st

from underwriting.models import contributions, shapley, trees
from underwriting.models.contributions import Explainer, Method, TablesDiffer
from underwriting.models.trees import NotPlain

SINGLE_PRECISION = 2e-5
"""What XGBoost's own sums in single precision may be off by, for margins of a few units."""


def rows(seed: int, count: int = 300, features: int = 7) -> np.ndarray:
    """Rows of which some features have few values and some are missing."""
    draw = np.random.default_rng(seed)
    made = draw.normal(size=(count, features))
    made[:, ::3] = np.round(made[:, ::3] * 2) / 2
    made[draw.uniform(size=made.shape) < 0.15] = np.nan
    return made.astype(np.float32)


def boost(seed: int = 1, rounds: int = 6, **parameters) -> xgboost.Booster:
    made = rows(seed)
    told = np.nan_to_num(made)
    odds = told[:, 0] + told[:, 1] * told[:, 2] - np.abs(told[:, 3])
    bad = odds + np.random.default_rng(seed).normal(size=len(made)) > 0
    facts = {"objective": "binary:logistic", "min_child_weight": 0.1, "seed": seed, "nthread": 1}
    booster = xgboost.train(
        {**facts, **parameters}, xgboost.DMatrix(made, bad.astype(float)), rounds
    )
    booster.set_param({"nthread": 1})
    return booster


def slowly(booster: xgboost.Booster, told: np.ndarray) -> np.ndarray:
    return booster.predict(xgboost.DMatrix(told, nthread=1), pred_contribs=True)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    depth=st.integers(1, 8),
    how=st.fixed_dictionaries(
        {
            "num_parallel_tree": st.integers(1, 3),
            "base_score": st.sampled_from([None, 0.05, 0.9]),
            "grow_policy": st.sampled_from(["depthwise", "lossguide"]),
        }
    ),
)
def test_tables_give_what_the_library_gives(seed, depth, how):
    booster = boost(seed, rounds=3, max_depth=depth, subsample=0.8, **how)
    told = rows(seed + 1, 60)

    explainer = Explainer(booster)

    assert explainer.method is Method.TABLES
    assert np.abs(explainer.many(told) - slowly(booster, told)).max() < SINGLE_PRECISION


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_contributions_and_bias_add_up_to_the_margin(seed):
    booster = boost(seed, max_depth=5)
    told = rows(seed + 1, 60)

    sums = Explainer(booster).many(told).sum(axis=1)

    assert np.abs(sums - booster.inplace_predict(told, predict_type="margin")).max() < 2e-5


def test_a_row_alone_gets_the_bits_it_gets_among_many(monkeypatch):
    monkeypatch.setattr(contributions, "ROWS_AT_ONCE", 64)
    explainer = Explainer(boost(max_depth=6))
    told = rows(2, 150)

    many = explainer.many(told)

    assert all((explainer.one(row) == found).all() for row, found in zip(told, many, strict=True))


def test_what_no_tree_asks_for_contributes_nothing():
    booster = boost(rounds=2, max_depth=2)
    asked = {int(f) for tree in trees.read(booster) for f in tree.feature[tree.left != trees.LEAF]}

    found = Explainer(booster).many(rows(2))

    assert 0 < len(asked) < 7
    assert {place for place in range(7) if (found[:, place] != 0).any()} == asked


def test_a_row_of_which_nothing_is_known_is_explained():
    booster = boost(max_depth=4)
    blank = np.full((1, 7), np.nan, dtype=np.float32)

    found = Explainer(booster).one(blank[0])

    assert found == pytest.approx(slowly(booster, blank)[0], abs=SINGLE_PRECISION)


@pytest.mark.parametrize("value", [np.inf, -np.inf, 3.4e38, 0.0, -0.0])
def test_the_ends_of_the_numbers_go_the_ways_they_should(value):
    booster = boost(max_depth=4)
    ends = np.full((1, 7), value, dtype=np.float32)

    found = Explainer(booster).one(ends[0])

    margin = booster.inplace_predict(ends, predict_type="margin", missing=np.nan)[0]
    assert found.sum() == pytest.approx(float(margin), abs=SINGLE_PRECISION)


def test_a_model_without_a_split_contributes_nothing():
    booster = boost(gamma=1e9)

    found = Explainer(booster).many(rows(2, 5))

    assert (found[:, :-1] == 0).all()
    assert found[:, -1] == pytest.approx(slowly(booster, rows(2, 5))[:, -1])


@pytest.mark.parametrize(
    "parameters",
    [{"booster": "dart", "rate_drop": 0.5}, {"booster": "gblinear", "updater": "coord_descent"}],
)
def test_what_is_no_plain_sum_of_trees_is_left_to_the_library(parameters):
    if parameters["booster"] == "gblinear":
        facts = {"objective": "binary:logistic", "nthread": 1, **parameters}
        told = np.nan_to_num(rows(1))
        booster = xgboost.train(facts, xgboost.DMatrix(told, told[:, 0] > 0), 2)
    else:
        booster = boost(**parameters)

    with pytest.raises(NotPlain):
        trees.read(booster)
    assert contributions.method_for(booster) is Method.PRED_CONTRIBS


def test_tables_above_their_bound_are_left_to_the_library(monkeypatch):
    booster = boost(max_depth=5)
    numbers = sum(block.size for tree in trees.read(booster) for block in shapley.blocks(tree))

    monkeypatch.setattr(contributions, "TABLE_NUMBERS_MAX", numbers - 1)
    explainer = Explainer(booster)

    assert explainer.method is Method.PRED_CONTRIBS
    assert (explainer.many(rows(2)) == slowly(booster, rows(2))).all()
    assert (explainer.one(rows(2)[0]) == slowly(booster, rows(2))[0]).all()


def test_more_features_on_a_way_than_a_pattern_has_bits_are_left_to_the_library():
    draw = np.random.default_rng(3)
    told = draw.uniform(size=(3000, 12)).astype(np.float32)
    # A parity of twelve needs every feature on each way.
    odd = (told > 0.5).sum(axis=1) % 2
    booster = xgboost.train(
        {"max_depth": 12, "min_child_weight": 0, "nthread": 1, "colsample_bynode": 0.2},
        xgboost.DMatrix(told, odd), 2,
    )  # fmt: skip

    assert contributions.method_for(booster) is Method.PRED_CONTRIBS


def test_tables_that_differ_from_the_library_are_refused(monkeypatch):
    monkeypatch.setattr(shapley, "_share", lambda *_: 0.25)

    with pytest.raises(TablesDiffer):
        Explainer(boost(max_depth=3))


@pytest.mark.parametrize("points", [1, 2, 3, 4])
def test_the_points_of_gauss_are_right(points):
    nodes = list(shapley._nodes(points))
    known, weights = np.polynomial.legendre.leggauss(points)

    assert sorted(node for node, _ in nodes) == pytest.approx(sorted((known + 1) / 2), abs=1e-15)
    assert sum(weight for _, weight in nodes) == pytest.approx(1.0, abs=1e-15)
    # A polynomial of degree 2n - 1: the integral of t^(2n-1) over 0..1 is 1 / 2n.
    top = 2 * points - 1
    assert sum(w * t**top for t, w in nodes) == pytest.approx(1 / (2 * points), abs=1e-15)
    assert len(weights) == len(nodes)


def test_one_leaf_contributes_what_shapley_says():
    # One tree, one split: x < 0 goes left, half of the rows; leaves -1 and 1. A row on the right
    # has 1 where 0 was to be expected, so its feature contributes 1.
    tree = trees.Tree(
        left=np.array([1, -1, -1]), right=np.array([2, -1, -1]), feature=np.array([0, 0, 0]),
        threshold=np.array([0, -1, 1], dtype=np.float32), missing_left=np.array([True, False, False]),
        cover=np.array([10, 5, 5], dtype=np.float32),
    )  # fmt: skip
    (block,) = shapley.blocks(tree)

    assert shapley.tables([block]).tolist() == [1.0, -1.0]
