"""Closes days of a database in a process of its own, one line for each step; it may be killed."""

from __future__ import annotations

import sys
from datetime import date

from disbursement import end_of_day
from kernel import db
from kernel.clock import SystemClock


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    db.bind(db.open_engine(sys.argv[1]))
    end_of_day.close_days(
        SystemClock(),
        through=date.fromisoformat(sys.argv[2]),
        chunk=2,
        tell=lambda progress: _say(f"{progress.day} {progress.done}"),
    )
