"""Borrowers: who owes a loan, as the law asks the lender to know and to report him."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base
from kernel.personal import NationalId, PersonName
from kernel.sealing import Sealed, SealedColumn


class Borrower(Base):
    """One person, as handed down with his first signed order; both values sealed."""

    __tablename__ = "borrower"

    debtor_ref: Mapped[UUID] = mapped_column(primary_key=True)
    """The floor above's identity of the person."""
    name: Mapped[Sealed[PersonName]] = mapped_column(SealedColumn(PersonName))
    national_id: Mapped[Sealed[NationalId]] = mapped_column(SealedColumn(NationalId))
    kept_at: Mapped[datetime]
