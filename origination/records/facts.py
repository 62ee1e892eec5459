"""Table of facts that a follower could not act on."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base


class StuckFact(Base):
    """One fact whose handler failed: tried again, then parked so that later ones go on."""

    __tablename__ = "stuck_fact"
    __table_args__ = (UniqueConstraint("reader", "event_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    reader: Mapped[str]
    event_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str]
    subject: Mapped[UUID]
    tries: Mapped[int]
    fault: Mapped[str]
    """The class of what went wrong; its words may hold personal data and are not kept."""
    first_at: Mapped[datetime]
    parked_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    """When a later try went through."""
