"""The figures worked out again in another way: by their definitions, slowly, and by hand."""

from __future__ import annotations

from itertools import pairwise, product
from math import isclose, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from underwriting.models import calibration, figures, metrics, stability
from underwriting.models.calibration import Kind, NotCalibrated

LOANS = st.lists(
    st.tuples(st.sampled_from([0.05, 0.1, 0.1000001, 0.3, 0.5, 0.8, 0.99]), st.booleans()),
    min_size=2,
    max_size=60,
)
"""Few probabilities: most loans have equals."""


def arrays(loans):
    pds, bads = zip(*loans, strict=True)
    return np.array(pds), np.array(bads, dtype=float)


def has_both(loans):
    return len({bad for _, bad in loans}) == 2


def auc_of_pairs(loans):
    """Go through every pair of a bad and a good loan."""
    bads, goods = ([pd for pd, bad in loans if bad is kind] for kind in (True, False))
    won = sum(
        1.0 if bad > good else 0.5 if bad == good else 0.0 for bad, good in product(bads, goods)
    )
    return won / (len(bads) * len(goods))


def ks_of_thresholds(loans):
    """Cut at every probability and compare what lies at or below it."""
    kinds = [[pd for pd, bad in loans if bad is kind] for kind in (True, False)]
    return max(
        abs(
            sum(pd <= cut for pd in kinds[0]) / len(kinds[0])
            - sum(pd <= cut for pd in kinds[1]) / len(kinds[1])
        )
        for cut, _ in loans
    )


def psi_of_shares(before, after):
    """Half a count more in each bin, then the sum of differences times logarithms."""
    total = 0.0
    for one, two in zip(before, after, strict=True):
        share = (one + 0.5) / (sum(before) + 0.5 * len(before))
        other = (two + 0.5) / (sum(after) + 0.5 * len(after))
        total += (other - share) * log(other / share)
    return total


@given(LOANS.filter(has_both))
@settings(max_examples=80, deadline=None)
def test_figures_are_those_of_their_definitions(loans):
    found = metrics.measure(*arrays(loans))

    assert isclose(found.auc, auc_of_pairs(loans), abs_tol=1e-12)
    assert isclose(metrics.auc_of(*arrays(loans)), found.auc, abs_tol=1e-12)
    assert isclose(found.ks, ks_of_thresholds(loans), abs_tol=1e-12)
    brier = sum((pd - bad) ** 2 for pd, bad in loans) / len(loans)
    log_loss = sum(-log(pd) if bad else -log(1 - pd) for pd, bad in loans) / len(loans)
    assert isclose(found.brier, brier, abs_tol=1e-12)
    assert isclose(found.log_loss, log_loss, abs_tol=1e-12)


