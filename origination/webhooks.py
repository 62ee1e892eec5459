"""Telling agencies how far their cases are: written down first, signed, thin, and tried for a day.

The form is Standard Webhooks 1.0.0: `webhook-id`, `webhook-timestamp` and `webhook-signature` over
`id.timestamp.body`. The body holds the case number and one of seven words, and nothing personal.
"""

from __future__ import annotations

import json
import secrets
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from standardwebhooks import Webhook

from kernel import claims, events, ids, moves, sealing
from kernel.actors import Actor, system
from kernel.claims import ClaimLost
from kernel.refusals import Refused
from origination import webhook_addresses
from origination.records.agencies import Agency, AgencySecret
from origination.records.webhooks import (
    WEBHOOK_MOVES,
    AgencyState,
    WebhookMessage,
    WebhookStatus,
)

SECRET_BYTES: Final = 32
SECRETS_MAX: Final = 2
"""The one in use and the one before it, while an agency changes over."""
CLAIM_SECONDS: Final = 120
RETRY_SECONDS: Final = 60
PARK_AFTER: Final = 12
"""A minute, two, four and so on, at most six hours: the last try is about a day after the first."""
BY: Final = system("webhooks")


class NoWebhook(Refused):
    """The agency has given no address to be told at."""

    status = HTTPStatus.CONFLICT
    code = "no_webhook"
    title = "No webhook address is set"
    title_zh = "尚未设置回调地址"


class NoSuchWebhookMessage(Refused):
    """The agency has no such message."""

    status = HTTPStatus.NOT_FOUND
    code = "no_such_webhook_message"
    title = "There is no such message"
    title_zh = "没有该回调记录"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One claimed message, ready to be posted."""

    message_id: UUID
    worker: str
    url: str
    body: dict[str, Any]
    headers: dict[str, str]


def configure(
    session: Session, agency: Agency, *, url: str, anywhere: bool, by: Actor, at: datetime
) -> AgencySecret:
    """Set where an agency is told, and give the new signing secret, which is shown this once.

    The secret before it goes on signing beside the new one until the next change. `anywhere` lets
    an address lead into our own network, as on a laptop.

    Raises:
        WebhookAddressRefused: the address is none we may call.
    """
    agency.webhook_url = webhook_addresses.require(url, anywhere=anywhere)
    made = AgencySecret(f"whsec_{b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}")
    before = _secrets(session, agency, by=by, at=at)
    agency.webhook_secret = sealing.seal(
        AgencySecret(" ".join([made.plain, *before][:SECRETS_MAX]))
    )
    events.append(session, "agency.webhook_set", subject=agency.id, at=at, body={"by": str(by)})
    session.flush()
    return made


def announce(
    session: Session,
    agency: Agency,
    case_no: str,
    state: AgencyState,
    *,
    occasion: UUID,
    at: datetime,
) -> WebhookMessage | None:
    """Write down that an agency is to be told; the same occasion is told once.

    None when the agency gave no address: it may still ask by itself.
    """
    if agency.webhook_url is None:
        return None
    known = session.scalar(
        select(WebhookMessage).where(
            WebhookMessage.agency_id == agency.id,
            WebhookMessage.case_no == case_no,
            WebhookMessage.state == state,
            WebhookMessage.occasion == occasion,
        )
    )
    if known is not None:
        return known
    message = WebhookMessage(
        id=ids.new(),
        agency_id=agency.id,
        case_no=case_no,
        state=state,
        occasion=occasion,
        status=WebhookStatus.QUEUED,
        happened_at=at,
        queued_at=at,
        failures=0,
        parked=False,
    )
    moves.begin(session, message, table=WEBHOOK_MOVES, by=BY, at=at)
    return message


def take(session: Session, *, worker: str, at: datetime) -> Delivery | None:
    """Claim one message that is due and sign it; None when none is.

    The earlier is told first, but one that is tried again may come after a later one: receivers
    go by the timestamp in the body.
    """
    while claimed := claims.claim(
        session,
        WebhookMessage,
        WebhookMessage.status == WebhookStatus.QUEUED,
        worker=worker,
        now=at,
        seconds=CLAIM_SECONDS,
        limit=1,
    ):
        message = claimed[0]
        agency = session.get_one(Agency, message.agency_id)
        if agency.webhook_url is None or agency.webhook_secret is None:
            _park(session, message, reason="no address any more", at=at)
            continue
        return _signed(session, message, agency, worker=worker, at=at)
    return None


def delivered(session: Session, delivery: Delivery, *, answer: str, at: datetime) -> None:
    """Record that the agency took a message; a late report of a lost claim changes nothing."""
    try:
        message = claims.held(session, WebhookMessage, delivery.message_id, worker=delivery.worker)
    except ClaimLost:
        return
    claims.release(message)
    message.last_answer = answer
    session.flush()
    moves.advance(session, message, WebhookStatus.DELIVERED, table=WEBHOOK_MOVES, by=BY, at=at)


def failed(session: Session, delivery: Delivery, *, answer: str, at: datetime) -> None:
    """Record that the agency did not take a message: try again later, park after a day."""
    try:
        message = claims.held(session, WebhookMessage, delivery.message_id, worker=delivery.worker)
    except ClaimLost:
        return
    message.last_answer = answer
    parked = claims.fail(message, now=at, retry_seconds=RETRY_SECONDS, park_after=PARK_AFTER)
    session.flush()
    if parked:
        _park(session, message, reason=answer, at=at)


def replay(
    session: Session, agency: Agency, message_id: UUID, *, by: Actor, at: datetime
) -> WebhookMessage:
    """Have a parked message of an agency's own tried anew for a day.

    Raises:
        NoSuchWebhookMessage: the agency has none of this identity.
        NoWebhook: the agency has no address.
        MoveRefused: it is not parked.
    """
    message = session.get(WebhookMessage, message_id, with_for_update=True, populate_existing=True)
    if message is None or message.agency_id != agency.id:
        raise NoSuchWebhookMessage()
    if agency.webhook_url is None:
        raise NoWebhook()
    moves.advance(session, message, WebhookStatus.QUEUED, table=WEBHOOK_MOVES, by=by, at=at)
    claims.unpark(message)
    message.queued_at = at
    session.flush()
    return message


def listed(session: Session, agency: Agency, *, limit: int = 50) -> list[WebhookMessage]:
    """List an agency's messages, the newest first."""
    return list(
        session.scalars(
            select(WebhookMessage)
            .where(WebhookMessage.agency_id == agency.id)
            .order_by(WebhookMessage.happened_at.desc(), WebhookMessage.id)
            .limit(min(limit, 200))
        )
    )


