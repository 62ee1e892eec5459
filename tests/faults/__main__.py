"""Tell stories of faults one after the other: `python -m tests.faults --runs 24`.

Exit code 1 when a story ends with a complaint; its seed is printed, and `--seed` tells it again
with everything that happens.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import click

from tests.faults import story
from tests.faults.postgres import Server
from tests.faults.story import Told

RUNS = 24


def main() -> int:
    """Tell the stories that were asked for."""
    asked = _parse()
    # As Ctrl-C does: the crew and the server of a story must not outlive it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    seeds = [asked.seed] if asked.seed else range(asked.first, asked.first + asked.runs)
    folder = Path(tempfile.mkdtemp(prefix="daichang-faults-"))
    folder.chmod(0o755)
    server = Server(folder / "server")
    server.folder.mkdir(mode=0o755)
    try:
        server.make()
        told = [_tell(seed, server, folder, aloud=bool(asked.seed)) for seed in seeds]
    finally:
        server.stop()
        if asked.keep:
            click.echo(f"kept: {folder}")
        else:
            shutil.rmtree(folder)
    return _sum_up(told)


def _tell(seed: int, server: Server, folder: Path, *, aloud: bool) -> Told:
    trace = _tracer() if aloud else _quiet
    try:
        told = story.tell(seed, server, folder / f"story-{seed}", trace=trace)
    except Exception as broken:  # noqa: BLE001 - it is told, and it fails the run
        # One story that breaks off must not keep the others from being told.
        traceback.print_exc()
        told = story.broken_off(seed, f"the story broke off: {type(broken).__name__}")
        server.start_again()
    happened = ", ".join(
        f"{name} ×{count}" if count > 1 else name for name, count in sorted(told.happened.items())
    )
    click.echo(
        f"seed {seed:3d}  {told.seconds:5.1f} s  {told.days} days  paid {told.paid},"
        f" returned {told.returned}, collected {told.collected}  {happened}",
    )
    for complaint in told.complaints:
        click.echo(f"    {complaint}")
    return told


def _sum_up(stories: list[Told]) -> int:
    happened: Counter[str] = Counter()
    for told in stories:
        happened.update(told.happened)
    click.echo(
        f"\n{len(stories)} runs in {sum(told.seconds for told in stories):.0f} s, by kind of fault:"
    )
    for name, count in happened.most_common():
        click.echo(f"  {count:4d}  {name}")
    failed = [told.seed for told in stories if told.complaints]
    for seed in failed:
        click.echo(f"FAILED: seed {seed}; tell it again with `make test-faults SEED={seed}`")
    return 1 if failed else 0


def _tracer() -> Callable[[str], None]:
    begun = time.monotonic()
    return lambda what: click.echo(f"  {time.monotonic() - begun:6.2f} s  {what}")


def _quiet(_: str) -> None:
    """Say nothing."""


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help="how many stories")
    parser.add_argument("--first", type=int, default=1, help="seed of the first")
    parser.add_argument("--seed", type=int, help="tell this one alone, aloud")
    parser.add_argument("--keep", action="store_true", help="leave the logs and the server's data")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
