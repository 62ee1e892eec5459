"""Commissions: what is owed to an agency for one card, and how it ended."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base
from kernel.money import Money
from kernel.moves import Step


class CommissionStatus(StrEnum):
    """Where a commission stands."""

    EARNED = "earned"
    CLAWED_BACK = "clawed_back"
    """The debtor missed his first instalment."""
    TAKEN_BACK = "taken_back"
    """The payment to the card came back, so nothing was paid off."""


class Commission(Base):
    """One agency's fee for one card whose payoff the issuer confirmed."""

    __tablename__ = "commission"
    __table_args__ = (
        CheckConstraint("fee > 0", name="fee_above_zero"),
        CheckConstraint("verified > 0", name="verified_above_zero"),
        CheckConstraint("ended_on IS NULL OR status <> 'earned'", name="earned_has_not_ended"),
        Index("ix_commission_loan_id", "loan_id"),
        Index("ix_commission_agency_ref_earned_on", "agency_ref", "earned_on"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Derived from the payout leg."""
    leg_id: Mapped[UUID] = mapped_column(ForeignKey("payout_leg.id"), unique=True)
    loan_id: Mapped[UUID] = mapped_column(ForeignKey("loan.id"))
    funder_id: Mapped[UUID] = mapped_column(ForeignKey("funder.id"))
    """Who owes it."""
    agency_ref: Mapped[UUID]
    agency_code: Mapped[str]
    verified: Mapped[Money]
    """What was paid to the card and confirmed by its issuer."""
    fee: Mapped[Money]
    agreement: Mapped[str]
    """The agreement that it was reckoned by."""
    agreed_from: Mapped[date]
    earned_on: Mapped[date]
    claw_back_until: Mapped[date]
    """The last day on which a first default takes it back."""
    first_default_days: Mapped[int]
    """Days past its due date that make an unpaid first instalment a default."""
    status: Mapped[CommissionStatus]
    ended_on: Mapped[date | None]


class CommissionStep(Step, Base):
    """One move of one commission."""

    __tablename__ = "commission_step"
    subject_table = "commission"
