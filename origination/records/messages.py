"""The outbox of short messages to debtors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base
from kernel.moves import Moves, Step
from kernel.personal import Mobile, Personal
from kernel.sealing import Sealed, SealedColumn
from origination.records.referrals import Locale


class MessageStatus(StrEnum):
    """Where a message stands."""

    QUEUED = "queued"
    SENT = "sent"
    """The gateway took it."""
    PARKED = "parked"
    """It failed too often, or it is of no use any more; a person may queue it again."""


@dataclass(frozen=True, slots=True, repr=False)
class MessageText(Personal):
    """What a message says: a code or a link in it opens a debtor's door."""

    kind: ClassVar[str] = "message_text"


class Message(Base):
    """One short message, written down before it is sent."""

    __tablename__ = "message"
    __table_args__ = (
        Index("ix_message_due", "next_attempt_at", postgresql_where=text("status = 'queued'")),
        Index("ix_message_mobile_index_sent_at", "mobile_index", "sent_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    mobile: Mapped[Sealed[Mobile]] = mapped_column(SealedColumn(Mobile))
    mobile_index: Mapped[str]
    template: Mapped[str]
    locale: Mapped[Locale]
    text: Mapped[Sealed[MessageText]] = mapped_column(SealedColumn(MessageText))
    requested: Mapped[bool]
    """The debtor asked for it just now (a one-time code): contact hours do not hold it back."""
    status: Mapped[MessageStatus]
    reference: Mapped[str] = mapped_column(unique=True)
    """What the gateway knows it by: every attempt carries the same one."""
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    """After this it is of no use and is not sent."""
    claimed_by: Mapped[str | None]
    claimed_until: Mapped[datetime | None]
    gateway_id: Mapped[str | None]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]


class MessageStep(Step, Base):
    """One move of one message."""

    __tablename__ = "message_step"
    subject_table = "message"


MESSAGE_MOVES: Final = Moves(
    step=MessageStep,
    start=frozenset({MessageStatus.QUEUED}),
    edges={
        MessageStatus.QUEUED: frozenset({MessageStatus.SENT, MessageStatus.PARKED}),
        MessageStatus.PARKED: frozenset({MessageStatus.QUEUED}),
    },
)
