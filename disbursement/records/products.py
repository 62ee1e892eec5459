"""Loan products: fixed terms under which a funder lends."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Integer, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from kernel.append_only import append_only
from kernel.db import Base
from kernel.money import Money


class Product(Base):
    """One version of a product; a change of terms is a new version."""

    __tablename__ = "product"
    __table_args__ = (
        UniqueConstraint("code", "funder_id", "version"),
        CheckConstraint("version >= 1", name="version_from_one"),
        CheckConstraint("principal_min > 0", name="min_above_zero"),
        CheckConstraint("principal_max >= principal_min", name="max_not_below_min"),
        CheckConstraint("cardinality(months) > 0", name="some_months"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Derived from funder, code and version."""
    code: Mapped[str]
    version: Mapped[int]
    funder_id: Mapped[UUID] = mapped_column(ForeignKey("funder.id"))
    months: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    """The terms on offer, in months."""
    method: Mapped[str]
    """How it is repaid; ``annuity`` is equal instalments."""
    principal_min: Mapped[Money]
    principal_max: Mapped[Money]
    created_at: Mapped[datetime]


append_only(Product)
