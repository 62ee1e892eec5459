"""Table of signed contracts: the paper itself, its hash, and the evidence of signing."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ForeignKey, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base
from kernel.personal import Personal
from kernel.sealing import Sealed, SealedColumn
from origination.records.referrals import Locale


@dataclass(frozen=True, slots=True, repr=False)
class Paper(Personal):
    """A contract as PDF, in Base64: it bears the debtor's name, so it is kept sealed."""

    kind: ClassVar[str] = "contract"

    @classmethod
    def of(cls, pdf: bytes) -> Paper:
        """Wrap the bytes of a PDF."""
        return cls(base64.b64encode(pdf).decode())

    @property
    def pdf(self) -> bytes:
        """The bytes of the PDF."""
        return base64.b64decode(self.plain)


class Contract(Base):
    """One signed loan contract; a row is written once and never changed."""

    __tablename__ = "contract"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    offer_id: Mapped[UUID] = mapped_column(ForeignKey("offer.id"), unique=True)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("application.id"), index=True)
    pdf: Mapped[Sealed[Paper]] = mapped_column(SealedColumn(Paper))
    sha256: Mapped[str] = mapped_column(String(64))
    """Of the PDF's bytes."""
    template_version: Mapped[str]
    locale: Mapped[Locale]
    code_id: Mapped[UUID] = mapped_column(unique=True)
    """The one-time code that signed it; a code signs once."""
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Reading time, the disclosure's hash, the session; never personal data."""
    order_id: Mapped[UUID]
    signed_at: Mapped[datetime]
