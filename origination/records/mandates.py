"""Table of mandates: by which words a debtor lets the lender collect from his card."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from kernel.append_only import append_only
from kernel.db import Base
from origination.records.referrals import Locale


class Mandate(Base):
    """One mandate as it was read and given; the card itself is kept by the floor below."""

    __tablename__ = "mandate"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("application.id"), index=True)
    repayment_card_ref: Mapped[UUID]
    """The card as the floor below keeps it."""
    text_version: Mapped[str]
    locale: Mapped[Locale]
    words: Mapped[str]
    """As they stood on the page."""
    sha256: Mapped[str] = mapped_column(String(64))
    """Of the words; the floor below keeps it with the card."""
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB)
    given_at: Mapped[datetime]


append_only(Mandate)
