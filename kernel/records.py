"""The ground's own tables: who leads, how jobs fare."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base


class Lease(Base):
    """The right of one process to lead until a moment; its term fences off earlier holders."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    term: Mapped[int] = mapped_column(BigInteger)
    """1 for the first holder, one more for each take-over."""
    beat_at: Mapped[datetime]
    """When the holder last showed itself."""
    until: Mapped[datetime]


class JobState(Base):
    """How the latest run of one job went, for the operator's page."""

    __tablename__ = "job_state"

    name: Mapped[str] = mapped_column(primary_key=True)
    ran_at: Mapped[datetime]
    done: Mapped[int]
    """Things done by the latest run that ended well."""
    failures: Mapped[int]
    """Runs that failed since the latest that ended well."""
