"""Funders: the lenders of record."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base


class LicenceType(StrEnum):
    """The licence a lender holds, which decides the ceiling of its price."""

    BANK = "bank"
    CONSUMER_FINANCE = "consumer_finance"
    MICRO_LENDER = "micro_lender"


class Funder(Base):
    """A lender of record: whose money it is and who is named on the contract."""

    __tablename__ = "funder"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Derived from the code."""
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    licence: Mapped[LicenceType]
    issuer_code: Mapped[str | None]
    """Its code as a card issuer, when it issues cards itself."""
    created_at: Mapped[datetime]
