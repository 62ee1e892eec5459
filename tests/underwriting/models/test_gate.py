from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from underwriting.models import gate, metrics
from underwriting.models.gate import Conditions, Form


def test_a_better_model_that_holds_everything_passes():
    good, worse, bads = scored()

    verdict = gate.compare(worse, good, bads, seed=1, draws=200, conditions=known(good))

    assert verdict.is_passed
    assert verdict.reasons == ()
    assert verdict.auc.interval.low > 0.0
    assert verdict.log_loss.interval.high < 0.0


def test_a_worse_model_is_turned_back_with_both_reasons():
    good, worse, bads = scored()

    verdict = gate.compare(good, worse, bads, seed=1, draws=200, conditions=known(worse))

    assert not verdict.is_passed
    assert failed(verdict) == ["auc", "log_loss"]
    assert all("asked is" in reason for reason in verdict.reasons)


def test_the_same_scores_are_not_better_and_not_worse():
    good, _, bads = scored()

    better = gate.compare(good, good, bads, seed=1, draws=200, conditions=known(good))
    as_good = gate.compare(
        good, good, bads, seed=1, draws=200, conditions=known(good, form=Form.NOT_WORSE)
    )

    assert failed(better) == ["auc", "log_loss"]
    assert as_good.is_passed


def test_a_little_worse_passes_within_the_margin_alone():
    good, worse, bads = scored()
    wide = known(
        worse, form=Form.NOT_WORSE, auc_margin=Decimal("0.1"), log_loss_margin=Decimal("0.1")
    )

    assert gate.compare(good, worse, bads, seed=1, draws=200, conditions=wide).is_passed
    assert failed(
        gate.compare(
            good, worse, bads, seed=1, draws=200, conditions=known(worse, form=Form.NOT_WORSE)
        )
    ) == ["auc", "log_loss"]


def test_what_was_not_measured_does_not_hold():
    good, worse, bads = scored()

    verdict = gate.compare(worse, good, bads, seed=1, draws=200)

    assert failed(verdict) == ["psi", "signs"]


def test_probabilities_that_are_off_do_not_pass():
    good, worse, bads = scored()
    high = np.clip(good + 0.05, 0.0, 0.99)

    verdict = gate.compare(worse, high, bads, seed=1, draws=200, conditions=known(high))

    assert "calibration_error" in failed(verdict)


def test_scores_that_moved_since_training_do_not_pass():
    good, worse, bads = scored()

    verdict = gate.compare(worse, good, bads, seed=1, draws=200, conditions=known(good / 2))

    assert failed(verdict) == ["psi"]


def test_a_broken_sign_is_named():
    good, worse, bads = scored()
    conditions = Conditions(training_pds=good, broken_signs=("income",))

    verdict = gate.compare(worse, good, bads, seed=1, draws=200, conditions=conditions)

    assert verdict.reasons == ("signs: broken: income, asked is every declared sign",)


def test_the_same_seed_gives_the_same_verdict():
    good, worse, bads = scored(count=500)

    once, again = (gate.compare(good, worse, bads, seed=3, draws=200) for _ in range(2))
    other = gate.compare(good, worse, bads, seed=4, draws=200)

    assert once.to_plain() == again.to_plain()
    assert other.auc.interval != once.auc.interval


def test_pairs_make_the_interval_narrow():
    # Two scores that agree but for a hair: apart, each AUC has an error of about .007.
    good, _, bads = scored()
    near = (good * np.random.default_rng(8).uniform(0.98, 1.02, len(good))).clip(0.001, 0.999)

    found = gate.compare(good, near, bads, seed=1, draws=300).auc

    assert metrics.measure(good, bads).auc_error > 0.006
    assert found.interval.high - found.interval.low < 0.004


def test_the_interval_of_a_difference_holds_what_is_true_of_the_many():
    good, worse, bads = scored(count=200_000, seed=9)
    true = metrics.auc_of(worse, bads) - metrics.auc_of(good, bads)

    held = 0
    for start in range(0, 80 * 400, 400):
        part = slice(start, start + 400)
        found = gate.compare(good[part], worse[part], bads[part], seed=start, draws=200)
        held += found.auc.interval.low <= true <= found.auc.interval.high

    # 76 of 80 expected; less than 69 has a chance of two in a thousand.
    assert held >= 69


@pytest.mark.parametrize("draws", [0, 199, 10_001])
def test_draws_have_bounds(draws):
    good, worse, bads = scored(count=100)

    with pytest.raises(ValueError):
        gate.compare(good, worse, bads, seed=1, draws=draws)


def test_scores_of_other_loans_are_no_pair():
    good, worse, bads = scored(count=100)

    with pytest.raises(ValueError):
        gate.compare(good, worse[:-1], bads, seed=1)


def known(pds, **more):
    return Conditions(training_pds=pds, broken_signs=(), **more)


def failed(verdict):
    return [check.name for check in verdict.checks if not check.holds]


def scored(*, count=6000, seed=4):
    """Probabilities that are right, others that know less, and what became of the loans."""
    draw = np.random.default_rng(seed)
    seen, hidden = draw.normal(size=count), draw.normal(size=count)
    good = 1.0 / (1.0 + np.exp(1.5 - seen - 0.7 * hidden))
    worse = 1.0 / (1.0 + np.exp(1.35 - 0.9 * seen))
    return good, worse, (draw.uniform(size=count) < good).astype(float)
