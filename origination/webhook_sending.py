"""The edge of the webhooks: claim, post with nothing open, record."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

from kernel import logs
from kernel.db import transaction
from kernel.outbound import NoAnswer, Outbound, Timeouts
from kernel.surroundings import Surroundings
from origination import webhook_addresses, webhooks
from origination.webhooks import Delivery

ROUNDS_MAX: Final = 100
"""Messages one run takes before it lets others have the worker."""
TIMEOUTS: Final = Timeouts(connect_seconds=3.0, read_seconds=5.0, total_seconds=10.0)
REPLY_BYTES_MAX: Final = 64 * 1024
"""What an agency answers is not read further than its status."""

log = logs.logger(__name__)


def run(surroundings: Surroundings) -> int:
    """Post the messages that are due, and count those that were taken."""
    worker = f"webhooks-{uuid4().hex}"
    done = 0
    for _ in range(ROUNDS_MAX):
        with transaction() as session:
            delivery = webhooks.take(session, worker=worker, at=surroundings.clock.now())
        if delivery is None:
            break
        done += _deliver(surroundings, delivery)
    return done


def _deliver(surroundings: Surroundings, delivery: Delivery) -> bool:
    try:
        status = _post(delivery, anywhere=_may_lead_anywhere(surroundings))
        answer = f"status {status}"
    except NoAnswer as silence:
        status, answer = None, silence.reason
    taken = status is not None and HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
    with transaction() as session:
        record = webhooks.delivered if taken else webhooks.failed
        record(session, delivery, answer=answer, at=surroundings.clock.now())
    if not taken:
        log.warning("webhook.not_taken", message_id=str(delivery.message_id), why=answer)
    return taken


def _post(delivery: Delivery, *, anywhere: bool) -> int:
    parts = urlsplit(delivery.url)
    outbound = Outbound(
        f"{parts.scheme}://{parts.netloc}",
        headers=lambda: delivery.headers,
        timeouts=TIMEOUTS,
        reply_bytes_max=REPLY_BYTES_MAX,
        peers=None if anywhere else webhook_addresses.is_public,
    )
    try:
        query = f"?{parts.query}" if parts.query else ""
        return outbound.post_json((parts.path or "/") + query, delivery.body).status
    finally:
        outbound.close()


def _may_lead_anywhere(surroundings: Surroundings) -> bool:
    """Tell whether our own network may be called: on a laptop and in tests alone."""
    return surroundings.settings.environment in {"development", "test"}
