"""Quiet periods stay quiet, and what is planted is found: few periods here, many by the command.

``python -m benchmarks.watch_quiet`` prints the rates that docs/watching.md tells.
"""

from __future__ import annotations

import sys

import pytest

from benchmarks import watch_periods, watch_quiet
from benchmarks.watch_periods import Plant
from demo.simulator import Drift
from underwriting.watched import Measure

PEOPLE = 2_000
PERIODS = 8
PLANTS = (
    Plant(name="stress", drift=Drift(stress=0.8), finds=Measure.SCORE_DRIFT),
    Plant(name="outcome", drift=Drift(outcome=1.1), finds=Measure.CALIBRATION),
    Plant(name="ring", ring=4, finds=Measure.RING),
    Plant(name="devices", devices=0.25, finds=Measure.SHARED_DEVICES),
    Plant(name="texts", coached=0.25, finds=Measure.ALIKE_TEXTS),
    Plant(name="balances", inflated=0.30, finds=Measure.INFLATED_BALANCES),
    Plant(name="refused", refused=0.50, finds=Measure.FAIR_APPROVAL),
)


@pytest.fixture(scope="module")
def town():
    return watch_periods.town(1, PEOPLE)


def test_quiet_periods_ring_no_more_often_than_is_allowed(town):
    found = watch_quiet.quiet(town, periods=PERIODS, seed=1)

    sys.stdout.write("\n".join([*found.lines(), ""]))
    assert found.readings[Measure.FIGURE_DRIFT] == 26 * PERIODS
    # Fifteen measures at 1 in 2,000 each would be one period in 130; the command counts many.
    assert found.ringing == 0


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_what_is_planted_is_found(town, plant):
    found = watch_quiet.planted(town, plant, periods=1, people=900, seed=1)

    assert found.found == 1
