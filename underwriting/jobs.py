"""The jobs of underwriting: watch each day when it is over, score in the shadow, tell what is late."""

from __future__ import annotations

from typing import Final

from kernel import logs
from kernel.db import transaction
from kernel.jobs import Job
from kernel.surroundings import Surroundings
from underwriting import review_queue, shadowing
from underwriting.watched import Verdict
from underwriting.watching import watch
from underwriting.watching.readings import ReadingView

SHADOW_ROUNDS_MAX: Final = 50
"""Transactions of one run; where the log is longer, the next run goes on."""

log = logs.logger(__name__)


def watch_days(surroundings: Surroundings) -> int:
    """Watch the days that are over and were not watched, a week at most, and count the alarms."""
    at = surroundings.clock.now()
    with transaction() as session:
        days = watch.unwatched(session, at=at)
    rang = 0
    for day in days:
        with transaction() as session:
            watch.mark(session, day=day, at=at)
        with transaction() as session:
            found = watch.run(session, day=day, at=at)
        rang += _told(found)
    return rang


def _told(found: tuple[ReadingView, ...]) -> int:
    rang = [each for each in found if each.verdict is Verdict.ALARM]
    for each in rang:
        log.warning(
            "watch.alarm",
            day=each.day.isoformat(),
            measure=each.measure,
            subject=each.subject,
            part=each.part,
        )
    return len(rang)


def score_in_the_shadow(surroundings: Surroundings) -> int:
    """Let challengers score what was decided since the last run, and count their scores."""
    done = 0
    for _ in range(SHADOW_ROUNDS_MAX):
        with transaction() as session:
            facts, scores = shadowing.score(session, at=surroundings.clock.now())
        done += scores
        if not facts:
            break
    return done


def tell_overdue_reviews(surroundings: Surroundings) -> int:
    """Tell each review that nobody answered in time once, and count them."""
    with transaction() as session:
        late = review_queue.tell_overdue(session, at=surroundings.clock.now())
    for assessment_id in late:
        log.warning("review.overdue", assessment_id=str(assessment_id))
    return len(late)


JOBS: Final = (
    # Twice an hour: a day is watched soon after its end, and a failed run is made good.
    Job(name="underwriting-watch", every_seconds=1_800, run=watch_days),
    Job(name="underwriting-shadow", every_seconds=60, run=score_in_the_shadow),
    Job(name="underwriting-reviews", every_seconds=300, run=tell_overdue_reviews),
)
