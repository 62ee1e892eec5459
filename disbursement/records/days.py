"""Days of reconciliation: every run with what it found, and who signed the day."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from kernel.append_only import append_only
from kernel.db import Base
from kernel.moves import Step


class DayStatus(StrEnum):
    """How far a day is on its way to being signed."""

    OPEN = "open"
    PREPARED = "prepared"
    """One person says that it can be signed."""
    SIGNED = "signed"
    """Another person signed it; nothing of it changes any more."""


class ReconciliationDay(Base):
    """One settlement day of the books."""

    __tablename__ = "reconciliation_day"
    __table_args__ = (
        CheckConstraint(
            "status <> 'signed' OR (prepared_by IS NOT NULL AND signed_by IS NOT NULL "
            "AND prepared_at IS NOT NULL AND signed_at IS NOT NULL)",
            name="signed_by_somebody",
        ),
        CheckConstraint("prepared_by <> signed_by", name="four_eyes"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Derived from the day."""
    day: Mapped[date] = mapped_column(unique=True)
    status: Mapped[DayStatus]
    prepared_by: Mapped[str | None]
    """The person alone, whatever role he acted in."""
    prepared_at: Mapped[datetime | None]
    signed_by: Mapped[str | None]
    signed_at: Mapped[datetime | None]


class ReconciliationDayStep(Step, Base):
    """One move of a day."""

    __tablename__ = "reconciliation_day_step"
    subject_table = "reconciliation_day"


class ReconciliationRun(Base):
    """One run over a day that found something new: what was known when."""

    __tablename__ = "reconciliation_run"
    __table_args__ = (UniqueConstraint("day_id", "number"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Derived from day and number."""
    day_id: Mapped[UUID] = mapped_column(ForeignKey("reconciliation_day.id"))
    number: Mapped[int]
    """1 for the first."""
    figures: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Counts and sums by name; sums as text in yuan."""
    files: Mapped[list[str]] = mapped_column(JSONB)
    """Identities of the files that counted."""
    breaks: Mapped[list[str]] = mapped_column(JSONB)
    """Identities of the breaks that it found and a person must look at."""
    digest: Mapped[str]
    """SHA-256 of files, figures and breaks: a run that finds the same leaves no row."""
    actor: Mapped[str]
    at: Mapped[datetime]


append_only(ReconciliationRun)
