"""F29: the agency's computer takes a message and its answer is lost, or we die before we note it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from kernel import ids
from kernel.actors import Actor, Role
from kernel.db import transaction
from origination import webhooks
from origination.records.webhooks import AgencyState, WebhookMessage, WebhookStatus
from tests.faults import scene as scenes
from tests.faults.crew import SCHEDULERS
from tests.faults.proxy import Fault, FaultProxy, Toxic, Way
from tests.journeys.receiver import TAKEN, verified
from tests.kernel.partner import partner
from tests.origination.front import builders as front

pytestmark = pytest.mark.slow

BY = Actor(Role.AGENCY, "beichen")


def announce(scene, url: str) -> str:
    """Write down that an agency is to be told something, and give its secret."""
    at = scene.crew.town.clock.now()
    with transaction() as session:
        agency = front.agency(session)
        secret = webhooks.configure(session, agency, url=url, anywhere=True, by=BY, at=at)
        occasion = ids.derived(ids.NAMESPACE, "told")
        webhooks.announce(session, agency, "BC-1", AgencyState.PAID_OFF, occasion=occasion, at=at)
    return secret.plain


def message() -> WebhookMessage:
    with transaction() as session:
        return session.scalars(select(WebhookMessage)).one()


def identities(requests: list[bytes]) -> set[bytes]:
    lines = [line for request in requests for line in request.split(b"\r\n")]
    return {line for line in lines if line.lower().startswith(b"webhook-id:")}


def test_a_message_counts_as_told_only_when_the_agencys_answer_has_come(scene):
    """Its answer is lost once, then the scheduler is killed with the next one on its way."""
    crew, first = scene.crew, SCHEDULERS[0]
    with partner(TAKEN) as there, FaultProxy(_port(there.url)) as between:
        secret = announce(scene, between.url)
        between.inject(Fault(toxic=Toxic.CUT, way=Way.DOWN, after_bytes=5))
        crew.start(first)
        scenes.until(lambda: message().failures, "the answer is lost, and that is noted")
        after_loss = message().status

        between.inject(Fault(toxic=Toxic.HOLD, way=Way.DOWN, seconds=600))
        crew.town.advance(timedelta(minutes=5))
        scenes.until(lambda: between.done["hold"], "the second answer hangs")
        crew.kill(first)
        after_kill = message().status
        between.sever()

        crew.town.advance(timedelta(minutes=5))
        crew.start(SCHEDULERS[1])
        scenes.until(lambda: message().status is WebhookStatus.DELIVERED, "the agency is told")

    assert (after_loss, after_kill) == (WebhookStatus.QUEUED, WebhookStatus.QUEUED)
    assert len(there.requests) == 3
    assert len(identities(there.requests)) == 1, "the agency can tell that it is the same message"
    told = verified(there.requests[-1], secret)
    assert told["data"] == {"case_no": "BC-1", "state": "paid_off"}


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])
