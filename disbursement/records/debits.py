"""Money that comes in: repayment cards, debit orders, references and transfers of the debtors."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from kernel.append_only import append_only
from kernel.claims import Claimable
from kernel.db import Base
from kernel.money import Money
from kernel.moves import Step
from kernel.personal import CardNumber, PersonName
from kernel.sealing import Sealed, SealedColumn


class RepaymentCard(Base):
    """A debtor's debit card and his mandate to collect from it; another card takes its place."""

    __tablename__ = "repayment_card"
    __table_args__ = (
        Index(
            "uq_repayment_card_in_use",
            "debtor_ref",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        CheckConstraint("octet_length(mandate_sha256) = 64", name="mandate_in_hex"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    debtor_ref: Mapped[UUID]
    card: Mapped[Sealed[CardNumber]] = mapped_column(SealedColumn(CardNumber))
    name: Mapped[Sealed[PersonName]] = mapped_column(SealedColumn(PersonName))
    card_masked: Mapped[str]
    """First six and last four digits, as the channel's file shows it."""
    card_index: Mapped[str]
    """Keyed hash of the card number."""
    digest: Mapped[str]
    """Keyed hash of identity, card and name, bound here and checked before every collection."""
    mandate_sha256: Mapped[str]
    """Of the paper by which the debtor lets us collect."""
    bound_at: Mapped[datetime]
    refused_code: Mapped[str | None]
    """The channel's code by which the card cannot be debited any more."""
    ended_at: Mapped[datetime | None]


class DebitPurpose(StrEnum):
    """What a collection is for."""

    INSTALMENT = "instalment"
    """What has fallen due, up to the amount asked for."""
    PREPAY_SHORTEN = "prepay_shorten"
    PREPAY_LOWER = "prepay_lower"
    PAYOFF = "payoff"


class DebitStatus(StrEnum):
    """Where a debit order stands."""

    PLANNED = "planned"
    SUBMITTED = "submitted"
    """The order number is on disk; bytes may or may not have left."""
    ACCEPTED = "accepted"
    """The channel took it and has not decided."""
    UNKNOWN = "unknown"
    """Nobody knows whether the channel took it: ask, never resend."""
    PAID = "paid"
    FAILED = "failed"
    """Refused for good by the channel, or never known to it; nothing was taken."""
    CANCELLED = "cancelled"
    """Given up before anything was sent."""
    RETURNED = "returned"
    """Collected, and the debtor's bank took it back."""


class DebitOrder(Claimable, Base):
    """One collection from one card for one loan."""

    __tablename__ = "debit_order"
    __table_args__ = (
        # Two orders at once would collect the same debt twice.
        Index(
            "uq_debit_order_undecided",
            "loan_id",
            unique=True,
            postgresql_where=text("status IN ('planned', 'submitted', 'accepted', 'unknown')"),
        ),
        CheckConstraint("requested > 0", name="requested_above_zero"),
        CheckConstraint("amount > 0 AND amount <= requested", name="amount_within_requested"),
        CheckConstraint(
            "status IN ('planned', 'cancelled') OR (order_no IS NOT NULL "
            'AND txn_time IS NOT NULL AND amount IS NOT NULL AND "on" IS NOT NULL)',
            name="sent_has_order_number",
        ),
        CheckConstraint("(due_on IS NULL) = (attempt IS NULL)", name="attempt_of_a_due_day"),
        Index("ix_debit_order_loan_id", "loan_id"),
        Index(
            "ix_debit_order_to_send",
            "claimed_until",
            postgresql_where=text("status = 'planned'"),
        ),
        Index(
            "ix_debit_order_to_query",
            "next_query_at",
            postgresql_where=text("next_query_at IS NOT NULL"),
        ),
        Index("ix_debit_order_status", "status"),
        Index("ix_debit_order_value_date", "value_date"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-1)
    """Derived from loan and key, or from loan, due date and attempt; also the payment's identity."""
    loan_id: Mapped[UUID] = mapped_column(ForeignKey("loan.id"))
    card_id: Mapped[UUID] = mapped_column(ForeignKey("repayment_card.id"))
    card_masked: Mapped[str]
    purpose: Mapped[DebitPurpose]
    requested: Mapped[Money]
    """The most that may be collected."""
    amount: Mapped[Money | None]
    """What was sent: what was owed just before, fixed with the order number."""
    due_on: Mapped[date | None]
    """The due date for which it was planned by itself; None when a person asked for it."""
    attempt: Mapped[int | None]
    """1 for the first try for a due date."""
    on: Mapped[date | None]
    """The day for which the amount was worked out."""
    channel: Mapped[str]
    status: Mapped[DebitStatus]
    order_no: Mapped[str | None] = mapped_column(unique=True)
    txn_time: Mapped[datetime | None]
    """Whole seconds; part of the channel's identity of the collection."""
    next_query_at: Mapped[datetime | None]
    queries: Mapped[int]
    absent_since: Mapped[datetime | None]
    """Since when every answer of the channel has been that it knows no such order."""
    code: Mapped[str | None]
    """The channel's latest code."""
    reference: Mapped[str | None]
    """The channel's own number of the collection."""
    paid_at: Mapped[datetime | None]
    """When we learned that it was collected."""
    value_date: Mapped[date | None]
    """The channel's settlement day, on which the bank account is credited."""
    in_suspense: Mapped[bool]
    """Collected, and the loan could not take it: it stands on the suspense account."""
    returned_on: Mapped[date | None]
    """The channel's settlement day of the return."""
    contradicted_at: Mapped[datetime | None]
    """When the channel first said the opposite of what had been final."""


class DebitStep(Step, Base):
    """One move of a debit order."""

    __tablename__ = "debit_step"
    subject_table = "debit_order"


class DebitAbsence(Base):
    """A settlement file that did not know an undecided debit order."""

    __tablename__ = "debit_absence"

    debit_id: Mapped[UUID] = mapped_column(ForeignKey("debit_order.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    """The settlement day of the file."""
    at: Mapped[datetime]


class RepaymentReference(Base):
    """What a debtor writes on a transfer so that it is known as his."""

    __tablename__ = "repayment_reference"

    loan_id: Mapped[UUID] = mapped_column(ForeignKey("loan.id"), primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    given_at: Mapped[datetime]


class TransferStatus(StrEnum):
    """Where a transfer that came in stands."""

    MATCHED = "matched"
    """Its reference named a loan, and it was booked there."""
    SUSPENSE = "suspense"
    """Nobody knows yet whose it is."""
    PROPOSED = "proposed"
    """One person said whose it is."""
    ASSIGNED = "assigned"
    """Another person agreed, and it was booked there."""


class IncomingTransfer(Base):
    """One credit line of the funding account that the channel does not explain."""

    __tablename__ = "incoming_transfer"
    __table_args__ = (
        UniqueConstraint("account", "day", "reference", "amount", "occurrence"),
        CheckConstraint("amount > 0", name="amount_above_zero"),
        CheckConstraint("proposed_by <> consented_by", name="four_eyes"),
        CheckConstraint("status = 'suspense' OR loan_id IS NOT NULL", name="has_its_loan"),
        CheckConstraint("status <> 'assigned' OR consented_by IS NOT NULL", name="assigned_by_two"),
        Index(
            "ix_incoming_transfer_open",
            "day",
            postgresql_where=text("status IN ('suspense', 'proposed')"),
        ),
        Index("ix_incoming_transfer_loan_id", "loan_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Derived from account, day, reference, amount and occurrence; also the payment's identity."""
    account: Mapped[str]
    """The bank account it came in on."""
    day: Mapped[date]
    """The value date."""
    reference: Mapped[str]
    amount: Mapped[Money]
    occurrence: Mapped[int]
    """1 for the first line of this content on the day."""
    line_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("bank_line.id"))
    """The line that brought it first."""
    funder_code: Mapped[str]
    """Whose bank account it is."""
    status: Mapped[TransferStatus]
    loan_id: Mapped[UUID | None] = mapped_column(ForeignKey("loan.id"))
    proposed_by: Mapped[str | None]
    """The person alone, whatever role he acted in."""
    consented_by: Mapped[str | None]
    received_at: Mapped[datetime]


class IncomingTransferStep(Step, Base):
    """One move of a transfer that came in."""

    __tablename__ = "incoming_transfer_step"
    subject_table = "incoming_transfer"


append_only(DebitAbsence)
append_only(RepaymentReference)
