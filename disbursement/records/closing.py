"""Business days that were closed, and the interest that was earned on each."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from kernel.append_only import append_only
from kernel.db import Base
from kernel.money import Money


class ClosedDay(Base):
    """One business day that was closed, or is being closed; they follow without a gap."""

    __tablename__ = "closed_day"
    __table_args__ = (CheckConstraint("loans >= 0", name="loans_not_negative"),)

    day: Mapped[date] = mapped_column(primary_key=True)
    opened_at: Mapped[datetime]
    """When closing it began."""
    closed_at: Mapped[datetime | None]
    """None while loans are left to close."""
    loans: Mapped[int]
    """Loans for which the day had something to do, so far."""
    figures: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """What was done by kind, as counts and amounts in yuan; complete once it is closed."""


class Accrual(Base):
    """Interest that all loans of one product earned on one day: one posting each."""

    __tablename__ = "accrual"

    day: Mapped[date] = mapped_column(ForeignKey("closed_day.day"), primary_key=True)
    product_id: Mapped[UUID] = mapped_column(ForeignKey("product.id"), primary_key=True)
    funder_id: Mapped[UUID] = mapped_column(ForeignKey("funder.id"))
    amount: Mapped[Money]
    """Below zero when less was earned than had been thought; zero is posted nowhere."""
    earned: Mapped[Money]
    """All that the product's loans have earned by the close of the day; the next day's start."""
    transfer_id: Mapped[UUID | None] = mapped_column(ForeignKey("transfer.id"))


append_only(Accrual)
