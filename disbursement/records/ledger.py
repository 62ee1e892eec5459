"""Accounts and the transfers between them."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from kernel.append_only import append_only
from kernel.db import Base
from kernel.money import Money


class AccountKind(StrEnum):
    """Which side of an account makes it grow."""

    ASSET = "asset"
    LIABILITY = "liability"
    INCOME = "income"
    EXPENSE = "expense"

    @property
    def grows_by_debit(self) -> bool:
        """Whether a debit makes the balance larger."""
        return self in {AccountKind.ASSET, AccountKind.EXPENSE}


class Floor(StrEnum):
    """How low the balance of an account may go."""

    NONE = "none"
    NOT_BELOW_ZERO = "not_below_zero"


class TransferState(StrEnum):
    """What a transfer row says about the money."""

    PENDING = "pending"
    """Set aside; a later row resolves it once."""
    POSTED = "posted"
    VOIDED = "voided"
    """Resolves a pending row without moving anything."""


class Account(Base):
    """One account of the ledger; its balance is the sum of its transfers, kept nowhere."""

    __tablename__ = "account"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Derived from the code."""
    code: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[AccountKind]
    floor: Mapped[Floor]
    opened_at: Mapped[datetime]


class Transfer(Base):
    """One amount from a credited to a debited account; rows are only ever added."""

    __tablename__ = "transfer"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_above_zero"),
        CheckConstraint("debit_id <> credit_id", name="two_accounts"),
        CheckConstraint(
            "CASE state WHEN 'pending' THEN resolves IS NULL AND reverses IS NULL "
            "WHEN 'voided' THEN resolves IS NOT NULL AND reverses IS NULL "
            "ELSE resolves IS NULL OR reverses IS NULL END",
            name="state_agrees",
        ),
        Index(
            "uq_transfer_resolves",
            "resolves",
            unique=True,
            postgresql_where=text("resolves IS NOT NULL"),
        ),
        Index(
            "uq_transfer_reverses",
            "reverses",
            unique=True,
            postgresql_where=text("reverses IS NOT NULL"),
        ),
        Index("ix_transfer_debit_id", "debit_id"),
        Index("ix_transfer_credit_id", "credit_id"),
        Index("ix_transfer_event_ref", "event_ref"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Derived from what happened, so that posting twice meets the same row."""
    debit_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    credit_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    amount: Mapped[Money]
    state: Mapped[TransferState]
    reason: Mapped[str]
    """A short code of why, such as ``payout``."""
    event_ref: Mapped[UUID]
    """What the money moved for: a payout leg, a statement line."""
    value_date: Mapped[date]
    posted_at: Mapped[datetime]
    resolves: Mapped[UUID | None] = mapped_column(ForeignKey("transfer.id"))
    """The pending row that this one settles or voids."""
    reverses: Mapped[UUID | None] = mapped_column(ForeignKey("transfer.id"))
    """The posted row that this one answers."""


append_only(Transfer)
