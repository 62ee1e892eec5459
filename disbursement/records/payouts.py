"""Payout legs, who approved them, and the evidence of every exchange with a channel."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from disbursement.issuer_answers import AccountType
from kernel.append_only import append_only
from kernel.claims import Claimable
from kernel.db import Base
from kernel.money import Money
from kernel.moves import Step
from kernel.personal import CardNumber, PersonName
from kernel.sealing import Sealed, SealedColumn


class LegStatus(StrEnum):
    """Where a payout leg stands."""

    PLANNED = "planned"
    APPROVED = "approved"
    REQUOTE_NEEDED = "requote_needed"
    """The card's debt grew above the signed ceiling; nothing was sent."""
    SUBMITTED = "submitted"
    """The order number is on disk; bytes may or may not have left."""
    ACCEPTED = "accepted"
    """The channel took it and has not decided."""
    UNKNOWN = "unknown"
    """Nobody knows whether the channel took it: ask, never resend."""
    PAID = "paid"
    MATCHED = "matched"
    """Found in the channel's settlement file and on the bank statement."""
    PAYOFF_VERIFIED = "payoff_verified"
    """The issuer confirmed that the card is clear."""
    FAILED = "failed"
    """Refused for good by the channel, or never known to it; no money left."""
    CANCELLED = "cancelled"
    """Given up before anything was sent."""
    RETURNED = "returned"
    """Paid, and the money came back."""


class EvidenceKind(StrEnum):
    """Which exchange with a channel is on record."""

    PAY = "pay"
    COLLECT = "collect"
    QUERY = "query"
    NOTICE = "notice"
    FILE = "file"
    BATCH = "batch"
    """A file of payouts, uploaded."""
    RESULT = "result"
    """The result file of a batch."""
    RETURNS = "returns"
    """The list of what came back on a day."""


class WaitsFor(StrEnum):
    """Why an approved payout is not sent although nothing is wrong with it."""

    FUNDS = "funds"
    """The funder's account does not hold that much that is not spoken for."""
    DAILY_LIMIT = "daily_limit"
    """What may be sent through the channel in a day is used up."""


