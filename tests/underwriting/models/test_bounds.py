from __future__ import annotations

from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.underwriting.models.rows import trained
from underwriting import canonical
from underwriting.models import bounds, scoring
from underwriting.models.artifact import TrainedModel

pds = st.decimals(0, 1, places=6)


def test_the_bound_of_a_bin_is_wilsons_upper_end():
    found = bounds.points(np.full(100, 0.2), np.tile([1.0, 0, 0, 0, 0], 20))

    assert [mean for mean, _ in found] == ["0.200000"]
    # Ten loans a bin, two of them bad, z = 1.281552, z² = 1.642376:
    # (.2 + z²/20 + z·sqrt(.2·.8/10 + z²/400)) / (1 + z²/10) = .463837 / 1.164238 = .398405
    assert found[0][1] == "0.398405"


@given(pds, pds)
def test_a_bound_is_never_below_its_probability_and_rises_with_it(one, other):
    points = bounds.points(*_loans())
    low, high = sorted((one, other))

    assert low <= bounds.upper(points, low) <= bounds.upper(points, high) <= 1


def test_few_loans_are_bounded_more_widely():
    few, many = (bounds.points(*_loans(count)) for count in (300, 30_000))

    at = Decimal("0.2")
    assert bounds.upper(few, at) > bounds.upper(many, at)


def test_a_trained_model_knows_its_bound_and_one_without_gives_the_probability():
    told = canonical.load(trained().manifest)
    told.pop("bound")
    older = TrainedModel(trained().artifact, canonical.dump(told))
    at = Decimal("0.123456")

    assert scoring.load(trained()).bound(at) > at
    assert scoring.load(older).bound(at) == at


def _loans(count: int = 2_000):
    draw = np.random.default_rng(4)
    drawn = draw.uniform(0.01, 0.6, count)
    return drawn, (draw.uniform(size=count) < drawn).astype(float)
