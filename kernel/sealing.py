"""Sealed columns, blind indexes, and the audit row that every look at a plain value leaves.

A sealed value is AES-256-GCM: one byte of key-name length, the key's name, a 12-byte nonce, the
ciphertext with its tag; the column's kind is bound in as associated data. Keys never lie in the
database.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import LargeBinary, TypeDecorator, func, select, type_coerce, update
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Mapped, Session, mapped_column
from typing_extensions import override

from kernel import ids
from kernel.actors import Actor
from kernel.append_only import append_only
from kernel.db import Base
from kernel.personal import Personal

NONCE_BYTES: Final = 12
P = TypeVar("P", bound=Personal)


class SealBroken(RuntimeError):
    """A sealed value cannot be opened: its key is missing or its bytes were changed."""


class Unbound(RuntimeError):
    """No keys have been bound: a composition root must call `bind` first."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """The sealing keys by name (the last one seals) and the key of the blind indexes."""

    keys: Mapping[str, bytes] = field(repr=False)
    index_key: bytes = field(repr=False)

    @property
    def current(self) -> str:
        """The name of the key that seals new values."""
        return list(self.keys)[-1]


@dataclass(frozen=True, slots=True, repr=False)
class Sealed(Generic[P]):
    """A personal value as the database holds it: it shows nothing until it is revealed."""

    data: bytes
    type_: type[P]

    def __repr__(self) -> str:
        return f"Sealed({self.type_.__name__})"

    @property
    def key_name(self) -> str:
        """The name of the key it was sealed with."""
        return self.data[1 : 1 + self.data[0]].decode()


class SealedColumn(TypeDecorator[Sealed[Any]]):
    """Keep a Sealed value of one personal type as bytes."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, type_: type[Personal]) -> None:
        super().__init__()
        self.type_ = type_

    @override
    def process_bind_param(self, value: Sealed[Any] | None, dialect: Dialect) -> bytes | None:
        """Give the bytes; a plain value is a mistake of ours."""
        if value is None:
            return None
        assert value.type_ is self.type_, "seal a value of this column's own type"
        return value.data

    @override
    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Sealed[Any] | None:
        """Wrap the bytes."""
        return None if value is None else Sealed(bytes(value), self.type_)


class Reveal(Base):
    """One look at a plain value: who, what, why and when."""

    __tablename__ = "reveal"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    actor: Mapped[str]
    kind: Mapped[str]
    purpose: Mapped[str]
    subject: Mapped[UUID]
    at: Mapped[datetime]


append_only(Reveal)

_keyring: Keyring | None = None


def bind(keyring: Keyring) -> None:
    """Say which keys seal, open and index from now on in this process."""
    global _keyring  # noqa: PLW0603 - the one binding of a process, set by its composition root
    _keyring = keyring


def seal(value: P) -> Sealed[P]:
    """Seal a personal value with the current key."""
    ring = _bound()
    name = ring.current.encode()
    nonce = os.urandom(NONCE_BYTES)
    body = AESGCM(ring.keys[ring.current]).encrypt(
        nonce, value.plain.encode(), type(value).kind.encode()
    )
    return Sealed(bytes([len(name)]) + name + nonce + body, type(value))


def reveal(
    session: Session, sealed: Sealed[P], *, subject: UUID, purpose: str, by: Actor, at: datetime
) -> P:
    """Open a sealed value, leaving an audit row of who looked and why.

    Raises:
        SealBroken: the key is gone or the bytes were changed.
    """
    session.add(
        Reveal(
            id=ids.new(),
            actor=str(by),
            kind=sealed.type_.kind,
            purpose=purpose,
            subject=subject,
            at=at,
        )
    )
    return _open(sealed)


def blind_index(value: Personal) -> str:
    """Make the keyed hash by which a value is looked up: equal values, equal hashes.

    HMAC-SHA-256 over the kind and the value, 64 hex digits.
    """
    message = f"{type(value).kind}\0{value.plain}".encode()
    return hmac.new(_bound().index_key, message, hashlib.sha256).hexdigest()


def rotate(session: Session, *, limit: int) -> int:
    """Seal up to `limit` values anew that an older key sealed, and count them."""
    done = 0
    for column in sealed_columns():
        done += _rotate_column(session, column, limit=limit - done)
    return done


def sealed_columns() -> Iterable[Any]:
    """List every sealed column of every mapped table."""
    for table in Base.metadata.sorted_tables:
        yield from (column for column in table.columns if isinstance(column.type, SealedColumn))


def _rotate_column(session: Session, column: Any, *, limit: int) -> int:  # noqa: ANN401
    current = bytes([len(_bound().current)]) + _bound().current.encode()
    key = next(iter(column.table.primary_key.columns))
    rows = session.execute(
        select(key, column)
        .where(func.substring(type_coerce(column, LargeBinary), 1, len(current)) != current)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    done = 0
    for identity, sealed in rows:
        session.execute(
            update(column.table).where(key == identity).values({column: seal(_open(sealed))})
        )
        done += 1
    return done


def _open(sealed: Sealed[P]) -> P:
    ring = _bound()
    name = sealed.key_name
    start = 1 + len(name)
    nonce, body = sealed.data[start : start + NONCE_BYTES], sealed.data[start + NONCE_BYTES :]
    if name not in ring.keys:
        raise SealBroken(f"the key {name!r} is not in the keyring")
    try:
        plain = AESGCM(ring.keys[name]).decrypt(nonce, body, sealed.type_.kind.encode())
    except InvalidTag:
        raise SealBroken("a sealed value does not open with its key") from None
    return sealed.type_(plain.decode())


def _bound() -> Keyring:
    if _keyring is None:
        raise Unbound("call kernel.sealing.bind(keyring) in the composition root first")
    return _keyring
