"""The outbox of short messages: written down first, sent within the hours, parked when hopeless."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import Session

from kernel import events, ids, moves
from kernel.actors import Actor, system
from kernel.clock import business_day, require_aware, shanghai
from kernel.personal import Mobile
from kernel.sealing import SealBroken, blind_index, reveal, seal
from origination import hours
from origination.records.messages import MESSAGE_MOVES, Message, MessageStatus, MessageText
from origination.records.referrals import Locale

TEXTS: Final = Path(__file__).parent / "messages.toml"
TEXT_MAX: Final = 500
"""Characters: what gateways carry as one long message."""
ATTEMPTS_MAX: Final = 5
CLAIM_SECONDS: Final = 120
CLAIM_MAX: Final = 50
RETRY_GAP: Final = timedelta(minutes=1)
RETRY_GAP_REQUESTED: Final = timedelta(seconds=10)
"""The debtor is waiting for it in front of his telephone."""
CLAIM_LOCK: Final = 7_227_010
"""Advisory lock number: claims come one after another, or two could pass the daily limit."""
_OUTBOX: Final = system("sms-outbox")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """Which text, in which language, with what in its blanks."""

    template: str
    locale: Locale
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """One claimed message in plain, for the moment of sending it."""

    message_id: UUID
    claimed_by: str
    mobile: Mobile
    text: MessageText
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One text in every language we speak."""

    fields: frozenset[str]
    requested: bool
    tells: bool
    """Whether its delivery is told as a fact."""
    lifetime: timedelta | None
    texts: Mapping[Locale, str]


def queue(
    session: Session, mobile: Mobile, wording: Wording, *, once_for: UUID, at: datetime
) -> Message:
    """Write a message down for sending; one subject gets one message of a template.

    What the debtor did not ask for waits for the hours in which he may be contacted.
    """
    message_id = ids.derived(once_for, "message", wording.template)
    known = session.get(Message, message_id)
    if known is not None:
        return known
    template = templates()[wording.template]
    message = Message(
        id=message_id,
        mobile=seal(mobile),
        mobile_index=blind_index(mobile),
        template=wording.template,
        locale=wording.locale,
        text=seal(MessageText(_filled(template, wording))),
        requested=template.requested,
        status=MessageStatus.QUEUED,
        reference=message_id.hex,
        attempts=0,
        next_attempt_at=at if template.requested else hours.next_allowed(at),
        expires_at=None if template.lifetime is None else at + template.lifetime,
        created_at=require_aware(at),
    )
    moves.begin(session, message, table=MESSAGE_MOVES, by=_OUTBOX, at=at)
    return message