@given(st.lists(st.booleans(), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_the_calibration_error_of_unequal_probabilities_is_that_of_ten_bins(outcomes):
    pds = np.linspace(0.02, 0.98, len(outcomes))
    bads = np.array(outcomes, dtype=float)
    places = [round(float(each)) for each in np.floor(np.linspace(0, len(pds), 11) + 1e-9)]
    if len(pds) < 10:
        places = list(range(len(pds) + 1))

    error = sum(
        abs(pds[first:last].sum() - bads[first:last].sum()) for first, last in pairwise(places)
    ) / len(pds)

    assert metrics.closeness(pds, bads).calibration_error == pytest.approx(error, abs=1e-12)


def test_the_calibration_error_by_hand():
    # 20 loans in ten bins of two. The first bin: .1 and .2, none bad, gap |.3 - 0| / 2 = .15.
    # The last: .9 twice, one bad, gap |1.8 - 1| / 2 = .4. Between: .5 and .5, one bad, no gap.
    # (.15 + .4) / 10 = .055
    pds = np.array([0.1, 0.2] + [0.5] * 16 + [0.9] * 2)
    bads = np.array([0.0, 0.0] + [1.0, 0.0] * 8 + [1.0, 0.0])

    assert metrics.measure(pds, bads).calibration_error == pytest.approx(0.055)


def test_equals_that_an_edge_parts_have_one_share_of_bads_on_both_sides():
    # 30 loans in bins of three, all of .2, a third of them bad: every bin holds one third, so each
    # gap is 1/3 - .2 = .1333; by the order of the file it would be anything from there to .467.
    pds = np.full(30, 0.2)
    bads = np.array([1.0] * 10 + [0.0] * 20)

    assert metrics.measure(pds, bads).calibration_error == pytest.approx(1 / 3 - 0.2)


@given(LOANS.filter(has_both), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_order_of_the_loans_moves_no_figure_by_a_bit(loans, chance):
    other = list(loans)
    chance.shuffle(other)
    before = np.linspace(0.1, 0.9, 30)

    assert metrics.measure(*arrays(other)) == metrics.measure(*arrays(loans))
    assert stability.psi(before, arrays(other)[0]) == stability.psi(before, arrays(loans)[0])


@given(LOANS.filter(has_both), st.randoms(use_true_random=False), st.sampled_from(Kind))
@settings(max_examples=40, deadline=None)
def test_the_order_of_the_loans_moves_no_calibration_by_a_bit(loans, chance, kind):
    other = list(loans)
    chance.shuffle(other)
    least = 1 if kind is Kind.ISOTONIC else 10**9

    fitted = []
    for each in (loans, other):
        pds, bads = arrays(each)
        try:
            fitted.append(calibration.fit(np.log(pds / (1 - pds)), bads, isotonic_bads_min=least))
        except NotCalibrated as fault:
            fitted.append(str(fault))

    assert fitted[0] == fitted[1]


def test_loans_of_one_margin_have_one_probability():
    # -1 four times, one bad; 1 four times, three bad: points (-1, 1/4) and (1, 3/4).
    margins = np.array([-1.0] * 4 + [1.0] * 4)
    bads = np.array([0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0])

    fitted = calibration.fit(margins, bads, isotonic_bads_min=1)

    assert fitted.numbers == ((-1.0, 0.25), (1.0, 0.75))


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), min_size=2, max_size=12).filter(
        lambda pairs: sum(a for a, _ in pairs) > 0 and sum(b for _, b in pairs) > 0
    )
)
@settings(max_examples=40, deadline=None)
def test_the_index_is_that_of_its_definition_and_lies_in_its_interval(pairs):
    used = [pair for pair in pairs if sum(pair)]
    before, after = zip(*used, strict=True)

    found = stability.of_counts(*(np.array(each, dtype=float) for each in zip(*pairs, strict=True)))

    assert found.value == pytest.approx(psi_of_shares(before, after), abs=1e-12)
    assert 0.0 <= found.interval.low <= found.value <= found.interval.high


@given(LOANS)
@settings(max_examples=60, deadline=None)
def test_every_figure_that_is_told_is_a_number_in_its_interval(loans):
    told = figures.of_scores(*arrays(loans))

    assert told["n"] == len(loans)
    for name in ("auc", "ks", "brier", "log_loss", "ece", "mean_pd", "bad_rate"):
        if name in figures.RANKING and not has_both(loans):
            assert told[name] is None
            assert told[f"{name}_interval_95"] is None
            continue
        low, high = told[f"{name}_interval_95"]
        assert isinstance(told[name], float)
        assert low <= told[name] <= high, name
        assert told[name] == round(told[name], 6)


def test_good_loans_alone_are_measured_but_not_ranked():
    # (.1^2 + .3^2) / 2 = .05; -(ln .9 + ln .7) / 2 = .231018; two bins: (.1 + .3) / 2 = .2
    told = figures.of_scores(np.array([0.1, 0.3]), np.zeros(2))

    assert (told["auc"], told["ks"]) == (None, None)
    assert (told["brier"], told["log_loss"], told["ece"]) == (0.05, 0.231018, 0.2)
    assert (told["mean_pd"], told["bad_rate"]) == (0.2, 0.0)