class PayoutLeg(Claimable, Base):
    """One payment to one card of one loan."""

    __tablename__ = "payout_leg"
    __table_args__ = (
        UniqueConstraint("loan_id", "card_ref", "attempt"),
        CheckConstraint("ceiling > 0", name="ceiling_above_zero"),
        CheckConstraint("amount > 0 AND amount <= ceiling", name="amount_within_ceiling"),
        CheckConstraint(
            "status IN ('planned', 'approved', 'requote_needed', 'cancelled') "
            "OR (order_no IS NOT NULL AND txn_time IS NOT NULL AND amount IS NOT NULL)",
            name="sent_has_order_number",
        ),
        Index(
            "ix_payout_leg_to_send",
            "claimed_until",
            postgresql_where=text("status = 'approved'"),
        ),
        Index(
            "ix_payout_leg_to_query",
            "next_query_at",
            postgresql_where=text("next_query_at IS NOT NULL"),
        ),
        Index(
            "ix_payout_leg_to_check",
            "next_check_at",
            postgresql_where=text("next_check_at IS NOT NULL"),
        ),
        Index("ix_payout_leg_status", "status"),
        Index(
            "ix_payout_leg_batch",
            "batch_id",
            postgresql_where=text("batch_id IS NOT NULL"),
        ),
        Index("ix_payout_leg_card_index", "card_index"),
        Index("ix_payout_leg_value_date", "value_date"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-1)
    """Derived from loan, card and attempt."""
    loan_id: Mapped[UUID] = mapped_column(ForeignKey("loan.id"))
    card_ref: Mapped[UUID]
    attempt: Mapped[int]
    """1 for the leg of the order; a successor counts on."""
    issuer_code: Mapped[str]
    card: Mapped[Sealed[CardNumber]] = mapped_column(SealedColumn(CardNumber))
    payee: Mapped[Sealed[PersonName]] = mapped_column(SealedColumn(PersonName))
    card_masked: Mapped[str]
    """First six and last four digits, as the channel's file shows it."""
    card_index: Mapped[str]
    """Keyed hash of the card number, by which the same card is known again."""
    payee_digest: Mapped[str]
    """Keyed hash of leg, card and name, bound when placed and checked at approval and sending."""
    account_type: Mapped[AccountType | None]
    """What the issuer last said the card is."""
    ceiling: Mapped[Money]
    """The most the debtor signed for."""
    quoted: Mapped[Money | None]
    """The issuer's latest quote for it."""
    amount: Mapped[Money | None]
    """What was sent; fixed with the order number."""
    channel: Mapped[str]
    batch_id: Mapped[UUID | None] = mapped_column(ForeignKey("payout_batch.id"))
    """The file in which it was sent, when its channel takes many at once."""
    waits_for: Mapped[WaitsFor | None]
    status: Mapped[LegStatus]
    approval_round: Mapped[int]
    """Raised ceilings start a new round; only approvals of the present one count."""
    order_no: Mapped[str | None] = mapped_column(unique=True)
    txn_time: Mapped[datetime | None]
    """Whole seconds; part of the channel's identity of the payment."""
    predecessor_id: Mapped[UUID | None] = mapped_column(ForeignKey("payout_leg.id"), unique=True)
    """The failed or returned leg that this one follows."""
    next_query_at: Mapped[datetime | None]
    queries: Mapped[int]
    next_check_at: Mapped[datetime | None]
    """When the issuer is to be asked whether a matched payment cleared the card."""
    absent_since: Mapped[datetime | None]
    """Since when every answer of the channel has been that it knows no such order."""
    code: Mapped[str | None]
    """The channel's latest code."""
    reference: Mapped[str | None]
    """The channel's own number of the payment."""
    paid_at: Mapped[datetime | None]
    """When we learned that it was paid."""
    value_date: Mapped[date | None]
    """The channel's settlement day of the payment, on which the bank account is debited."""
    returned_on: Mapped[date | None]
    """The channel's settlement day of the return."""
    contradicted_at: Mapped[datetime | None]
    """When the channel first said the opposite of what had been final."""


class PayoutStep(Step, Base):
    """One move of a payout leg."""

    __tablename__ = "payout_step"
    subject_table = "payout_leg"


class PayoutApproval(Base):
    """One person's consent to send one leg, bound to payee and ceiling."""

    __tablename__ = "payout_approval"
    __table_args__ = (UniqueConstraint("leg_id", "round", "position"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Derived from leg, round and person, so one person approves once."""
    leg_id: Mapped[UUID] = mapped_column(ForeignKey("payout_leg.id"))
    round: Mapped[int]
    position: Mapped[int]
    """1 for the first approval, 2 for the second."""
    actor: Mapped[str]
    ceiling: Mapped[Money]
    payee_digest: Mapped[str]
    at: Mapped[datetime]


class PayoutAbsence(Base):
    """A settlement file that did not know an undecided leg's order."""

    __tablename__ = "payout_absence"

    leg_id: Mapped[UUID] = mapped_column(ForeignKey("payout_leg.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    """The settlement day of the file."""
    at: Mapped[datetime]


class ChannelEvidence(Base):
    """One exchange with a channel as it was: the request masked, the reply as it came."""

    __tablename__ = "channel_evidence"
    __table_args__ = (
        Index("ix_channel_evidence_order_no", "order_no"),
        Index("ix_channel_evidence_not_genuine", "at", postgresql_where=text("NOT is_genuine")),
        CheckConstraint("octet_length(reply) <= 65536", name="reply_capped"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    channel: Mapped[str]
    kind: Mapped[EvidenceKind]
    order_no: Mapped[str | None]
    """As claimed by the message; a forged one may name any."""
    is_genuine: Mapped[bool]
    """Whether it bore the channel's signature and named the order asked about."""
    verdict: Mapped[str]
    """How it was read, in one word or a short sentence of ours."""
    request: Mapped[str]
    """What we sent, card and name left out."""
    reply: Mapped[bytes] = mapped_column(LargeBinary)
    """The first 64 KiB of what came."""
    reply_bytes: Mapped[int]
    """The length of what came."""
    at: Mapped[datetime]


append_only(PayoutApproval)
append_only(PayoutAbsence)
append_only(ChannelEvidence)
