"""Payoff quotes: what an issuer said would clear a card."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Index, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from kernel.append_only import append_only
from kernel.db import Base
from kernel.money import Money


class PayoffQuote(Base):
    """One answer of an issuer about one card."""

    __tablename__ = "payoff_quote"
    __table_args__ = (Index("ix_payoff_quote_card_ref", "card_ref", "fetched_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    card_ref: Mapped[UUID]
    issuer_code: Mapped[str]
    amount: Mapped[Money]
    """What clears the card when it posts by `valid_until`; zero when nothing is owed."""
    as_of: Mapped[datetime]
    valid_until: Mapped[datetime]
    per_diem: Mapped[Money]
    """By how much the amount grows a day."""
    minimum_due: Mapped[Money]
    past_due: Mapped[Money]
    days_past_due: Mapped[int]
    credit_limit: Mapped[Money]
    daily_rate: Mapped[Decimal] = mapped_column(Numeric(14, 12))
    """A fraction: 0.0005 is 0.05 % a day."""
    reference: Mapped[str]
    """The issuer's own number of the quote."""
    fetched_at: Mapped[datetime]


append_only(PayoffQuote)
