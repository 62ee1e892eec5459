"""Tables of an offer: its terms, the ceiling of each card, and every step it took."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base
from kernel.money import Money
from kernel.moves import Moves, Step


class OfferStatus(StrEnum):
    """What became of an offer."""

    OPEN = "open"
    SIGNED = "signed"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"
    """A newer version took its place."""


class Offer(Base):
    """The terms on which a debtor may borrow; what he saw is kept to the byte."""

    __tablename__ = "offer"
    __table_args__ = (
        UniqueConstraint("application_id", "version"),
        Index(
            "uq_offer_application_id_open",
            "application_id",
            unique=True,
            postgresql_where=text("status = 'open'"),
        ),
        Index("ix_offer_valid_until_open", "valid_until", postgresql_where=text("status = 'open'")),
        CheckConstraint("principal > 0", name="principal_above_zero"),
        CheckConstraint("months > 0", name="months_above_zero"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("application.id"))
    version: Mapped[int]
    """1-based; a higher one asks again after a card became dearer."""
    assessment_id: Mapped[UUID] = mapped_column(ForeignKey("assessment.id"))
    funder_code: Mapped[str]
    product_code: Mapped[str]
    product_version: Mapped[int]
    principal: Mapped[Money]
    """The ceiling: the sum of the cards' ceilings; the loan is what is paid."""
    annual_rate: Mapped[Decimal]
    """A fraction: 0.12 is 12 %."""
    months: Mapped[int]
    instalment: Mapped[Money]
    total_interest: Mapped[Money]
    simple_apr: Mapped[Decimal]
    """Annual cost of everything, simple method, a fraction."""
    irr: Mapped[Decimal]
    """Annual cost of everything, compound method, a fraction."""
    status: Mapped[OfferStatus]
    made_at: Mapped[datetime]
    valid_until: Mapped[datetime]
    disclosure: Mapped[str]
    """Canonical JSON of everything the debtor is shown."""
    disclosure_sha256: Mapped[str] = mapped_column(String(64))
    read_from_at: Mapped[datetime | None]
    """When the debtor first opened it: the reading time counts from here."""


class OfferStep(Step, Base):
    """One move of an offer."""

    __tablename__ = "offer_step"
    subject_table = "offer"


OFFER_MOVES: Final = Moves(
    step=OfferStep,
    start=frozenset({OfferStatus.OPEN}),
    edges=MappingProxyType(
        {
            OfferStatus.OPEN: frozenset(
                {
                    OfferStatus.SIGNED,
                    OfferStatus.EXPIRED,
                    OfferStatus.WITHDRAWN,
                    OfferStatus.SUPERSEDED,
                }
            ),
            OfferStatus.SIGNED: frozenset({OfferStatus.SUPERSEDED, OfferStatus.WITHDRAWN}),
        }
    ),
)


class OfferCard(Base):
    """One card that the offer clears whole."""

    __tablename__ = "offer_card"
    __table_args__ = (
        UniqueConstraint("offer_id", "card_id"),
        CheckConstraint("quoted > 0", name="quoted_above_zero"),
        CheckConstraint("ceiling >= quoted", name="ceiling_covers_quote"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    offer_id: Mapped[UUID] = mapped_column(ForeignKey("offer.id"))
    card_id: Mapped[UUID] = mapped_column(ForeignKey("application_card.id"))
    issuer_code: Mapped[str]
    quoted: Mapped[Money]
    """What the issuer asked for when the offer was made."""
    ceiling: Mapped[Money]
    """The most that may be sent: the quote and the buffer for interest still to come."""
