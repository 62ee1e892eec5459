"""Tables of the agencies' webhooks: the outbox and every step of a message."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from kernel.claims import Claimable
from kernel.db import Base
from kernel.moves import Moves, Step


class AgencyState(StrEnum):
    """All that an agency may know about a debtor it referred."""

    RECEIVED = "received"
    INVITED = "invited"
    APPLIED = "applied"
    DECLINED_OR_WITHDRAWN = "declined_or_withdrawn"
    """One word for both, so that a refusal is nobody's business but the debtor's."""
    APPROVED = "approved"
    PAID_OFF = "paid_off"
    RETURNED = "returned"


class WebhookStatus(StrEnum):
    """What became of a message."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    PARKED = "parked"
    """Not delivered in time, or never to be: a person may send it again."""


class WebhookMessage(Claimable, Base):
    """One state to tell one agency once."""

    __tablename__ = "webhook_message"
    __table_args__ = (
        UniqueConstraint("agency_id", "case_no", "state", "occasion"),
        Index(
            "ix_webhook_message_due", "claimed_until", postgresql_where=text("status = 'queued'")
        ),
    )

    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agency.id"))
    case_no: Mapped[str]
    state: Mapped[AgencyState]
    occasion: Mapped[UUID]
    """What made it so: the same occasion is told once, a second return is told again."""
    status: Mapped[WebhookStatus]
    happened_at: Mapped[datetime]
    queued_at: Mapped[datetime]
    """Since when it has been tried, anew after every replay."""
    last_answer: Mapped[str | None]
    """The status or the reason of the last try, in our own words."""


class WebhookStep(Step, Base):
    """One move of a message."""

    __tablename__ = "webhook_step"
    subject_table = "webhook_message"


WEBHOOK_MOVES: Final = Moves(
    step=WebhookStep,
    start=frozenset({WebhookStatus.QUEUED}),
    edges=MappingProxyType(
        {
            WebhookStatus.QUEUED: frozenset({WebhookStatus.DELIVERED, WebhookStatus.PARKED}),
            WebhookStatus.PARKED: frozenset({WebhookStatus.QUEUED}),
        }
    ),
)
