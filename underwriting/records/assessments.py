"""Tables of assessments with what the sources said, and of reviews."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from kernel.append_only import append_only
from kernel.db import Base
from underwriting.decisions import Outcome


class Assessment(Base):
    """One decision with the dossier it rests on; never changed, never deleted."""

    __tablename__ = "assessment"
    __table_args__ = (
        Index("ix_assessment_application_ref", "application_ref", "decided_at"),
        Index("ix_assessment_decided_at", "decided_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    application_ref: Mapped[UUID]
    as_of: Mapped[datetime]
    outcome: Mapped[Outcome]
    policy_version: Mapped[str]
    model_name: Mapped[str | None]
    """None when the rules decided before any score."""
    pd: Mapped[Decimal | None] = mapped_column(Numeric(7, 6))
    dossier: Mapped[str]
    """Canonical text."""
    dossier_sha256: Mapped[str]
    decision: Mapped[str]
    """Canonical text."""
    decision_sha256: Mapped[str]
    decided_by: Mapped[str]
    decided_at: Mapped[datetime]


class SourceAnswer(Base):
    """What one source said for one assessment, under the source's own reference."""

    __tablename__ = "source_answer"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    assessment_id: Mapped[UUID] = mapped_column(ForeignKey("assessment.id"), index=True)
    source: Mapped[str]
    reference: Mapped[str]
    """The source's own reference; empty when it had nothing to say."""
    body: Mapped[str]
    """Canonical text of what was used of it; no personal data."""
    sha256: Mapped[str]
    asked_at: Mapped[datetime]


class Review(Base):
    """A person's answer where the assessment left it to one, or the debtor asked for one."""

    __tablename__ = "review"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    assessment_id: Mapped[UUID] = mapped_column(ForeignKey("assessment.id"), unique=True)
    outcome: Mapped[Outcome]
    note: Mapped[str]
    """Why, in the reviewer's words."""
    reviewed_by: Mapped[str]
    """Of a word against the model: the second officer."""
    proposed_by: Mapped[str | None]
    """The first officer of a word against the model; None where one officer was enough."""
    reviewed_at: Mapped[datetime]


for _table in (Assessment, SourceAnswer, Review):
    append_only(_table)
