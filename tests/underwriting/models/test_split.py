from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from underwriting.models import split
from underwriting.models.split import NotSplit, Split

SPLIT = Split(folds=3, first_share=0.4, outer_share=0.3)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=200))
def test_by_time_all_who_teach_come_before_all_who_judge(instants):
    order = np.array(instants, dtype=float)
    try:
        folds = split.by_time(order, SPLIT)
    except NotSplit:
        assert len(set(instants)) == 1
        return

    for fold in folds:
        assert order[fold.teaching].max() < order[fold.judging].min()
    judged = np.concatenate([fold.judging for fold in folds])
    assert len(set(judged.tolist())) == len(judged)
    assert order[judged].max() == order.max()


def test_months_are_cut_between_and_judge_in_turn():
    # Ten months of ten rows, the first 40 % judge nothing: 4 teach 2, 6 teach 2, 8 teach 2.
    order = np.repeat(np.arange(10.0), 10)

    folds = split.by_time(order, SPLIT)

    assert [(len(fold.teaching), len(fold.judging)) for fold in folds] == [
        (40, 20),
        (60, 20),
        (80, 20),
    ]


def test_the_newest_share_is_kept_apart():
    fold = split.newest(np.arange(100.0)[::-1].copy(), 0.3)

    assert sorted(fold.judging.tolist()) == list(range(30))


def test_by_content_every_row_judges_once_and_twins_stay_together():
    rows = np.repeat(np.random.default_rng(1).normal(size=(300, 4)), 2, axis=0).astype(np.float32)

    folds = split.by_content(rows, SPLIT, seed=5)

    judged = np.concatenate([fold.judging for fold in folds])
    assert sorted(judged.tolist()) == list(range(600))
    for fold in folds:
        assert not set(fold.teaching.tolist()) & set(fold.judging.tolist())
        assert all((place ^ 1) in set(fold.judging.tolist()) for place in fold.judging)
        assert 120 < len(fold.judging) < 280


def test_the_side_of_a_row_does_not_depend_on_where_it_stands():
    rows = np.random.default_rng(2).normal(size=(200, 3)).astype(np.float32)
    order = np.random.default_rng(3).permutation(200)

    here, there = (split.apart(each, 0.3, seed=9) for each in (rows, rows[order]))

    assert {row.tobytes() for row in rows[here.judging]} == {
        row.tobytes() for row in rows[order][there.judging]
    }
    assert 30 < len(here.judging) < 90


def test_another_seed_is_another_split():
    rows = np.random.default_rng(2).normal(size=(200, 3)).astype(np.float32)

    one, two = (split.apart(rows, 0.3, seed=seed) for seed in (1, 2))

    assert one.judging.tolist() != two.judging.tolist()


def test_one_instant_cannot_be_split():
    with pytest.raises(NotSplit):
        split.newest(np.zeros(10), 0.3)
