"""Collection agencies that may refer debtors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base
from kernel.moves import Moves, Step
from kernel.personal import Personal
from kernel.sealing import Sealed, SealedColumn


class AgencyStatus(StrEnum):
    """Whether an agency may refer debtors now."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True, repr=False)
class AgencySecret(Personal):
    """A secret shared with one agency; kept and shown as carefully as personal data."""

    kind: ClassVar[str] = "agency_secret"


class Agency(Base):
    """One collection agency."""

    __tablename__ = "agency"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    """Short and stable, such as ``beichen``; used in commands and commission sheets."""
    name: Mapped[str]
    """The registered name, as the debtor is shown it."""
    status: Mapped[AgencyStatus]
    webhook_url: Mapped[str | None]
    webhook_secret: Mapped[Sealed[AgencySecret] | None] = mapped_column(SealedColumn(AgencySecret))
    created_at: Mapped[datetime]


class AgencyStep(Step, Base):
    """One move of one agency."""

    __tablename__ = "agency_step"
    subject_table = "agency"


AGENCY_MOVES: Final = Moves(
    step=AgencyStep,
    start=frozenset({AgencyStatus.ACTIVE}),
    edges={
        AgencyStatus.ACTIVE: frozenset({AgencyStatus.SUSPENDED}),
        AgencyStatus.SUSPENDED: frozenset({AgencyStatus.ACTIVE}),
    },
)