def claim(session: Session, *, worker: str, at: datetime, limit: int = CLAIM_MAX) -> list[Dispatch]:
    """Take due messages for sending, putting off those whose time is not now.

    A claim that was never recorded runs out, and the message is sent again under the same
    reference.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": CLAIM_LOCK})
    due = _due(session, at=at, limit=limit)
    sent_today = _sent_today(session, {message.mobile_index for message in due}, at=at)
    taken = []
    for message in due:
        if message.expires_at is not None and message.expires_at <= at:
            _park(session, message, reason="expired unsent", at=at)
            continue
        later = at if message.requested else _put_off(message, sent_today, at=at)
        if later > at:
            message.next_attempt_at = later
            continue
        try:
            dispatch = _opened(session, message, worker=worker, at=at)
        except SealBroken:
            _park(session, message, reason="cannot be opened with our keys", at=at)
            continue
        sent_today[message.mobile_index] += not message.requested
        message.claimed_by = worker
        message.claimed_until = at + timedelta(seconds=CLAIM_SECONDS)
        taken.append(dispatch)
    session.flush()
    return taken


def delivered(session: Session, dispatch: Dispatch, *, gateway_id: str, at: datetime) -> None:
    """Record that the gateway took a message; a second report of it changes nothing."""
    message = _locked(session, dispatch.message_id)
    if message.status is MessageStatus.SENT:
        return
    if message.status is MessageStatus.PARKED:
        # A slow answer to an attempt that was given up: the gateway's word is the truth.
        moves.advance(
            session, message, MessageStatus.QUEUED, table=MESSAGE_MOVES, by=_OUTBOX, at=at
        )
    message.gateway_id = gateway_id
    message.sent_at = require_aware(at)
    _release(message)
    session.flush()
    moves.advance(session, message, MessageStatus.SENT, table=MESSAGE_MOVES, by=_OUTBOX, at=at)
    if templates()[message.template].tells:
        events.append(session, "message.delivered", subject=message.id, at=at)


def failed(session: Session, dispatch: Dispatch, *, reason: str, at: datetime) -> None:
    """Record that an attempt failed or nobody knows: try again later, park after five."""
    message = _locked(session, dispatch.message_id)
    if message.status is not MessageStatus.QUEUED or message.claimed_by != dispatch.claimed_by:
        return  # somebody else has taken it over
    gap = RETRY_GAP_REQUESTED if message.requested else RETRY_GAP
    message.next_attempt_at = at + gap * 2**message.attempts
    message.attempts += 1
    _release(message)
    session.flush()
    if message.attempts >= ATTEMPTS_MAX:
        _park(session, message, reason=reason, at=at)


def requeue(session: Session, message: Message, *, by: Actor, at: datetime) -> None:
    """Give a parked message another round of attempts, under the same reference.

    Raises:
        MoveRefused: the message is not parked.
    """
    moves.advance(session, message, MessageStatus.QUEUED, table=MESSAGE_MOVES, by=by, at=at)
    message.attempts = 0
    message.next_attempt_at = at if message.requested else hours.next_allowed(at)
    session.flush()


@cache
def templates() -> Mapping[str, Template]:
    """Read every text, by name."""
    return {
        name: Template(
            fields=frozenset(entry["fields"]),
            requested=entry["requested"],
            tells=entry.get("tells", False),
            lifetime=timedelta(minutes=entry["minutes"]) if "minutes" in entry else None,
            texts={locale: entry[locale.value] for locale in Locale},
        )
        for name, entry in _table()["template"].items()
    }


def daily_limit(day: date) -> int:
    """Count the messages a person may get on a day without having asked."""
    rows = [row for row in _table()["daily_limit"] if row["in_force"] <= day]
    return int(max(rows, key=lambda row: row["in_force"])["messages_a_day_max"])


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(TEXTS.read_text(encoding="utf-8"))


def _filled(template: Template, wording: Wording) -> str:
    assert set(wording.values) == template.fields, f"{wording.template} has other blanks"
    filled = template.texts[wording.locale].format(**wording.values)
    assert len(filled) <= TEXT_MAX, f"{wording.template} is too long for one message"
    return filled


def _due(session: Session, *, at: datetime, limit: int) -> Sequence[Message]:
    return session.scalars(
        select(Message)
        .where(
            Message.status == MessageStatus.QUEUED,
            Message.next_attempt_at <= at,
            or_(Message.claimed_until.is_(None), Message.claimed_until <= at),
        )
        .order_by(Message.requested.desc(), Message.next_attempt_at, Message.id)
        .limit(min(limit, CLAIM_MAX))
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()


def _sent_today(session: Session, mobiles: set[str], *, at: datetime) -> Counter[str]:
    """Count each mobile's unasked messages of the day, those being sent at this moment included."""
    midnight = shanghai(business_day(at))
    rows = session.execute(
        select(Message.mobile_index, func.count().label("sent"))
        .where(
            Message.mobile_index.in_(mobiles),
            ~Message.requested,
            or_(Message.sent_at >= midnight, Message.claimed_until > at),
        )
        .group_by(Message.mobile_index)
    )
    return Counter({row.mobile_index: row.sent for row in rows})


def _put_off(message: Message, sent_today: Counter[str], *, at: datetime) -> datetime:
    allowed = hours.next_allowed(at)
    today = business_day(at)
    if allowed == at and sent_today[message.mobile_index] >= daily_limit(today):
        return hours.first_of(today + timedelta(days=1))
    return allowed


def _opened(session: Session, message: Message, *, worker: str, at: datetime) -> Dispatch:
    look = partial(reveal, session, subject=message.id, purpose="send a message", by=_OUTBOX, at=at)
    return Dispatch(
        message_id=message.id,
        claimed_by=worker,
        mobile=look(message.mobile),
        text=look(message.text),
        reference=message.reference,
    )


def _locked(session: Session, message_id: UUID) -> Message:
    return session.get_one(Message, message_id, with_for_update=True, populate_existing=True)


def _park(session: Session, message: Message, *, reason: str, at: datetime) -> None:
    _release(message)
    session.flush()
    moves.advance(
        session,
        message,
        MessageStatus.PARKED,
        table=MESSAGE_MOVES,
        by=_OUTBOX,
        at=at,
        reason=reason,
    )


def _release(message: Message) -> None:
    message.claimed_by = None
    message.claimed_until = None
