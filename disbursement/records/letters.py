"""Letters of settlement: what was certified, kept sealed with its hash."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base
from kernel.personal import Personal
from kernel.sealing import Sealed, SealedColumn


@dataclass(frozen=True, slots=True, repr=False)
class LetterPaper(Personal):
    """A letter as PDF, in Base64: it bears the borrower's name, so it is kept sealed."""

    kind: ClassVar[str] = "settlement_letter"

    @classmethod
    def of(cls, pdf: bytes) -> LetterPaper:
        """Wrap the bytes of a PDF."""
        return cls(base64.b64encode(pdf).decode())

    @property
    def pdf(self) -> bytes:
        """The bytes of the PDF."""
        return base64.b64decode(self.plain)


class LoanLetter(Base):
    """One letter of settlement; a row is written once, and void when its loan opens again."""

    __tablename__ = "loan_letter"
    __table_args__ = (UniqueConstraint("loan_id", "settling"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Derived from the loan and its settling."""
    loan_id: Mapped[UUID] = mapped_column(ForeignKey("loan.id"))
    settling: Mapped[int]
    """1 for the first time the loan was settled; it counts on after a payment was taken back."""
    number: Mapped[str] = mapped_column("letter_no", unique=True)
    pdf: Mapped[Sealed[LetterPaper]] = mapped_column(SealedColumn(LetterPaper))
    sha256: Mapped[str] = mapped_column(String(64))
    """Of the PDF's bytes."""
    check_code: Mapped[str] = mapped_column(String(16))
    template_version: Mapped[str]
    settled_on: Mapped[date]
    issued_at: Mapped[datetime]
    issued_by: Mapped[str]
