"""The end of day in the background, by itself."""

from __future__ import annotations

from typing import Final

from disbursement import end_of_day
from kernel.jobs import Job
from kernel.surroundings import Surroundings


def close_due(surroundings: Surroundings) -> int:
    """Close every business day that is over and was not closed yet, and count the days.

    Raises:
        LoansLeftOpen: a loan could not be closed, so its day waits for a person.
    """
    run = end_of_day.close_days(surroundings.clock)
    if run.failed:
        raise end_of_day.LoansLeftOpen(f"{len(run.failed)} loans of {run.stopped_at}")
    return len(run.closed)


JOBS: Final[tuple[Job, ...]] = (Job(name="end-of-day", every_seconds=600, run=close_due),)
