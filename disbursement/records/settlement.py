"""Statement files as they came, the rows read from them, and which rows were matched."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from disbursement.matching.flows import Purpose
from disbursement.statements.lines import Direction, LineKind
from kernel.append_only import append_only
from kernel.db import Base
from kernel.money import Money
from kernel.moves import Step


class FileKind(StrEnum):
    """Whose statement a file is."""

    SETTLEMENT = "settlement"
    """The channel's file of a settlement day."""
    BANK = "bank"
    """The bank's statement of an account and a day."""


class FileStatus(StrEnum):
    """What became of a file."""

    TAKEN = "taken"
    """Its rows count; one at most for a source, kind and day."""
    HELD = "held"
    """Its day has another file already, or is signed: a person decides."""
    REFUSED = "refused"
    """It cannot be relied on, or a person decided against it."""
    SUPERSEDED = "superseded"
    """It was taken, and two persons took another one instead."""


class StatementFile(Base):
    """One file, byte by byte, and how it was received."""

    __tablename__ = "statement_file"
    __table_args__ = (
        UniqueConstraint("source", "kind", "day", "sha256"),
        Index(
            "uq_statement_file_taken",
            "source",
            "kind",
            "day",
            unique=True,
            postgresql_where=text("status = 'taken'"),
        ),
        Index("ix_statement_file_day", "day"),
        CheckConstraint("octet_length(sha256) = 64", name="sha256_in_hex"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Derived from source, kind, day and bytes."""
    source: Mapped[str]
    """The channel's name, or the account's number."""
    channel: Mapped[str]
    """Whose file it is, or whose money moves on the account."""
    holder: Mapped[str]
    """Our number with the channel, or the account's number: who the file must be about."""
    kind: Mapped[FileKind]
    day: Mapped[date]
    sha256: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    status: Mapped[FileStatus]
    fault: Mapped[str | None]
    """Why it was refused."""
    rows: Mapped[int]
    opening: Mapped[Money | None]
    """Of a bank statement."""
    closing: Mapped[Money | None]
    imported_at: Mapped[datetime]


class StatementFileStep(Step, Base):
    """One move of a statement file."""

    __tablename__ = "statement_file_step"
    subject_table = "statement_file"


class SettlementRow(Base):
    """One row of a channel's settlement file."""

    __tablename__ = "settlement_row"
    __table_args__ = (
        UniqueConstraint("file_id", "position"),
        Index("ix_settlement_row_order_no", "order_no"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    file_id: Mapped[UUID] = mapped_column(ForeignKey("statement_file.id"))
    position: Mapped[int]
    """1-based place in the file: payments first, then returns."""
    kind: Mapped[LineKind]
    code: Mapped[str]
    order_no: Mapped[str | None]
    txn_time: Mapped[datetime]
    amount: Mapped[Money]
    fee: Mapped[Money]
    net: Mapped[Money]
    """Negative when money left us."""
    reference: Mapped[str]
    card_masked: Mapped[str]
    booked_at: Mapped[datetime]


class BankLine(Base):
    """One line of a bank statement; who stood on the other side is only in the file."""

    __tablename__ = "bank_line"
    __table_args__ = (
        UniqueConstraint("file_id", "position"),
        Index("ix_bank_line_settles_on", "settles_on"),
        CheckConstraint("amount > 0", name="amount_above_zero"),
        CheckConstraint("(purpose IS NULL) = (settles_on IS NULL)", name="purpose_has_day"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    file_id: Mapped[UUID] = mapped_column(ForeignKey("statement_file.id"))
    position: Mapped[int]
    direction: Mapped[Direction]
    amount: Mapped[Money]
    reference: Mapped[str]
    value_date: Mapped[date]
    posted_at: Mapped[datetime]
    purpose: Mapped[Purpose | None]
    """What its reference says it moved for."""
    settles_on: Mapped[date | None]
    """The day its reference names."""


class MatchedRow(Base):
    """One row on which books, channel and bank agree."""

    __tablename__ = "matched_row"
    __table_args__ = (
        UniqueConstraint("leg_id", "kind"),
        UniqueConstraint("debit_id", "kind"),
        CheckConstraint("num_nonnulls(leg_id, debit_id) = 1", name="of_one_order"),
        Index("ix_matched_row_day", "day"),
        CheckConstraint("amount > 0", name="amount_above_zero"),
    )

    row_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("settlement_row.id"), primary_key=True, autoincrement=False
    )
    leg_id: Mapped[UUID | None] = mapped_column(ForeignKey("payout_leg.id"))
    debit_id: Mapped[UUID | None] = mapped_column(ForeignKey("debit_order.id"))
    kind: Mapped[LineKind]
    day: Mapped[date]
    """The settlement day."""
    amount: Mapped[Money]
    at: Mapped[datetime]


append_only(SettlementRow)
append_only(BankLine)
append_only(MatchedRow)
