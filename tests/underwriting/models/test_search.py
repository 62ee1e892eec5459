from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from underwriting.models import search
from underwriting.models.search import Boosting, Lesson
from underwriting.models.spec_search import Plan, SpecFaulty, parse_plan

PLAN = parse_plan(
    {
        "rounds_max": 60,
        "patience": 10,
        "trials": 3,
        "space": {"max_depth": [1, 4], "learning_rate": [0.05, 0.4], "subsample": [0.5, 1.0]},
        "candidate": [
            {"max_depth": 2, "learning_rate": 0.3},
            {"max_depth": 6, "learning_rate": 0.9},
        ],
    }
)
BOOSTING = Boosting(["one", "two"], [1, 0], 4)


def lessons(count: int = 900) -> list[Lesson]:
    draw = np.random.default_rng(6)
    rows = draw.normal(size=(count, 2)).astype(np.float32)
    bads = (draw.uniform(size=count) < 1 / (1 + np.exp(1 - rows[:, 0]))).astype(float)
    third = count // 3
    parts = [slice(0, third), slice(third, 2 * third), slice(2 * third, count)]
    return [Lesson(rows[parts[0]], bads[parts[0]], rows[part], bads[part]) for part in parts[1:]]


def test_the_same_search_finds_the_same():
    one, two = (search.choose(lessons(), BOOSTING, PLAN) for _ in range(2))

    assert one.taught == two.taught
    assert one.log_loss == two.log_loss
    assert all(np.array_equal(a, b) for a, b in zip(one.margins, two.margins, strict=True))


def test_more_trials_never_find_worse():
    alone = search.choose(
        lessons(), BOOSTING, replace(PLAN, trials=0, candidates=PLAN.candidates[1:])
    )
    more = search.choose(lessons(), BOOSTING, PLAN)

    assert more.log_loss <= alone.log_loss


def test_every_trial_is_told():
    told = []

    search.choose(lessons(), BOOSTING, PLAN, lambda done, every: told.append((done, every)))

    assert told == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_margins_are_those_of_the_loans_that_judged():
    found = search.choose(lessons(), BOOSTING, PLAN)

    assert [len(each) for each in found.margins] == [300, 300]
    assert 1 <= found.taught.rounds <= 60


@pytest.mark.parametrize("is_near", [True, False])
def test_draws_stay_in_their_space(is_near):
    draw = np.random.default_rng(1)

    for _ in range(200):
        found = search.drawn({"max_depth": 2, "gamma": 0.5}, PLAN, draw, is_near=is_near)

        assert type(found["max_depth"]) is int
        assert 1 <= found["max_depth"] <= 4
        assert 0.05 <= found["learning_rate"] <= 0.4
        assert 0.5 <= found["subsample"] <= 1.0
        assert found["gamma"] == 0.5


def test_the_sign_that_was_asked_holds():
    found = search.choose(lessons(), BOOSTING, PLAN)
    lesson = lessons()[0]
    booster = search.boost(lesson.teaching, lesson.teaching_bads, BOOSTING, found.taught)
    rows = np.column_stack([np.linspace(-3, 3, 50), np.zeros(50)]).astype(np.float32)

    margins = booster.inplace_predict(rows, predict_type="margin")

    assert (np.diff(margins) >= 0).all()
    assert margins[-1] > margins[0]


def test_a_parameter_of_nothing_is_drawn_from_the_low_end_of_its_space():
    plain = {
        "rounds_max": 60, "patience": 10, "trials": 1, "space": {"min_child_weight": [1, 50]},
        "candidate": [{"min_child_weight": 0}],
    }  # fmt: skip
    plan = parse_plan(plain)

    found = search.drawn(plan.candidates[0], plan, np.random.default_rng(1), is_near=True)

    assert 1 <= found["min_child_weight"] <= 50**0.25  # a quarter of the way on the log scale


@pytest.mark.parametrize(
    "change",
    [
        {"trials": 1, "space": {}},
        {"trials": 10_000},
        {"space": {"device": [0, 1]}},
        {"space": {"max_depth": [1.5, 3]}},
        {"space": {"max_depth": [4, 3]}},
        {"space": {"learning_rate": [0, 1]}},
        {"space": {"subsample": [0.5]}},
        {"candidate": []},
        {"candidate": [{"max_depth": 2.5}]},
        {"candidate": [{"nthread": 8}]},
        {"candidate": [{"max_depth": 0}]},
        {"candidate": [{"max_depth": 1_000_000}]},
        {"candidate": [{"subsample": 1.5}]},
        {"candidate": [{"learning_rate": float("nan")}]},
        {"candidate": [{"reg_lambda": float("inf")}]},
        {"space": {"num_parallel_tree": [1, 100_000]}},
        {"rounds_max": 0},
        {"seconds": 60},
    ],
)
def test_a_search_that_cannot_be_is_refused(change):
    plain = {
        "rounds_max": 60, "patience": 10, "trials": 1, "space": {"subsample": [0.5, 1.0]},
        "candidate": [{"max_depth": 2}],
    }  # fmt: skip
    assert isinstance(parse_plan(plain), Plan)

    with pytest.raises(SpecFaulty):
        parse_plan({**plain, **change})