def spelled(body: dict[str, Any]) -> str:
    """Spell a body as it is signed and sent: exactly as `Outbound.post_json` spells it."""
    return json.dumps(body, ensure_ascii=False, allow_nan=False)


def _signed(
    session: Session, message: WebhookMessage, agency: Agency, *, worker: str, at: datetime
) -> Delivery:
    assert agency.webhook_url is not None, "a message is signed for an address"
    body = {
        "type": "referral.state_changed",
        "timestamp": message.happened_at.astimezone(UTC).isoformat(),
        "data": {"case_no": message.case_no, "state": message.state.value},
    }
    # The library takes the wall clock of the time it is given for UTC, whatever its zone.
    stamped = at.astimezone(UTC)
    signatures = [
        Webhook(secret).sign(str(message.id), stamped, spelled(body))
        for secret in _secrets(session, agency, by=BY, at=at)
    ]
    return Delivery(
        message_id=message.id,
        worker=worker,
        url=agency.webhook_url,
        body=body,
        headers={
            "webhook-id": str(message.id),
            "webhook-timestamp": str(int(stamped.timestamp())),
            "webhook-signature": " ".join(signatures),
        },
    )


def _secrets(session: Session, agency: Agency, *, by: Actor, at: datetime) -> list[str]:
    if agency.webhook_secret is None:
        return []
    kept = sealing.reveal(
        session, agency.webhook_secret, subject=agency.id, purpose="sign webhooks", by=by, at=at
    )
    return kept.plain.split()


def _park(session: Session, message: WebhookMessage, *, reason: str, at: datetime) -> None:
    claims.release(message)
    message.parked = True
    session.flush()
    moves.advance(
        session, message, WebhookStatus.PARKED, table=WEBHOOK_MOVES, by=BY, at=at, reason=reason
    )
