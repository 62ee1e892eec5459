"""The jobs of applications: assess, follow the event log, tell the agencies, end what is over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kernel.actors import system
from kernel.db import transaction
from kernel.jobs import Job
from kernel.surroundings import Surroundings
from origination import assessing, expiry, followers, webhook_sending

BATCH: Final = 50
ROUNDS_MAX: Final = 20
"""Batches one run takes before it lets others have the worker."""


def end_what_is_over(surroundings: Surroundings) -> int:
    """Let unsigned offers and forgotten applications expire, a batch in each transaction."""
    done = 0
    for end in (expiry.expire_offers, expiry.lapse):
        done += _in_batches(surroundings, end)
    return done


def _in_batches(surroundings: Surroundings, end: Callable[..., int]) -> int:
    done = 0
    for _ in range(ROUNDS_MAX):
        with transaction() as session:
            ended = end(
                session,
                by=system("application-expiry"),
                at=surroundings.clock.now(),
                limit=BATCH,
            )
        done += ended
        if not ended:
            break
    return done


JOBS: Final = (
    Job(name="application-assess", every_seconds=5, run=assessing.run),
    Job(name="application-follow", every_seconds=3, run=followers.run),
    Job(name="webhook-send", every_seconds=5, run=webhook_sending.run),
    Job(name="application-expiry", every_seconds=60, run=end_what_is_over),
)
