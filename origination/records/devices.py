"""Table of devices: from which browser an application was submitted."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kernel.append_only import append_only
from kernel.db import Base


class ApplicationDevice(Base):
    """One browser that submitted one application."""

    __tablename__ = "application_device"
    __table_args__ = (UniqueConstraint("application_id", "digest"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("application.id"))
    digest: Mapped[str] = mapped_column(String(64))
    """Keyed hash of the random number in the browser's own cookie; the number is kept nowhere."""
    seen_at: Mapped[datetime]


append_only(ApplicationDevice)
