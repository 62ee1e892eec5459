"""Debtors who proved who they are, each try to prove it, and who owns whom for how long."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kernel.append_only import append_only
from kernel.db import Base
from kernel.personal import Mobile, NationalId, PersonName
from kernel.sealing import Sealed, SealedColumn


class Debtor(Base):
    """One person, known by the number on the ID card."""

    __tablename__ = "debtor"
    __table_args__ = (Index("ix_debtor_mobile_index", "mobile_index"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    national_id: Mapped[Sealed[NationalId]] = mapped_column(SealedColumn(NationalId))
    national_id_index: Mapped[str] = mapped_column(unique=True)
    name: Mapped[Sealed[PersonName]] = mapped_column(SealedColumn(PersonName))
    mobile: Mapped[Sealed[Mobile]] = mapped_column(SealedColumn(Mobile))
    mobile_index: Mapped[str]
    born_on: Mapped[date]
    identity_check_no: Mapped[str]
    """The partner's number of the latest check that matched."""
    deceased: Mapped[bool]
    """What the partner said; underwriting decides what follows."""
    identified_at: Mapped[datetime]


class IdentityOutcome(StrEnum):
    """What came of one try to prove an identity."""

    ASKED = "asked"
    """The partner was asked; no answer has been written down."""
    MATCHED = "matched"
    MISMATCHED = "mismatched"


class IdentityTry(Base):
    """One try to prove an identity, written before the partner is asked, so tries are counted."""

    __tablename__ = "identity_try"
    __table_args__ = (Index("ix_identity_try_referral_id_at", "referral_id", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"))
    outcome: Mapped[IdentityOutcome]
    check_no: Mapped[str | None]
    at: Mapped[datetime]
    answered_at: Mapped[datetime | None]


class Ownership(Base):
    """The time in which one referral owns one debtor; rows are only ever added."""

    __tablename__ = "ownership"
    __table_args__ = (
        UniqueConstraint("debtor_id", "position"),
        CheckConstraint("from_at < until_at", name="time_runs_forward"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    debtor_id: Mapped[UUID] = mapped_column(ForeignKey("debtor.id"))
    position: Mapped[int]
    """0-based place in the debtor's history: two owners at once would need the same place."""
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"), unique=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agency.id"))
    from_at: Mapped[datetime]
    until_at: Mapped[datetime]


append_only(Ownership)
