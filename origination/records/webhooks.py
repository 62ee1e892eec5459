"""Tables of the agencies' webhooks: signing secrets, the outbox, and every step of a message."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base
from kernel.moves import Moves, Step
from kernel.personal import NotPersonal, Personal
from kernel.sealing import Sealed, SealedColumn

SECRET_BYTES_MIN: Final = 24
SECRET_BYTES_MAX: Final = 64
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the standard's own prefix, not a secret


@dataclass(frozen=True, slots=True, repr=False)
class SigningSecret(Personal):
    """The secret an agency checks our signature with, in the form ``whsec_<Base64>``."""

    kind: ClassVar[str] = "webhook_secret"

    @classmethod
    def of(cls, secret: bytes) -> SigningSecret:
        """Write the bytes down in the standard's form."""
        return cls(SECRET_PREFIX + base64.b64encode(secret).decode())

    @classmethod
    def parse(cls, text: str) -> SigningSecret:
        """Read a secret of 24 to 64 bytes.

        Raises:
            NotPersonal: it is not of the standard's form.
        """
        try:
            secret = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            secret = b""
        if not SECRET_BYTES_MIN <= len(secret) <= SECRET_BYTES_MAX:
            raise NotPersonal("a webhook secret is whsec_ and the Base64 of 24 to 64 bytes")
        return cls.of(secret)


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


class WebhookSecret(Base):
    """One signing secret of an agency; two are in use while it changes over."""

    __tablename__ = "webhook_secret"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agency.id"), index=True)
    secret: Mapped[Sealed[SigningSecret]] = mapped_column(SealedColumn(SigningSecret))
    made_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class WebhookMessage(Base):
    """One state to tell one agency once."""

    __tablename__ = "webhook_message"
    __table_args__ = (
        UniqueConstraint("agency_id", "case_no", "state", "occasion"),
        Index("ix_webhook_message_due", "next_try_at", postgresql_where=text("status = 'queued'")),
        CheckConstraint("tries >= 0", name="tries_not_negative"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agency.id"))
    case_no: Mapped[str]
    state: Mapped[AgencyState]
    occasion: Mapped[UUID]
    """What made it so: the same occasion is told once, a second return is told again."""
    status: Mapped[WebhookStatus]
    happened_at: Mapped[datetime]
    queued_at: Mapped[datetime]
    """Since when it has been tried, anew after every replay."""
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime]
    claimed_by: Mapped[str | None]
    claimed_until: Mapped[datetime | None]
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
