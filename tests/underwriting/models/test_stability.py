from __future__ import annotations

from math import log

import numpy as np
import pytest

from underwriting.models import figures, stability


def test_the_index_by_hand():
    # With half a count added: 60.5/101 and 40.5/101 before, 40.5/101 and 60.5/101 after.
    # 2 x (20 / 101) x ln(60.5 / 40.5) = .158946
    found = stability.of_counts(np.array([60.0, 40.0]), np.array([40.0, 60.0]))

    assert found.value == pytest.approx(2 * 20 / 101 * log(60.5 / 40.5))
    assert (found.expected, found.actual, found.bins) == (100, 100, 2)


@pytest.mark.parametrize(
    ("degrees", "quantile"), [(0, 0.0), (1, 3.841), (2, 5.991), (9, 16.919), (20, 31.410)]
)
def test_quantiles_are_those_of_the_printed_table(degrees, quantile):
    assert stability.chi_square_quantile(0.95, degrees) == pytest.approx(quantile, abs=0.001)


def test_the_threshold_falls_with_the_size_of_both_samples():
    # 9 degrees: 16.919 x (1/1000 + 1/1000) = .0338, and a tenth with ten times the rows.
    few = stability.threshold(1000, 1000, bins=10)

    assert few == pytest.approx(0.033838, abs=1e-6)
    assert stability.threshold(10_000, 10_000, bins=10) == pytest.approx(few / 10)


def test_the_same_people_ring_in_one_of_twenty_months():
    draw = np.random.default_rng(5)

    found = [stability.psi(draw.normal(size=3000), draw.normal(size=400)) for _ in range(100)]

    # 5 of 100 expected; more than 12 has a chance of one in a thousand.
    assert 1 <= sum(each.has_moved for each in found) <= 12
    assert sum(each.interval.low == 0.0 for each in found) >= 95


def test_the_interval_holds_what_is_true_of_the_many():
    draw = np.random.default_rng(6)
    true = stability.psi(draw.normal(size=400_000), draw.normal(0.3, 1.0, 400_000)).value

    found = [stability.psi(draw.normal(size=3000), draw.normal(0.3, 1.0, 800)) for _ in range(100)]

    assert all(each.has_moved for each in found)
    assert sum(each.interval.low <= true <= each.interval.high for each in found) >= 88


def test_what_is_missing_is_a_bin_of_its_own():
    before = np.arange(1000.0)
    after = np.where(np.arange(1000) % 2 == 0, np.nan, before)

    found = stability.psi(before, after)

    assert found.bins == 11
    assert found.value > 1.0


def test_equal_values_are_never_parted():
    edges = stability.cut(np.array([0.0] * 90 + [1.0] * 10))

    assert edges.tolist() == [0.0]
    assert stability.tally(np.array([0.0, 1.0, np.nan, -5.0]), edges).tolist() == [2.0, 1.0, 1.0]


def test_a_figure_without_values_is_like_itself():
    nothing = np.full(10, np.nan)

    assert stability.psi(nothing, nothing).value == 0.0
    assert not stability.psi(nothing, nothing).has_moved


def test_figures_are_listed_by_how_far_they_moved():
    draw = np.random.default_rng(7)
    before = {"still": draw.normal(size=2000), "moved": draw.normal(size=2000)}
    after = {"moved": draw.normal(0.5, 1, 2000), "still": draw.normal(size=2000)}

    found = stability.csi(before, after)

    assert list(found) == ["moved", "still"]
    assert [each.has_moved for each in found.values()] == [True, False]


def test_samples_that_do_not_pair_are_refused():
    with pytest.raises(ValueError):
        stability.psi(np.array([1.0]), np.array([]))
    with pytest.raises(ValueError):
        stability.of_counts(np.array([1.0, 2.0]), np.array([1.0]))
    with pytest.raises(ValueError):
        stability.csi({"one": np.array([1.0])}, {})


def test_the_index_is_told_with_its_interval_and_both_numbers_of_rows():
    found = stability.psi(np.arange(100.0), np.arange(50.0))

    assert (found.expected, found.actual) == (100, 50)
    told = figures.of_drift(found)
    assert told["psi_n_before"] == 100
    assert told["psi_interval_95"][0] < told["psi"] <= told["psi_interval_95"][1]


def test_an_index_of_mere_chance_lies_in_its_interval_too():
    draw = np.random.default_rng(9)

    found = [stability.psi(draw.normal(size=500), draw.normal(size=500)) for _ in range(30)]

    # Chance alone adds 9 x (1/500 + 1/500) = .036: turned round, many intervals would end below.
    assert all(each.interval.low == 0.0 for each in found)
    assert all(each.value <= each.interval.high for each in found)
