"""Tables of watching: what the agencies said, when loans went bad, and what was read each day."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Numeric, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from kernel.append_only import append_only
from kernel.db import Base
from kernel.money import Money
from underwriting.watched import Mark, Measure, Verdict


class WatchedCase(Base):
    """What the agency said of one application's case, for watching the agency alone."""

    __tablename__ = "watched_case"
    __table_args__ = (
        Index("ix_watched_case_noted_at", "noted_at"),
        CheckConstraint("stated_balance >= 0", name="stated_balance_not_negative"),
    )

    application_ref: Mapped[UUID] = mapped_column(primary_key=True)
    agency: Mapped[str]
    """The agency's code."""
    stated_balance: Mapped[Money | None]
    stated_card_ref: Mapped[UUID | None]
    hardship_signature: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Keyed MinHash of the hardship text; see `underwriting/graph/texts.py`."""
    noted_at: Mapped[datetime]


class LoanMark(Base):
    """The day on which a loan first went that badly; what came of it later changes nothing."""

    __tablename__ = "loan_mark"
    __table_args__ = (Index("ix_loan_mark_application_ref", "application_ref"),)

    loan_id: Mapped[UUID] = mapped_column(ForeignKey("loan.id"), primary_key=True)
    mark: Mapped[Mark] = mapped_column(primary_key=True)
    application_ref: Mapped[UUID]
    on: Mapped[date]
    """Worked out from the loan, not the day on which it was noticed."""
    noted_at: Mapped[datetime]


class WatchDay(Base):
    """One day that was watched; a day is watched once."""

    __tablename__ = "watch_day"

    day: Mapped[date] = mapped_column(primary_key=True)
    ran_at: Mapped[datetime]


class WatchReading(Base):
    """One figure read on one day, with its interval, its bar and the number behind it."""

    __tablename__ = "watch_reading"
    __table_args__ = (
        UniqueConstraint("day", "measure", "subject", "part"),
        Index("ix_watch_reading_measure", "measure", "subject", "part", "day"),
        Index("ix_watch_reading_verdict", "verdict", "day"),
        CheckConstraint("cases >= 0", name="cases_not_negative"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Derived from day, measure, subject and part."""
    day: Mapped[date] = mapped_column(ForeignKey("watch_day.day"))
    measure: Mapped[Measure]
    subject: Mapped[str]
    """A model, a figure, an agency, a month of booking, a group, or the first application of a
    ring; never a person."""
    part: Mapped[str]
    """A part of the subject, such as months on book; empty when there is none."""
    value: Mapped[Decimal | None] = mapped_column(Numeric(18, 6))
    low: Mapped[Decimal | None] = mapped_column(Numeric(18, 6))
    high: Mapped[Decimal | None] = mapped_column(Numeric(18, 6))
    """`low` and `high` hold the 95 % interval of the value."""
    bar: Mapped[Decimal | None] = mapped_column(Numeric(18, 6))
    """The value from which chance alone is no explanation any more."""
    cases: Mapped[int]
    verdict: Mapped[Verdict]
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Counts behind the value, as text and whole numbers; no personal data."""


for _table in (WatchedCase, LoanMark, WatchDay, WatchReading):
    append_only(_table)
