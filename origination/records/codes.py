"""One-time codes, kept as keyed hashes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base
from kernel.personal import Personal


class CodePurpose(StrEnum):
    """What a code is for; it opens nothing else."""

    SIGN_IN = "sign_in"
    SIGN_CONTRACT = "sign_contract"


@dataclass(frozen=True, slots=True, repr=False)
class CodeDigits(Personal):
    """The digits of one code, with the code's identity in front so that equal digits differ."""

    kind: ClassVar[str] = "one_time_code"


@dataclass(frozen=True, slots=True, repr=False)
class NetworkAddress(Personal):
    """The network address a request came from."""

    kind: ClassVar[str] = "network_address"


class OneTimeCode(Base):
    """One code sent, or pretended to be sent, to one mobile."""

    __tablename__ = "one_time_code"
    __table_args__ = (
        CheckConstraint("tries_left >= 0", name="tries_not_negative"),
        Index("ix_one_time_code_mobile_index_created_at", "mobile_index", "created_at"),
        Index("ix_one_time_code_address_index_created_at", "address_index", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    mobile_index: Mapped[str]
    address_index: Mapped[str]
    purpose: Mapped[CodePurpose]
    subject_id: Mapped[UUID | None]
    """What the code is about, such as the offer to be signed."""
    digest: Mapped[str]
    """Keyed hash; without the key, which is not in the database, 10^6 guesses prove nothing."""
    tries_left: Mapped[int]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
