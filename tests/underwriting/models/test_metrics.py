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


@pytest.mark.parametrize("pd", [0.0, 1.0, float("nan"), -0.1])
def test_what_is_no_probability_is_not_measured(pd):
    with pytest.raises(ValueError):
        metrics.measure(np.array([0.5, pd]), np.array([1.0, 0.0]))


def test_the_error_of_the_auc_by_hand():
    # Placements of the bads: .9 beats 2 of 2, .4 beats 1 of 2: 1 and .5, variance .125.
    # Of the goods: .1 is beaten by 2 of 2, .6 by 1 of 2: the same. .125 / 2 + .125 / 2 = .125.
    found = metrics.measure(np.array([0.9, 0.1, 0.4, 0.6]), np.array([1.0, 0.0, 1.0, 0.0]))

    assert found.auc_error == pytest.approx(0.125**0.5)


def test_every_figure_has_an_interval_round_it():
    pds, bads = drawn(400, seed=2)

    plain = metrics.measure(pds, bads).to_plain()

    for name in metrics.FIGURES:
        low, high = (float(text) for text in plain[f"{name}_interval_95"])
        assert low < float(plain[name]) < high, name


def test_intervals_cover_what_is_true_of_the_many():
    true = metrics.measure(*drawn(200_000, seed=3))
    covered = dict.fromkeys(metrics.FIGURES, 0)

    for seed in range(200):
        found = metrics.measure(*drawn(1000, seed=seed))
        for name in metrics.FIGURES:
            # The probabilities are right by construction: the true calibration error is nothing.
            truth = 0.0 if name == "calibration_error" else getattr(true, name)
            covered[name] += found.intervals[name].low <= truth <= found.intervals[name].high

    # 95 % of 200 is 190, and less than 178 has a chance of one in a thousand; the gap of the
    # distributions is the largest of many, found too large in small samples.
    assert {name for name, count in covered.items() if count < 178} <= {"ks"}
    assert covered["ks"] >= 165


def test_a_faultless_score_of_few_loans_is_no_proof():
    # Five bads ranked rightly: .025 ** (1 / 5) = .4782.
    pds = np.linspace(0.1, 0.9, 20)
    found = metrics.measure(pds, (pds > 0.7).astype(float))

    assert found.auc == 1.0
    assert found.intervals["auc"] == (pytest.approx(0.4782, abs=1e-4), 1.0)


def test_right_probabilities_show_the_error_of_mere_noise():
    errors = [metrics.measure(*drawn(2000, seed=seed)) for seed in range(30)]

    mean = np.mean([found.calibration_error for found in errors])

    assert mean == pytest.approx(np.mean([found.calibration_noise for found in errors]), rel=0.15)


def drawn(count, *, seed):
    draw = np.random.default_rng(seed)
    pds = draw.beta(1.5, 6.0, count).clip(1e-6, 1 - 1e-6)
    return pds, (draw.uniform(size=count) < pds).astype(float)
