"""Two hundred seeds: whoever dies where, nothing is lost and nothing is paid twice."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.simulation import kinds

ROOT = Path(__file__).resolve().parents[2]
SEEDS = 200
AT_ONCE = 20

ONE_TRACE = """
import sys
from tests.simulation.running import Runner
from tests.simulation.storage import drop_database, make_database

server, name = sys.argv[1], "simulation_again"
runner = Runner(make_database(server, name))
print(*(runner.run(seed).digest for seed in map(int, sys.argv[2:])))
runner.close()
drop_database(server, name)
"""


@pytest.fixture(scope="module")
def lived(runner):
    """Give what runs a seed once, and what became of it."""
    return functools.cache(runner.run)


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_every_invariant_holds_after_every_step_and_all_comes_to_an_end(lived, first):
    failures = {}

    for seed in range(first, first + AT_ONCE):
        result = lived(seed)
        if result.failure is not None:
            failures[seed] = result.failure

    assert failures == {}, "make simulate SEED=... tells every step"


def test_the_seeds_come_by_every_point_of_death_every_kind_of_fault_and_every_invariant(lived):
    counts = Counter()

    for seed in range(SEEDS):
        counts.update(lived(seed).counts)

    assert not [kind for kind, count in kinds.by_kind(counts).items() if count == 0]
    assert not [point for point, count in kinds.by_point(counts).items() if count == 0]
    assert not [name for name, count in kinds.by_invariant(counts).items() if count == 0]


def test_the_same_seed_takes_the_same_steps_in_another_process(runner, database_server):
    seeds = (7, 3)
    here = {seed: runner.run(seed).digest for seed in sorted(seeds)}

    there = subprocess.run(
        [sys.executable, "-c", ONE_TRACE, database_server, *map(str, seeds)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert there.stdout.split() == [here[seed] for seed in seeds]


def test_another_seed_takes_other_steps(runner):
    assert runner.run(3).digest != runner.run(4).digest
