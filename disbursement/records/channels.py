"""What is kept of each way to pay: its breaker, its batches, its pulls, and money set aside for it."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from kernel.append_only import append_only
from kernel.claims import Claimable
from kernel.db import Base
from kernel.money import Money
from kernel.moves import Step


class ChannelState(Base):
    """How a channel has answered of late, and when the next message may leave, for all workers."""

    __tablename__ = "channel_state"

    channel: Mapped[str] = mapped_column(primary_key=True)
    silences: Mapped[int]
    """Answers in a row that said nothing reliable."""
    trips: Mapped[int]
    """How often in a row the breaker opened; each time it stays open longer."""
    open_until: Mapped[datetime | None]
    """While this lies ahead nothing is sent; None when the channel answers."""
    probe_until: Mapped[datetime | None]
    """While this lies ahead one worker is trying the channel after an outage."""
    next_at: Mapped[datetime | None]
    """When the next message would leave at the agreed pace, were there no burst."""
    drains_until: Mapped[datetime | None]
    """Until then what has piled up leaves at the slower pace."""


class BatchStatus(StrEnum):
    """Where a batch of payouts stands."""

    SUBMITTED = "submitted"
    """Its number is on disk; the file may or may not have been uploaded."""
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    """Nobody knows whether the channel has the file: ask, never upload again."""
    ANSWERED = "answered"
    """The result file was read; what it left open is asked row by row."""
    REJECTED = "rejected"
    """Refused whole; no row of it was taken."""
    BY_ROWS = "by_rows"
    """The batch itself can tell no more; each row is asked about by itself."""
    STOPPED = "stopped"
    """What was about to be uploaded was not what had been approved; nothing left the house."""


class PayoutBatch(Claimable, Base):
    """One file of payouts uploaded at once."""

    __tablename__ = "payout_batch"
    __table_args__ = (
        UniqueConstraint("channel", "batch_no"),
        CheckConstraint("rows > 0 AND total > 0", name="not_empty"),
        Index(
            "ix_payout_batch_to_ask",
            "next_query_at",
            postgresql_where=text("next_query_at IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-1)
    """Derived from the legs in it."""
    channel: Mapped[str]
    batch_no: Mapped[str]
    """How the channel knows it."""
    sent_at: Mapped[datetime]
    """Whole seconds; the same for every row in it."""
    rows: Mapped[int]
    total: Mapped[Money]
    status: Mapped[BatchStatus]
    next_query_at: Mapped[datetime | None]
    queries: Mapped[int]


class PayoutBatchStep(Step, Base):
    """One move of a batch."""

    __tablename__ = "payout_batch_step"
    subject_table = "payout_batch"


class ReturnsPull(Base):
    """One answer to the question which payouts came back on a day."""

    __tablename__ = "returns_pull"

    channel: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    pulled_at: Mapped[datetime] = mapped_column(primary_key=True)
    returns: Mapped[int]
    total: Mapped[Money]
    unknown: Mapped[int]
    """Returns of orders that we do not know."""
    is_final: Mapped[bool]
    """Asked after the day was over, so that nothing can be added to it."""


class FundingPosition(Base):
    """What a funder can still send: a row that every reservation locks, recomputed from the books."""

    __tablename__ = "funding_position"
    __table_args__ = (CheckConstraint("reserved >= 0", name="reserved_not_negative"),)

    funder_id: Mapped[UUID] = mapped_column(ForeignKey("funder.id"), primary_key=True)
    opening: Mapped[Money]
    """What lay on the account before the books begin, as treasury stated it."""
    balance: Mapped[Money]
    """How the books have moved the account since, when last looked at."""
    reserved: Mapped[Money]
    """The sum of the open holds."""
    looked_at: Mapped[datetime]


class FundingHold(Base):
    """Money set aside for one payout and its fee, until it failed or left the bank account."""

    __tablename__ = "funding_hold"
    __table_args__ = (
        CheckConstraint("amount > 0 AND fee >= 0", name="amount_above_zero"),
        Index("ix_funding_hold_open", "funder_id", postgresql_where=text("ended_at IS NULL")),
        Index("ix_funding_hold_day", "channel", "funder_id", "day"),
    )

    leg_id: Mapped[UUID] = mapped_column(ForeignKey("payout_leg.id"), primary_key=True)
    funder_id: Mapped[UUID] = mapped_column(ForeignKey("funder.id"))
    channel: Mapped[str]
    day: Mapped[date]
    """The settlement day whose limit it uses up."""
    amount: Mapped[Money]
    fee: Mapped[Money]
    """What is set aside for its fee; zero once the books have it."""
    at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    is_released: Mapped[bool]
    """Ended because nothing was paid, so that its day's limit is free again."""


class DailyUse(Base):
    """How much of a day's limit is used up: a row that every reservation locks."""

    __tablename__ = "daily_use"
    __table_args__ = (CheckConstraint("used >= 0", name="used_not_negative"),)

    channel: Mapped[str] = mapped_column(primary_key=True)
    funder_id: Mapped[UUID] = mapped_column(ForeignKey("funder.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    used: Mapped[Money]


class PayoutFreeze(Base):
    """A time in which nothing is sent, because the books may have lost what was sent before."""

    __tablename__ = "payout_freeze"
    __table_args__ = (
        CheckConstraint("lost_from < lost_until", name="window_not_empty"),
        CheckConstraint("is_open IS NULL OR ended_at IS NULL", name="open_or_ended"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    lost_from: Mapped[datetime]
    """The time up to which the restored books are whole."""
    lost_until: Mapped[datetime]
    """The time after which nothing was sent before the restore."""
    begun_by: Mapped[str]
    begun_at: Mapped[datetime]
    ended_by: Mapped[str | None]
    ended_at: Mapped[datetime | None]
    is_open: Mapped[bool | None] = mapped_column(unique=True)
    """True, or NULL once it ended: there is one at a time."""


class Verdict(StrEnum):
    """What two persons say about a payout of which the channel said two things."""

    WAS_PAID = "was_paid"
    """The money is with the issuer, although the books say it failed."""
    WAS_NOT_PAID = "was_not_paid"
    """The money is not with the issuer, although the books say it is."""
    BOOKS_STAND = "books_stand"
    """The books are right, or another entry puts them right."""


class PayoutRuling(Base):
    """One person's word on a contradiction; two different persons' same word decides it."""

    __tablename__ = "payout_ruling"
    __table_args__ = (UniqueConstraint("leg_id", "contradicted_at", "position"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    leg_id: Mapped[UUID] = mapped_column(ForeignKey("payout_leg.id"))
    contradicted_at: Mapped[datetime]
    position: Mapped[int]
    verdict: Mapped[Verdict]
    reason: Mapped[str]
    actor: Mapped[str]
    at: Mapped[datetime]


append_only(ReturnsPull)
append_only(PayoutRuling)
