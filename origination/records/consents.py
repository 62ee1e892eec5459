"""Table of consents: one row for each time a debtor agreed, never overwritten."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base
from origination.records.referrals import Locale


class Purpose(StrEnum):
    """What a debtor's data may be used for, each asked for by itself."""

    IDENTITY_CHECK = "identity_check"
    BUREAU_QUERY = "bureau_query"
    INCOME_PROOF = "income_proof"
    SHARE_WITH_FUNDER = "share_with_funder"
    AGENCY_STATUS = "agency_status"
    MARKETING = "marketing"


REQUIRED: Final = frozenset(Purpose) - {Purpose.MARKETING}
"""Without these no application can be decided; marketing never blocks anything."""


class Consent(Base):
    """One consent: which text, when, and when it was taken back."""

    __tablename__ = "consent"
    __table_args__ = (
        Index(
            "uq_consent_application_id_purpose_live",
            "application_id",
            "purpose",
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("application.id"), index=True)
    purpose: Mapped[Purpose]
    text_version: Mapped[str]
    locale: Mapped[Locale]
    text_sha256: Mapped[str] = mapped_column(String(64))
    """Of the very text that was shown, in the language it was shown in."""
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """How it was given, such as the session and the page; never personal data."""
    given_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
