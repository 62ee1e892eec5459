"""Table of links: what an application shared with others, and since when."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kernel.append_only import append_only
from kernel.db import Base
from underwriting.inquiries import LinkKind


class Link(Base):
    """One key of one application, when it was first seen there; never a plain value."""

    __tablename__ = "link"
    __table_args__ = (
        UniqueConstraint("application_ref", "kind", "digest"),
        # Answers "who used this key before", oldest first, from the index alone.
        Index("ix_link_key", "kind", "digest", "seen_at", "application_ref"),
        Index("ix_link_seen_at", "seen_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    application_ref: Mapped[UUID]
    kind: Mapped[LinkKind]
    digest: Mapped[str] = mapped_column(String(64))
    """Keyed hash in hex; the key lies outside of the database."""
    seen_at: Mapped[datetime]


append_only(Link)
