"""Loans and their instalments."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kernel.append_only import append_only
from kernel.db import Base
from kernel.money import Money
from kernel.moves import Step


class LoanStatus(StrEnum):
    """Where a loan stands."""

    PENDING = "pending"
    """Placed; its payouts are not all final."""
    ACTIVE = "active"
    CANCELLED = "cancelled"
    """Nothing was ever owed: no payout reached a card, or all came back before it began."""
    SETTLED = "settled"
    """Everything owed was repaid."""
    UNDONE = "undone"
    """Every payout came back after it had begun; nothing is owed."""
    WRITTEN_OFF = "written_off"
    """Given up for lost in the books; the debtor still owes it."""


class Loan(Base):
    """One loan, placed by an order and booked at what was paid to the cards."""

    __tablename__ = "loan"
    __table_args__ = (
        Index("ix_loan_status", "status"),
        Index("ix_loan_application_ref", "application_ref"),
        CheckConstraint("principal >= 0", name="principal_not_negative"),
        CheckConstraint("begun_with >= 0", name="begun_with_not_negative"),
        CheckConstraint("penalty_rate >= 0", name="penalty_rate_not_negative"),
        CheckConstraint("ceiling > 0", name="ceiling_above_zero"),
        CheckConstraint("months > 0", name="months_above_zero"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Derived from the order's id."""
    order_id: Mapped[UUID] = mapped_column(unique=True)
    order_sha256: Mapped[str]
    """Of the order's content, by which the same order is known again."""
    application_ref: Mapped[UUID]
    debtor_ref: Mapped[UUID]
    funder_id: Mapped[UUID] = mapped_column(ForeignKey("funder.id"))
    product_id: Mapped[UUID] = mapped_column(ForeignKey("product.id"))
    months: Mapped[int]
    annual_rate: Mapped[Decimal]
    """A fraction: 0.12 is 12 % a year."""
    penalty_rate: Mapped[Decimal]
    """What overdue principal bears a year, as signed: a fraction, never above the lender's cap."""
    penalty_grace_days: Mapped[int]
    """Paid within so many days after a due date, nothing is charged or reported."""
    penalty_day_basis: Mapped[int]
    """Days of a year of the penalty rate."""
    contract_sha256: Mapped[str]
    signed_at: Mapped[datetime]
    ceiling: Mapped[Money]
    """The sum of the signed ceilings of its cards."""
    status: Mapped[LoanStatus]
    placed_at: Mapped[datetime]
    principal: Mapped[Money]
    """What was paid to the cards and did not come back; zero until the loan is active."""
    begun_with: Mapped[Money]
    """What had been paid when the loan began: the principal of its contract; zero until then."""
    value_date: Mapped[date | None]
    """The day from which interest runs."""
    first_due: Mapped[date | None]
    anchor_day: Mapped[int | None]
    """Day of the month on which instalments fall due."""
    schedule_version: Mapped[int]
    """The version of the instalments in force; 0 while there are none."""


class LoanStep(Step, Base):
    """One move of a loan."""

    __tablename__ = "loan_step"
    subject_table = "loan"


class Instalment(Base):
    """One due date of one version of a loan's schedule; a new version replaces the whole."""

    __tablename__ = "instalment"
    __table_args__ = (
        UniqueConstraint("loan_id", "schedule_version", "number"),
        CheckConstraint("principal >= 0", name="principal_not_negative"),
        CheckConstraint("interest >= 0", name="interest_not_negative"),
        CheckConstraint("balance >= 0", name="balance_not_negative"),
        Index("ix_instalment_due_on", "due_on"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Derived from loan, version and number."""
    loan_id: Mapped[UUID] = mapped_column(ForeignKey("loan.id"))
    schedule_version: Mapped[int]
    number: Mapped[int]
    """1-based position in the schedule."""
    due_on: Mapped[date]
    principal: Mapped[Money]
    interest: Mapped[Money]
    fees: Mapped[Money]
    balance: Mapped[Money]
    """Principal still owed after it."""


append_only(Instalment)
