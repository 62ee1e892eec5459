from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from underwriting.models import reading_words
from underwriting.models.spec_features import Category
from underwriting.reasons import Reason

TOWN = Category(
    name="town", columns=("town",), meaning="town", reason=Reason.SHORT_HISTORY, has_frequency=True
)


def learnt(words, bads, smoothing=10.0):
    return reading_words.learn([TOWN], words, bads, smoothing=smoothing)


def towns(*words):
    return {"town": np.array(words, dtype=object)}


def test_a_word_has_its_share_of_bads_pulled_to_the_mean():
    # 3 of 4 bad over all; A: 2 of 2, so (2 + 10·.75) / (2 + 10) = .791667
    statistics = learnt(towns("A", "A", "B", "B"), np.array([1.0, 1.0, 1.0, 0.0]))

    found = statistics.columns(towns("A", "never seen"))

    assert found["town__rate"].tolist() == pytest.approx([0.7916667, 0.75])
    # 2 of 4 have A: 5,000 of 10,000.
    assert found["town__frequency"].tolist() == pytest.approx([np.log(5001), 0.0])
    assert statistics.unseen(towns("A", "C", "C")) == {"town": 2}


@given(
    st.lists(st.tuples(st.sampled_from("ABC"), st.booleans()), min_size=8, max_size=60),
    st.integers(0, 7),
)
def test_nobody_is_told_by_his_own_outcome(loans, place):
    words = towns(*(word for word, _ in loans))
    bads = np.array([float(bad) for _, bad in loans])
    other = bads.copy()
    other[place] = 1.0 - other[place]
    folds = reading_words.draw_folds(len(bads), 4, seed=1)

    one, two = (
        learnt(words, each).columns_of_teachers(words, each, folds)["town__rate"][place]
        for each in (bads, other)
    )

    assert one == pytest.approx(two)


def test_folds_are_of_equal_size_and_the_same_for_a_seed():
    one, two = (reading_words.draw_folds(100, 5, seed=3) for _ in range(2))

    assert np.bincount(one.numbers).tolist() == [20] * 5
    assert one.numbers.tolist() == two.numbers.tolist()
