"""The ground's own tables: who leads, how jobs fare, staff, keys and replies already given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from kernel.actors import Role
from kernel.db import Base
from kernel.personal import Personal
from kernel.sealing import Sealed, SealedColumn


class Lease(Base):
    """The right of one process to lead until a moment; its term fences off earlier holders."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    term: Mapped[int] = mapped_column(BigInteger)
    """1 for the first holder, one more for each take-over."""
    beat_at: Mapped[datetime]
    """When the holder last showed itself."""
    until: Mapped[datetime]


class JobState(Base):
    """How the latest run of one job went, for the operator's page."""

    __tablename__ = "job_state"

    name: Mapped[str] = mapped_column(primary_key=True)
    ran_at: Mapped[datetime]
    done: Mapped[int]
    """Things done by the latest run that ended well."""
    failures: Mapped[int]
    """Runs that failed since the latest that ended well."""


class Staff(Base):
    """A person who signs in with a password: our staff, or an agency's user of the portal."""

    __tablename__ = "staff"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(unique=True)
    """In small letters."""
    password_hash: Mapped[str]
    """Argon2id, with its parameters."""
    role: Mapped[Role]
    display_name: Mapped[str]
    active: Mapped[bool]
    agency_id: Mapped[UUID | None]
    """The agency that a portal user acts for; nobody else has one."""
    hired_at: Mapped[datetime]


class StaffSession(Base):
    """One signed-in browser of one person; the browser keeps the token, we its hash."""

    __tablename__ = "staff_session"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), index=True)
    began_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class SignInTry(Base):
    """One try to sign in, counted as failed until it succeeds."""

    __tablename__ = "sign_in_try"
    __table_args__ = (
        Index("ix_sign_in_try_login", "login_hash", "at"),
        Index("ix_sign_in_try_ip", "ip", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    login_hash: Mapped[str]
    """What was typed may be anything, also a password, so only its hash is kept."""
    ip: Mapped[str]
    at: Mapped[datetime]
    succeeded: Mapped[bool]


@dataclass(frozen=True, slots=True, repr=False)
class SigningSecret(Personal):
    """The secret that a caller and we share to sign requests."""

    kind: ClassVar[str] = "signing_secret"


class SigningKey(Base):
    """A key by which an outside caller signs its requests; two may live at a time."""

    __tablename__ = "signing_key"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    """What the caller sends in X-Agency-Key; not a secret."""
    owner: Mapped[UUID] = mapped_column(index=True)
    """The agency."""
    secret: Mapped[Sealed[SigningSecret]] = mapped_column(SealedColumn(SigningSecret))
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class UsedNonce(Base):
    """A nonce that a signed request has used up."""

    __tablename__ = "used_nonce"

    key_id: Mapped[UUID] = mapped_column(ForeignKey("signing_key.id"), primary_key=True)
    nonce: Mapped[str] = mapped_column(primary_key=True)
    used_at: Mapped[datetime] = mapped_column(index=True)


class GivenReply(Base):
    """The reply to a request that may be sent again, kept by the transaction that acted on it."""

    __tablename__ = "given_reply"
    __table_args__ = (UniqueConstraint("scope", "key"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    scope: Mapped[str]
    """Who asked and for what kind of thing: two callers' keys never meet."""
    key: Mapped[str]
    request_hash: Mapped[str]
    """SHA-256 over what was asked."""
    status: Mapped[int]
    headers: Mapped[dict[str, str]] = mapped_column(JSONB)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    given_at: Mapped[datetime] = mapped_column(index=True)
