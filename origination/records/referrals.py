"""Referrals: an agency's word that a debtor is willing to repay and cannot pay at once."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base
from kernel.money import Money
from kernel.moves import Moves, Step
from kernel.personal import Mobile
from kernel.sealing import Sealed, SealedColumn

LAPSE_DAYS: Final = 7
"""How long an invitation is good for."""


class ReferralStatus(StrEnum):
    """How far a referral has come."""

    RECEIVED = "received"
    INVITED = "invited"
    OPENED = "opened"
    CONSENTED = "consented"
    LAPSED = "lapsed"
    SUPERSEDED = "superseded"
    """Another referral owns the debtor."""
    DECLINED = "declined"
    """The person said no, or that he is not the one meant."""


class HardshipReason(StrEnum):
    """Why the debtor cannot pay at once."""

    JOB_LOSS = "job_loss"
    INCOME_CUT = "income_cut"
    BUSINESS_FAILURE = "business_failure"
    ILLNESS = "illness"
    FAMILY = "family"
    DISASTER = "disaster"
    OVER_BORROWING = "over_borrowing"
    OTHER = "other"


class Locale(StrEnum):
    """A language we speak with debtors."""

    ZH = "zh"
    EN = "en"


class Referral(Base):
    """One case an agency referred; it owns nobody until the debtor consents through its link."""

    __tablename__ = "referral"
    __table_args__ = (
        UniqueConstraint("agency_id", "case_no"),
        CheckConstraint("card_bin ~ '^[0-9]{6,8}$'", name="card_bin_form"),
        CheckConstraint("card_last4 ~ '^[0-9]{4}$'", name="card_last4_form"),
        CheckConstraint(
            "(token_hash IS NULL) = (invited_at IS NULL) AND"
            " (lapses_at IS NULL) = (invited_at IS NULL)",
            name="invited_whole",
        ),
        Index("ix_referral_mobile_index", "mobile_index"),
        Index(
            "ix_referral_lapses_at",
            "lapses_at",
            postgresql_where=text("status IN ('invited', 'opened')"),
        ),
        Index("ix_referral_waiting", "received_at", postgresql_where=text("status = 'received'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agency.id"))
    case_no: Mapped[str]
    """The agency's own number of the case."""
    content_digest: Mapped[str]
    """Keyed hash of what was referred: the same case with the same digest is the same word."""
    mobile: Mapped[Sealed[Mobile]] = mapped_column(SealedColumn(Mobile))
    mobile_index: Mapped[str]
    masked_name: Mapped[str]
    card_bin: Mapped[str]
    card_last4: Mapped[str]
    hardship_reason: Mapped[HardshipReason]
    hardship_since: Mapped[date | None]
    willingness: Mapped[dict[str, int]] = mapped_column(JSONB)
    """Counts by the names of `referral_forms.Willingness`."""
    stated_balance: Mapped[Money | None]
    """What the agency's papers say is owed on the card; the issuer alone says what is."""
    collector_index: Mapped[str | None] = mapped_column(String(64))
    """Keyed hash of the agency's own number of whoever referred the case."""
    hardship_signature: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Of the agency's words about the hardship, which are not kept."""
    contact_consent_at: Mapped[datetime]
    contact_consent_proof: Mapped[str]
    """Where the agency keeps the proof that the debtor agreed to be contacted."""
    locale: Mapped[Locale]
    status: Mapped[ReferralStatus]
    received_at: Mapped[datetime]
    invited_at: Mapped[datetime | None]
    lapses_at: Mapped[datetime | None]
    token_hash: Mapped[str | None] = mapped_column(unique=True)
    """SHA-256 of the invitation's token in hex; the token itself is kept nowhere."""


class ReferralStep(Step, Base):
    """One move of one referral."""

    __tablename__ = "referral_step"
    subject_table = "referral"


_ENDS: Final = frozenset(
    {ReferralStatus.LAPSED, ReferralStatus.SUPERSEDED, ReferralStatus.DECLINED}
)

REFERRAL_MOVES: Final = Moves(
    step=ReferralStep,
    start=frozenset({ReferralStatus.RECEIVED}),
    edges={
        ReferralStatus.RECEIVED: frozenset({ReferralStatus.INVITED}) | _ENDS,
        ReferralStatus.INVITED: frozenset({ReferralStatus.OPENED}) | _ENDS,
        ReferralStatus.OPENED: frozenset({ReferralStatus.CONSENTED}) | _ENDS,
    },
)
WAITING_STATUSES: Final = frozenset(
    {ReferralStatus.RECEIVED, ReferralStatus.INVITED, ReferralStatus.OPENED}
)
"""Nothing has been decided yet."""
LIVE_STATUSES: Final = WAITING_STATUSES | {ReferralStatus.CONSENTED}
