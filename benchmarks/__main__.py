"""Run the benchmarks and print one table of ratios."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks import (
    assessment_batch,
    assessment_one,
    end_of_day,
    explanation,
    features_dossier,
    features_families,
    ledger_hot,
    ledger_random,
    payout_saga,
    schedule_many,
    schedule_one,
    server,
    table,
    yardsticks,
)
from benchmarks.bench import Bench
from benchmarks.table import Row
from benchmarks.yardsticks import Machine
from kernel import config, logs

BENCHMARKS: Final[Mapping[str, Callable[[Bench], list[Row]]]] = {
    "schedule_one": schedule_one.measure,
    "schedule_many": schedule_many.measure,
    "explanation": explanation.measure,
    "assessment_one": assessment_one.measure,
    "assessment_batch": assessment_batch.measure,
    "features_dossier": features_dossier.measure,
    "features_families": features_families.measure,
    "ledger_random": ledger_random.measure,
    "ledger_hot": ledger_hot.measure,
    "payout_saga": payout_saga.measure,
    "end_of_day": end_of_day.measure,
}
ROUNDS: Final = 5
SECONDS: Final = 1
SECONDS_MAX: Final = 60
CLIENTS_A_CORE: Final = 2
PEOPLE: Final = 500
DOSSIERS: Final = 50_000
DOSSIERS_FULL: Final = 1_000_000
LOANS: Final = 1_000_000
LEGS: Final = 60
OPEN_LOANS: Final = (10_000, 100_000)
OPEN_LOANS_FULL: Final = (*OPEN_LOANS, 1_000_000)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; a missed bar is shown, not an error."""
    asked = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    machine = yardsticks.machine()
    try:
        rows, failed = _run(asked, machine)
    except KeyboardInterrupt:
        print("stopped; nothing was kept", file=sys.stderr)
        return 128 + signal.SIGINT
    print("\n".join(table.lines(machine, rows)))
    if asked.json is not None:
        _write(asked.json, machine, rows)
    return 1 if failed else 0


def _run(asked: argparse.Namespace, machine: Machine) -> tuple[list[Row], int]:
    """Run benchmarks one after the other, and count those that broke down."""
    begun = time.monotonic()
    rows: list[Row] = []
    failed = 0
    with (
        server.opened(config.read(os.environ).home / "bench") as (url, home),
        (home / "log.jsonl").open("w", encoding="utf-8") as log,
    ):
        logs.configure(stream=log)
        bench = Bench(
            server_url=url,
            folder=home,
            disk=home,
            seconds=asked.seconds,
            rounds=ROUNDS,
            clients=CLIENTS_A_CORE * machine.cores,
            people=PEOPLE,
            dossiers=DOSSIERS_FULL if asked.full else DOSSIERS,
            loans=LOANS,
            legs=LEGS,
            open_loans=OPEN_LOANS_FULL if asked.full else OPEN_LOANS,
            say=lambda text: print(
                f"[{time.monotonic() - begun:4.0f} s] {text} ...", file=sys.stderr, flush=True
            ),
        )
        for name in asked.names or BENCHMARKS:
            try:
                rows.extend(BENCHMARKS[name](bench))
            except Exception:  # noqa: BLE001 - what the others measured is not thrown away
                traceback.print_exc()
                failed += 1
                fault = "it broke down; the error stands above"
                rows.append(Row(benchmark=name, case="", ratios=(), bar=None, notes=fault))
        bench.say("stopping the server")
    return rows, failed


def _write(path: Path, machine: Machine, rows: Sequence[Row]) -> None:
    plain = {"machine": machine.as_plain(), "rows": [row.as_plain() for row in rows]}
    path.write_text(json.dumps(plain, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", type=_name, help=f"any of {', '.join(BENCHMARKS)}"
    )
    parser.add_argument(
        "--full",
        action="store_true",
        help=f"close the day of {OPEN_LOANS_FULL[-1]:,} loans, too, and decide on "
        f"{DOSSIERS_FULL:,} dossiers at once, which takes long",
    )
    parser.add_argument("--json", type=_new_file, metavar="PATH", help="write the rows there too")
    parser.add_argument(
        "--seconds",
        type=_seconds,
        default=SECONDS,
        metavar="N",
        help=f"length of one stretch against the database (default {SECONDS})",
    )
    return parser


def _name(text: str) -> str:
    if text not in BENCHMARKS:
        raise argparse.ArgumentTypeError(f"no benchmark {text!r}: any of {', '.join(BENCHMARKS)}")
    return text


def _new_file(text: str) -> Path:
    path = Path(text)
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"cannot write a file at {text!r}")
    return path


def _seconds(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= SECONDS_MAX):
        raise argparse.ArgumentTypeError(f"a whole number from 1 to {SECONDS_MAX}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
