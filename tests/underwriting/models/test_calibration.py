from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from underwriting.models import calibration, metrics
from underwriting.models.calibration import Calibration, Kind, NotCalibrated


def window(count: int = 4000, *, slope: float = 0.5, intercept: float = -1.0, seed: int = 3):
    draw = np.random.default_rng(seed)
    margins = draw.normal(0, 1.5, count)
    bads = (draw.uniform(size=count) < 1 / (1 + np.exp(-(slope * margins + intercept)))).astype(
        float
    )
    return margins, bads


def test_platt_finds_the_line_that_made_the_bads():
    margins, bads = window(40_000, seed=4)

    fitted = calibration.fit(margins, bads, isotonic_bads_min=10**9)

    assert fitted.kind is Kind.PLATT
    slope, intercept = fitted.numbers[0]
    assert slope == pytest.approx(0.5, abs=0.03)
    assert intercept == pytest.approx(-1.0, abs=0.03)


def test_many_bads_carry_an_isotonic_line():
    margins, bads = window(12_000)

    fitted = calibration.fit(margins, bads, isotonic_bads_min=2_000)

    assert fitted.kind is Kind.ISOTONIC
    found = metrics.measure(fitted.apply(margins), bads)
    assert found.calibration_error < 0.01


@pytest.mark.parametrize("isotonic_bads_min", [1, 10**9])
def test_a_higher_margin_never_gets_a_lower_probability(isotonic_bads_min):
    margins, bads = window(2_000)
    fitted = calibration.fit(margins, bads, isotonic_bads_min=isotonic_bads_min)

    found = fitted.apply(np.linspace(-9, 9, 400))

    assert (np.diff(found) >= 0).all()
    assert ((found > 0) & (found < 1)).all()


@pytest.mark.parametrize("isotonic_bads_min", [1, 10**9])
def test_a_score_that_runs_the_wrong_way_is_refused(isotonic_bads_min):
    margins = np.arange(100.0)
    bads = (margins < 50).astype(float)

    with pytest.raises(NotCalibrated):
        calibration.fit(margins, bads, isotonic_bads_min=isotonic_bads_min)


@pytest.mark.parametrize("bads", [np.zeros(10), np.ones(10)])
def test_one_kind_of_loan_calibrates_nothing(bads):
    with pytest.raises(NotCalibrated):
        calibration.fit(np.arange(10.0), bads, isotonic_bads_min=1)


@given(st.lists(st.tuples(st.floats(-30, 30), st.floats(0, 1)), min_size=1, max_size=5))
def test_a_calibration_survives_its_spelling(numbers):
    kept = Calibration(Kind.ISOTONIC, tuple(sorted(numbers)))

    assert calibration.from_plain(kept.to_plain()) == kept
