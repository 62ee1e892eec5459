"""The front's jobs: invite, send messages, end what has lapsed."""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid4

from kernel import logs
from kernel.actors import system
from kernel.db import transaction
from kernel.jobs import Job
from kernel.outbound import Garbled, NoAnswer
from kernel.surroundings import Surroundings
from origination import invitations, messages
from origination.messages import Dispatch
from origination.partners import PartnerRefused, SmsGateway

ROUNDS_MAX: Final = 20
"""Batches one run takes before it lets others have the worker."""
AT_ONCE_MAX: Final = 2
"""Messages a page sends itself while its reader waits."""

log = logs.logger(__name__)


def invite(surroundings: Surroundings) -> int:
    """Invite new referrals, each in its own transaction; one that fails does not stop the others."""
    done = 0
    for _ in range(ROUNDS_MAX):
        with transaction() as session:
            waiting = invitations.waiting(session)
        invited = sum(_invite(surroundings, referral_id) for referral_id in waiting)
        done += invited
        if not invited:
            break
    return done


def _invite(surroundings: Surroundings, referral_id: UUID) -> bool:
    try:
        with transaction() as session:
            referral = invitations.take_waiting(session, referral_id)
            if referral is None:
                return False
            invitations.invite(
                session,
                referral,
                public_url=surroundings.settings.public_url,
                by=system("referral-invite"),
                at=surroundings.clock.now(),
            )
    except Exception:
        log.exception("referral.not_invited", referral_id=str(referral_id))
        return False
    return True


def lapse(surroundings: Surroundings) -> int:
    """End the invitations whose time is over, a batch in each transaction."""
    done = 0
    for _ in range(ROUNDS_MAX):
        with transaction() as session:
            ended = invitations.lapse_due(
                session, by=system("referral-lapse"), at=surroundings.clock.now()
            )
        done += ended
        if not ended:
            break
    return done


def send_messages(surroundings: Surroundings) -> int:
    """Send the messages that are due; one that fails is logged and does not stop the others."""
    worker = f"sms-{uuid4().hex}"
    gateway = SmsGateway(surroundings.outbound["sms"])
    done = 0
    for _ in range(ROUNDS_MAX):
        with transaction() as session:
            claimed = messages.claim(session, worker=worker, at=surroundings.clock.now())
        done += sum(_send(surroundings, gateway, dispatch) for dispatch in claimed)
        if not claimed:
            break
    return done


def send_at_once(surroundings: Surroundings) -> int:
    """Send the message that a page has just queued, and at most one more.

    Requested messages come first; a page must not wait while a long outbox is worked off.
    """
    with transaction() as session:
        claimed = messages.claim(
            session, worker=f"sms-{uuid4().hex}", at=surroundings.clock.now(), limit=AT_ONCE_MAX
        )
    gateway = SmsGateway(surroundings.outbound["sms"])
    return sum(_send(surroundings, gateway, dispatch) for dispatch in claimed)


def _send(surroundings: Surroundings, gateway: SmsGateway, dispatch: Dispatch) -> bool:
    try:
        gateway_id = gateway.send(dispatch.mobile, dispatch.text, reference=dispatch.reference)
    except (NoAnswer, Garbled, PartnerRefused) as fault:
        # Nobody may know whether it went out; the next attempt carries the same reference.
        log.warning("message.not_sent", message_id=str(dispatch.message_id), why=str(fault))
        with transaction() as session:
            messages.failed(session, dispatch, reason=str(fault), at=surroundings.clock.now())
        return False
    with transaction() as session:
        messages.delivered(session, dispatch, gateway_id=gateway_id, at=surroundings.clock.now())
    return True


JOBS: Final = (
    Job(name="sms-send", every_seconds=2, run=send_messages),
    Job(name="referral-invite", every_seconds=10, run=invite),
    Job(name="referral-lapse", every_seconds=300, run=lapse),
)
