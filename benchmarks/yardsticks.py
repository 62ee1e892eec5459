"""What this machine can do right now, without any of our code: beside it a ratio can be read."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from kernel import embedded

LOOP_TURNS: Final = 200_000
LOOP_REPEATS: Final = 5
FSYNC_WAIT_SECONDS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine of a run."""

    cores: int
    memory_gib: float
    system: str
    python: str

    def as_plain(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.cores} cores, {self.memory_gib:.0f} GiB, {self.system}, Python {self.python}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """The machine's own speed just before a case."""

    loop_turns_per_second: float
    """Turns of a bare integer loop in this Python, on one core."""
    fdatasyncs_per_second: float | None
    """Durable 8 kB writes by pg_test_fsync; None where nothing waits for the disk."""

    def __str__(self) -> str:
        loop = f"CPU loop {self.loop_turns_per_second / 1e6:.1f} M/s"
        if self.fdatasyncs_per_second is None:
            return loop
        return f"{loop}, fdatasync {self.fdatasyncs_per_second:,.0f}/s"

    def as_plain(self) -> dict[str, Any]:
        return asdict(self)


def machine() -> Machine:
    """Describe the machine."""
    pages, page_bytes = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        memory_gib=pages * page_bytes / 2**30,
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
    )


def take(*, disk: Path | None = None) -> Yardstick:
    """Measure the machine now; `disk` is a folder to write durably in."""
    return Yardstick(
        loop_turns_per_second=median(_loop() for _ in range(LOOP_REPEATS)),
        fdatasyncs_per_second=None if disk is None else _fdatasyncs(disk),
    )


def _loop() -> float:
    value = 1
    begun = time.perf_counter()
    for _ in range(LOOP_TURNS):
        value = (value * 1_103_515_245 + 12_345) & 0x7FFF_FFFF
    return LOOP_TURNS / (time.perf_counter() - begun)


def _fdatasyncs(folder: Path) -> float | None:
    """Run pg_test_fsync until it has told the one figure wanted; the rest would take 15 s."""
    command = [
        str(embedded.binaries() / "pg_test_fsync"),
        "--secs-per-test=1",
        f"--filename={folder / 'fsync.out'}",
    ]
    # stdbuf: into a pipe the program would hold its lines back until the end.
    until = time.monotonic() + FSYNC_WAIT_SECONDS
    with subprocess.Popen(
        ["stdbuf", "-oL", *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        found = None
        for line in process.stdout:
            found = re.match(r"\s*fdatasync\s+([\d.]+) ops/sec", line)
            if found or time.monotonic() > until:
                break
        process.terminate()
    return float(found.group(1)) if found else None
