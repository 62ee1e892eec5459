"""What happened to a loan after it was placed, and where it stands."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from disbursement.delinquency import Bucket, Grade
from kernel.append_only import append_only
from kernel.db import Base
from kernel.money import Money
from kernel.moves import Step


class EventKind(StrEnum):
    """What may happen to a loan; all but three are events of its schedule."""

    BEGUN = "begun"
    """The contract began with what had been paid; no event of the schedule."""
    DISBURSED = "disbursed"
    RETURNED = "returned"
    RATE_CHANGED = "rate_changed"
    PAUSED = "paused"
    CHARGED = "charged"
    WAIVED = "waived"
    REPAID = "repaid"
    PREPAID = "prepaid"
    RE_AGED = "re_aged"
    PAID_OFF = "paid_off"
    REVERSED = "reversed"
    WRITTEN_OFF = "written_off"
    """The lender's books gave it up; the claim stands, so no event of the schedule."""
    RECOVERED = "recovered"
    """Money for a loan that was written off; the schedule reads it as repaid."""


class LoanEvent(Base):
    """One thing that happened to a loan; with the contract they are all that a schedule needs."""

    __tablename__ = "loan_event"
    __table_args__ = (
        UniqueConstraint("loan_id", "number"),
        CheckConstraint("number >= 1", name="number_from_one"),
        # What the instalments in force do not say: the end of day asks it of every loan.
        Index(
            "ix_loan_event_apart",
            "loan_id",
            postgresql_where=text("kind IN ('charged', 're_aged')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Of the payment, the payout leg or the request behind it, or derived from that."""
    loan_id: Mapped[UUID] = mapped_column(ForeignKey("loan.id"))
    number: Mapped[int]
    """1-based, in the order in which they were recorded."""
    kind: Mapped[EventKind]
    on: Mapped[date]
    """The day it counts for, which may lie before the day it was recorded."""
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Its particulars; amounts in yuan and rates as text, dates in ISO form."""
    actor: Mapped[str]
    recorded_at: Mapped[datetime]


class LoanPosition(Base):
    """Where a loan that has begun stands: what its schedule says, kept for whoever asks in bulk.

    Everything here follows from the events and the days closed; `ledger`'s check works it out anew.
    The four columns of earning are an `accrual.Earning`.
    """

    __tablename__ = "loan_position"
    __table_args__ = (
        Index(
            "ix_loan_position_next_on",
            "next_on",
            "loan_id",
            postgresql_where=text("next_on IS NOT NULL"),
        ),
        Index("ix_loan_position_bucket", "bucket"),
    )

    loan_id: Mapped[UUID] = mapped_column(ForeignKey("loan.id"), primary_key=True)
    product_id: Mapped[UUID] = mapped_column(ForeignKey("product.id"))
    """The loan's own, kept here too so that a million positions add up by it in one pass."""
    closed_through: Mapped[date]
    """The last business day whose close had something to do; the day before it began until then.

    The ledger shows the loan as of this day or of its last event, whichever is later.
    """
    next_on: Mapped[date | None]
    """The next business day whose close has something to do; None when none has."""
    overdue_since: Mapped[date | None]
    """The due date of the oldest instalment that fell due and is not wholly paid."""
    bucket: Mapped[Bucket]
    grade: Mapped[Grade]
    is_accruing: Mapped[bool]
    """Whether its interest counts as income."""
    earned: Mapped[Money]
    """Interest that fell due out of what had accrued."""
    earning_since: Mapped[date]
    earning: Mapped[Money]
    """What the open period earns from `earning_since` to `earning_until`; zero in non-accrual."""
    earning_until: Mapped[date]
    written_off_on: Mapped[date | None]


class AmendmentStatus(StrEnum):
    """Where a request stands."""

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    """Booked, by the consent of another person than the one who asked."""
    DECLINED = "declined"


class Amendment(Base):
    """A change to a loan that two people decide: a charge, a relief, or giving it up for lost."""

    __tablename__ = "amendment"
    __table_args__ = (
        Index("ix_amendment_loan_id", "loan_id"),
        Index("ix_amendment_status", "status"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Given by whoever asks; also the identity of the loan event it becomes."""
    loan_id: Mapped[UUID] = mapped_column(ForeignKey("loan.id"))
    kind: Mapped[EventKind]
    on: Mapped[date]
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """As of the loan event that it becomes."""
    reason: Mapped[str]
    requested_by: Mapped[str]
    requested_at: Mapped[datetime]
    status: Mapped[AmendmentStatus]


class AmendmentStep(Step, Base):
    """One move of a request."""

    __tablename__ = "amendment_step"
    subject_table = "amendment"


append_only(LoanEvent)
