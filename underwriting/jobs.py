"""The jobs of underwriting: watch each day when it is over."""

from __future__ import annotations

from typing import Final

from kernel import logs
from kernel.db import transaction
from kernel.jobs import Job
from kernel.surroundings import Surroundings
from underwriting.watched import Verdict
from underwriting.watching import readings, watch

log = logs.logger(__name__)


def watch_yesterday(surroundings: Surroundings) -> int:
    """Watch the last day that is over, and count the alarms; once watched it is left alone."""
    at = surroundings.clock.now()
    day = watch.day_to_watch(at)
    with transaction() as session:
        if readings.latest_day(session) == day:
            return 0
        watch.mark(session, day=day, at=at)
    with transaction() as session:
        found = watch.run(session, day=day, at=at)
    rang = [each for each in found if each.verdict is Verdict.ALARM]
    for each in rang:
        log.warning("watch.alarm", measure=each.measure, subject=each.subject, part=each.part)
    return len(rang)


JOBS: Final = (Job(name="underwriting-watch", every_seconds=1_800, run=watch_yesterday),)
"""Twice an hour: a day is watched within half an hour of its end, and a failed run is made good."""
