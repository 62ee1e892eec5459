"""Breaks: differences that a person must look at, or that were settled by what was found."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from disbursement.matching.kinds import BreakKind
from kernel.db import Base
from kernel.money import Money
from kernel.moves import Step


class BreakStatus(StrEnum):
    """Where a break stands."""

    OPEN = "open"
    EXPLAINED = "explained"
    """One person said what happened."""
    RESOLVED = "resolved"
    """Another person agreed how it ends."""
    CURED = "cured"
    """What was found later, or at once, left no difference."""


class Resolution(StrEnum):
    """How a break ends."""

    BOOKS_STAND = "books_stand"
    """The books are right; a held pair is matched at their figures."""
    ADJUSTED = "adjusted"
    """Other entries were posted."""
    CLAIMED = "claimed"
    """The channel or the bank was asked to put it right, and did."""
    WRITTEN_OFF = "written_off"
    OTHER_FILE_TAKEN = "other_file_taken"
    """The held file was taken instead of the first."""
    FIRST_FILE_STANDS = "first_file_stands"


class Break(Base):
    """One difference, found once however often it is found again."""

    __tablename__ = "reconciliation_break"
    __table_args__ = (
        CheckConstraint("explained_by <> resolved_by", name="four_eyes"),
        CheckConstraint(
            "status NOT IN ('explained', 'resolved') OR (explained_by IS NOT NULL "
            "AND explanation IS NOT NULL AND explained_at IS NOT NULL)",
            name="explained_by_somebody",
        ),
        CheckConstraint(
            "(status = 'resolved') <= (resolved_by IS NOT NULL AND resolution IS NOT NULL "
            "AND resolved_at IS NOT NULL)",
            name="resolved_by_somebody",
        ),
        CheckConstraint("status <> 'cured' OR cured_at IS NOT NULL", name="cured_at_a_time"),
        Index("ix_reconciliation_break_day", "day"),
        Index("ix_reconciliation_break_scope", "scope"),
        Index("ix_reconciliation_break_leg_id", "leg_id"),
        Index("ix_reconciliation_break_debit_id", "debit_id"),
        Index("ix_reconciliation_break_transfer_id", "transfer_id"),
        Index(
            "ix_reconciliation_break_live",
            "opened_at",
            postgresql_where=text("status IN ('open', 'explained')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Derived from scope, kind, subject and sums."""
    day: Mapped[date]
    """The settlement day whose reconciliation found it first."""
    scope: Mapped[str]
    """The comparison that finds it, and whose not finding it any more cures it."""
    kind: Mapped[BreakKind]
    subject: Mapped[str]
    detail: Mapped[str]
    status: Mapped[BreakStatus]
    leg_id: Mapped[UUID | None] = mapped_column(ForeignKey("payout_leg.id"))
    debit_id: Mapped[UUID | None] = mapped_column(ForeignKey("debit_order.id"))
    transfer_id: Mapped[UUID | None] = mapped_column(ForeignKey("incoming_transfer.id"))
    row_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("settlement_row.id"))
    line_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("bank_line.id"))
    file_id: Mapped[UUID | None] = mapped_column(ForeignKey("statement_file.id"))
    ours: Mapped[Money | None]
    theirs: Mapped[Money | None]
    suggestion: Mapped[str | None]
    """What it may belong to; a hint for a person."""
    opened_at: Mapped[datetime]
    owner: Mapped[str | None]
    """The person who looks after it."""
    explained_by: Mapped[str | None]
    """The person alone, whatever role he acted in."""
    explained_at: Mapped[datetime | None]
    explanation: Mapped[str | None]
    resolved_by: Mapped[str | None]
    resolved_at: Mapped[datetime | None]
    resolution: Mapped[Resolution | None]
    cured_at: Mapped[datetime | None]


class BreakStep(Step, Base):
    """One move of a break."""

    __tablename__ = "reconciliation_break_step"
    subject_table = "reconciliation_break"
