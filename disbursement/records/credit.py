"""Reports to a credit bureau: what was reported, held back, told before and disputed."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from disbursement.credit_file import Mark, Period
from kernel.append_only import append_only
from kernel.db import Base
from kernel.moves import Step


class ReportStatus(StrEnum):
    """Where a report stands."""

    PREPARED = "prepared"
    """One person made it; another has to look."""
    RELEASED = "released"
    REJECTED = "rejected"


class HoldReason(StrEnum):
    """Why a line is held back from a file."""

    NOT_TOLD = "not_told"
    """The person was not told, or not long enough before, that something adverse is reported."""
    NOT_IDENTIFIED = "not_identified"
    """Name and number of the borrower are not kept."""


class CreditReport(Base):
    """One file about the loans of one funder in one period."""

    __tablename__ = "credit_report"
    __table_args__ = (
        UniqueConstraint("funder_id", "period", "first_day", "number"),
        Index(
            "uq_credit_report_waiting",
            "funder_id",
            "period",
            "first_day",
            unique=True,
            postgresql_where=text("status = 'prepared'"),
        ),
        CheckConstraint("first_day <= as_of", name="period_runs_forward"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Derived from funder, period and number."""
    funder_id: Mapped[UUID] = mapped_column(ForeignKey("funder.id"))
    period: Mapped[Period]
    first_day: Mapped[date]
    as_of: Mapped[date]
    number: Mapped[int]
    """1 for the first of its period; corrections count on."""
    status: Mapped[ReportStatus]
    prepared_by: Mapped[str]
    prepared_at: Mapped[datetime]
    decided_by: Mapped[str | None]
    lines: Mapped[int]
    held: Mapped[int]
    counts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    sha256: Mapped[str] = mapped_column(String(64))
    """Of the file's bytes, which are never kept: they are written anew and compared."""


class CreditReportStep(Step, Base):
    """One move of one report."""

    __tablename__ = "credit_report_step"
    subject_table = "credit_report"


class CreditReportLine(Base):
    """What one report says of one loan, without the person."""

    __tablename__ = "credit_report_line"
    __table_args__ = (
        UniqueConstraint("report_id", "loan_id"),
        Index("ix_credit_report_line_loan_id", "loan_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Derived from report and loan."""
    report_id: Mapped[UUID] = mapped_column(ForeignKey("credit_report.id"))
    loan_id: Mapped[UUID] = mapped_column(ForeignKey("loan.id"))
    debtor_ref: Mapped[UUID]
    mark: Mapped[Mark]
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """By column of the file."""
    hold: Mapped[HoldReason | None]
    """None when it stands in the file."""


class CreditReportExport(Base):
    """One time that a report's file was written, by whom and as which bytes."""

    __tablename__ = "credit_report_export"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    report_id: Mapped[UUID] = mapped_column(ForeignKey("credit_report.id"), index=True)
    actor: Mapped[str]
    sha256: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]


class AdverseNotice(Base):
    """One telling of a borrower that his arrears will be reported, before they are."""

    __tablename__ = "adverse_notice"
    __table_args__ = (
        UniqueConstraint("loan_id", "overdue_since"),
        CheckConstraint("delivered_at >= planned_at", name="delivered_after_planned"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Derived from the loan and the spell."""
    loan_id: Mapped[UUID] = mapped_column(ForeignKey("loan.id"))
    overdue_since: Mapped[date]
    """The due date with which the spell of arrears began."""
    message_ref: Mapped[UUID] = mapped_column(unique=True)
    """The message that tells him, as the floor above knows it."""
    planned_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]


class DisputeOutcome(StrEnum):
    """What came of an objection to what is reported."""

    OPEN = "open"
    UPHELD = "upheld"
    """The borrower was right; the next file corrects it."""
    REJECTED = "rejected"


class CreditDispute(Base):
    """One borrower's objection to what is reported of his loan."""

    __tablename__ = "credit_dispute"
    __table_args__ = (
        Index(
            "uq_credit_dispute_open",
            "loan_id",
            unique=True,
            postgresql_where=text("outcome = 'open'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    loan_id: Mapped[UUID] = mapped_column(ForeignKey("loan.id"))
    reason: Mapped[str]
    """In the words of whoever wrote it down; no personal data."""
    opened_by: Mapped[str]
    opened_at: Mapped[datetime]
    answer_by: Mapped[date]
    """The last day on which the law lets it go unanswered."""
    outcome: Mapped[DisputeOutcome]
    answer: Mapped[str | None]
    closed_by: Mapped[str | None]
    closed_at: Mapped[datetime | None]


append_only(CreditReportLine)
append_only(CreditReportExport)
