"""How often watching rings when nothing is wrong, and how often it finds what was planted.

Simulated periods go through the very judges of the daily watch. In a quiet period the people of
today are drawn like those before, loans turn bad as often as expected, agencies and groups are
alike, and households share a device now and then. Then one thing at a time is planted.

Run it with ``python -m benchmarks.watch_quiet``.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks import watch_periods
from benchmarks.watch_periods import DAY, Plant, Town
from demo.simulator import QUIET, Drift
from underwriting.models.metrics import wilson
from underwriting.watched import Measure, Reading, Verdict
from underwriting.watching import bars, counted

PERIODS: Final = 400
PLANTED: Final = 40
PEOPLE: Final = 8_000
SEED: Final = 20_261_124
PERIODS_MAX: Final = 100_000
PLANTS: Final = (
    Plant(name="stress + 0.2 sd", drift=Drift(stress=0.2), finds=Measure.FIGURE_DRIFT),
    Plant(name="stress + 0.4 sd", drift=Drift(stress=0.4), finds=Measure.FIGURE_DRIFT),
    Plant(name="stress + 0.6 sd", drift=Drift(stress=0.6), finds=Measure.SCORE_DRIFT),
    Plant(name="bad odds x 1.5", drift=Drift(outcome=0.41), finds=Measure.CALIBRATION),
    Plant(name="bad odds x 2", drift=Drift(outcome=0.69), finds=Measure.CALIBRATION),
    Plant(name="bad odds x 2", drift=Drift(outcome=0.69), finds=Measure.VINTAGE),
    Plant(name="bad odds x 3", drift=Drift(outcome=1.10), finds=Measure.VINTAGE),
    Plant(name="ring of 4", ring=4, finds=Measure.RING),
    Plant(name="15 % shared devices", devices=0.15, finds=Measure.SHARED_DEVICES),
    Plant(name="15 % coached texts", coached=0.15, finds=Measure.ALIKE_TEXTS),
    Plant(name="20 % inflated balances", inflated=0.20, finds=Measure.INFLATED_BALANCES),
    Plant(name="30 % refused", refused=0.30, finds=Measure.APPROVAL),
    Plant(name="30 % refused", refused=0.30, finds=Measure.FAIR_APPROVAL),
)


@dataclass(frozen=True, slots=True)
class Quiet:
    """What quiet periods showed."""

    periods: int
    ringing: int
    """Periods in which anything rang."""
    readings: Mapping[Measure, int]
    alarms: Mapping[Measure, int]
    notices: Mapping[Measure, int]

    def lines(self) -> list[str]:
        """Spell the false alarms by measure and in all."""
        told = [f"{'measure':<20}{'readings':>10}{'alarms':>8}{'notices':>9}"]
        told += [
            f"{measure.value:<20}{self.readings[measure]:>10}{self.alarms[measure]:>8}"
            f"{self.notices[measure]:>9}"
            for measure in Measure
        ]
        most = wilson(self.ringing, self.periods).high
        return [
            f"{self.periods} quiet periods",
            *told,
            f"false alarm in {self.ringing} of {self.periods} periods: "
            f"{self.ringing / self.periods:.2%}, at most {most:.2%} (95 %)",
        ]


@dataclass(frozen=True, slots=True)
class Found:
    """How often one plant was found."""

    plant: Plant
    periods: int
    found: int

    @property
    def line(self) -> str:
        """Spell it."""
        return f"{self.plant.name:<26}{self.plant.finds.value:<20}{self.found:>4} of {self.periods}"


def quiet(town: Town, *, periods: int, seed: int = SEED) -> Quiet:
    """Watch quiet periods and count what rings."""
    draw = np.random.default_rng([seed, 0])
    told: Counter[tuple[Measure, Verdict]] = Counter()
    ringing = 0
    for _ in range(periods):
        found = _watched(watch_periods.period(draw, town))
        told.update((each.measure, each.verdict) for each in found)
        ringing += any(each.verdict is Verdict.ALARM for each in found)
    return Quiet(
        periods=periods,
        ringing=ringing,
        readings={m: sum(told[m, verdict] for verdict in Verdict) for m in Measure},
        alarms={m: told[m, Verdict.ALARM] for m in Measure},
        notices={m: told[m, Verdict.NOTICE] for m in Measure},
    )


def planted(town: Town, plant: Plant, *, periods: int, people: int, seed: int = SEED) -> Found:
    """Watch periods with one thing wrong and count in how many its measure rings."""
    draw = np.random.default_rng([seed, 1, PLANTS.index(plant) if plant in PLANTS else 99])
    drifted = None
    if plant.drift.stress != QUIET.stress:
        drifted = watch_periods.pool(seed + 1, people, plant.drift)
    found = 0
    for _ in range(periods):
        read = _watched(watch_periods.period(draw, town, plant=plant, drifted=drifted))
        found += any(each.measure is plant.finds and each.verdict is Verdict.ALARM for each in read)
    return Found(plant, periods, found)


def _watched(period: counted.Counted) -> list[Reading]:
    return list(counted.readings(period, bars.in_force(DAY)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.watch_quiet", description=__doc__)
    parser.add_argument("--periods", type=_count, default=PERIODS, help="quiet ones")
    parser.add_argument("--planted", type=_count, default=PLANTED, help="of each plant")
    parser.add_argument("--seed", type=int, default=SEED)
    asked = parser.parse_args(arguments)
    town = watch_periods.town(asked.seed, PEOPLE)
    print("\n".join(quiet(town, periods=asked.periods, seed=asked.seed).lines()))
    print(f"\n{'planted':<26}{'found by':<20}")
    for plant in PLANTS:
        found = planted(town, plant, periods=asked.planted, people=PEOPLE // 2, seed=asked.seed)
        print(found.line, flush=True)
    return 0


def _count(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= PERIODS_MAX):
        raise argparse.ArgumentTypeError(f"a whole number from 1 to {PERIODS_MAX}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
