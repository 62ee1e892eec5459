from __future__ import annotations

import numpy as np
import pytest

from underwriting.models import metrics


def test_a_ranking_is_measured_by_its_pairs():
    # Pairs of bad and good: .9>.1, .9>.6, .4>.1 right; .4<.6 wrong: 3 of 4.
    found = metrics.measure(np.array([0.9, 0.1, 0.4, 0.6]), np.array([1.0, 0.0, 1.0, 0.0]))

    assert found.auc == 0.75
    assert found.loans == 4
    assert found.bads == 2


def test_ties_count_half():
    found = metrics.measure(np.array([0.3, 0.3]), np.array([1.0, 0.0]))

    assert found.auc == 0.5
    assert found.ks == 0.0


def test_brier_and_log_loss_by_hand():
    # ((.8-1)^2 + (.4-0)^2) / 2 = .10; -(ln .8 + ln .6) / 2 = .3669845
    found = metrics.measure(np.array([0.8, 0.4]), np.array([1.0, 0.0]))

    assert found.brier == pytest.approx(0.10)
    assert found.log_loss == pytest.approx(0.3669845)
    assert found.ks == 1.0


def test_calibration_error_is_the_gap_of_the_bins():
    # Every bin of ten says .3 and has 5 of 10 bad: the gap is .2 in each.
    pds = np.full(100, 0.3)
    bads = np.tile([1.0, 0.0], 50)

    assert metrics.measure(pds, bads).calibration_error == pytest.approx(0.2)


def test_the_interval_of_the_auc_narrows_with_loans():
    draw = np.random.default_rng(1)
    widths = []
    for count in (200, 5000):
        pds = draw.uniform(size=count)
        bads = (draw.uniform(size=count) < pds).astype(float)
        plain = metrics.measure(pds.clip(0.001, 0.999), bads).to_plain()
        low, high = (float(text) for text in plain["auc_interval_95"])
        assert low < float(plain["auc"]) < high
        widths.append(high - low)

    assert widths[1] < widths[0] / 3


def test_one_kind_of_loan_measures_nothing():
    with pytest.raises(ValueError):
        metrics.measure(np.array([0.5]), np.array([1.0]))
