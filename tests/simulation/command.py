"""`make simulate`: run many seeds and count, or one and tell every step."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from kernel import embedded
from kernel.money import Money
from tests.simulation import kinds
from tests.simulation.running import Result, Runner
from tests.simulation.storage import drop_database, forget_power_cuts, make_database

TOLD_EVERY = 250
HOME = Path(os.environ.get("DAICHANG_HOME", "var")) / "simulation"


def main(given: list[str]) -> int:
    """Run what was asked for and give the exit code: 1 when a seed fails."""
    asked = _read(given)
    server = os.environ.get("DAICHANG_TEST_DATABASE_URL")
    home = None if server else HOME
    if server is None:
        server = embedded.start(HOME)
        forget_power_cuts(server)
    name = f"simulation_{os.getpid()}"
    try:
        runner = Runner(make_database(server, name))
        try:
            return _replay(runner, asked.seed) if asked.seed is not None else _run(runner, asked)
        finally:
            runner.close()
    finally:
        drop_database(server, name)
        if home is not None:
            embedded.stop(home)


def _read(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--go-on", action="store_true", help="do not stop at the first failure")
    return parser.parse_args(given)


def _replay(runner: Runner, seed: int) -> int:
    result = runner.run(seed)
    _say("\n".join(result.trace))
    _say(f"seed {seed}: {result.steps} steps, trace {result.digest[:16]}")
    _say(result.failure or "every invariant held")
    return 0 if result.failure is None else 1


def _run(runner: Runner, asked: argparse.Namespace) -> int:
    began, counts, failed = time.monotonic(), Counter[str](), list[Result]()
    steps = money = done = 0
    with suppress(KeyboardInterrupt):  # what was counted so far is told all the same
        for seed in range(asked.first, asked.first + asked.seeds):
            result = runner.run(seed)
            done += 1
            steps, money = steps + result.steps, money + result.money
            counts.update(result.counts)
            if done % TOLD_EVERY == 0:
                _say(f"{done} seeds, {time.monotonic() - began:.0f} s, {steps:,} steps")
            if result.failure is not None:
                failed.append(result)
                _say(f"seed {seed} fails: {result.failure}")
                if not asked.go_on:
                    break
    seconds = time.monotonic() - began
    _tell(counts)
    _say(
        f"{done} seeds from {asked.first} in {seconds:.1f} s ({done / seconds:.1f} seeds/s), "
        f"{steps:,} steps, {Money(money)} yuan paid by the channel, {len(failed)} failed"
    )
    if failed:
        _say("failed: " + " ".join(str(result.seed) for result in failed))
    return 1 if failed else 0


def _tell(counts: Counter[str]) -> None:
    for what, count in sorted(counts.items()):
        _say(f"{count:>11,}  {what}")
    for heading, sums in (
        ("faults by kind", kinds.by_kind(counts)),
        ("deaths by point", kinds.by_point(counts)),
        ("comparisons by invariant", kinds.by_invariant(counts)),
    ):
        _say(f"{heading}: {sum(sums.values()):,}")
        for what, count in sums.items():
            _say(f"{count:>11,}  {what}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
