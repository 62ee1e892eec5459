"""Signed requests of outside callers, such as agencies.

A caller sends four headers. The signature is the lower-case hexadecimal HMAC-SHA-256, keyed by the
secret's UTF-8 bytes, of five lines joined by a line feed: method, path with query as sent, the
hexadecimal SHA-256 of the body, the timestamp (seconds since 1970) and the nonce.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from threading import Lock
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from kernel import ids, logs, sealing
from kernel.actors import Actor, system
from kernel.clock import require_aware
from kernel.records import SigningKey, SigningSecret, UsedNonce
from kernel.refusals import Refused

KEY_HEADER: Final = "X-Agency-Key"
TIMESTAMP_HEADER: Final = "X-Agency-Timestamp"
NONCE_HEADER: Final = "X-Agency-Nonce"
SIGNATURE_HEADER: Final = "X-Agency-Signature"
SKEW_MAX: Final = timedelta(seconds=300)
NONCE_KEPT: Final = timedelta(minutes=15)
"""Longer than any timestamp stays good: a nonce may be forgotten only when its request is stale."""
LIVE_KEYS_MAX: Final = 2
OPENED_MAX: Final = 1_000

_FORMS: Final = (
    (KEY_HEADER, re.compile(r"[A-Za-z0-9_-]{1,64}")),
    (TIMESTAMP_HEADER, re.compile(r"[0-9]{10}")),
    (NONCE_HEADER, re.compile(r"[A-Za-z0-9_-]{16,64}")),
    (SIGNATURE_HEADER, re.compile(r"[0-9a-f]{64}")),
)

log = logs.logger(__name__)


class NotSigned(Refused):
    """The request is not signed as it must be; the caller is not told which part is wrong."""

    status = HTTPStatus.UNAUTHORIZED
    code = "not_signed"
    title = "The request is not signed by a key in use"
    title_zh = "请求签名无效"


class HeadersFaulty(NotSigned):
    """A header of the signature is missing or has another form."""


class KeyUnknown(NotSigned):
    """No live key has this name."""


class RequestStale(NotSigned):
    """The timestamp is more than five minutes away from now."""


class SignatureWrong(NotSigned):
    """The signature is not the one of this request."""


class NonceReplayed(NotSigned):
    """The nonce was used before."""


class TooManyKeys(Refused):
    """The caller has two live keys already."""

    status = HTTPStatus.CONFLICT
    code = "too_many_keys"
    title = "Two keys are live; revoke one first"
    title_zh = "已有两个有效密钥，请先停用一个"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedKey:
    """A new key, shown to its owner once."""

    name: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """A request as it came in."""

    method: str
    target: str
    """Path with query, byte for byte as sent."""
    body: bytes
    headers: Mapping[str, str]


def sign_request(
    key: IssuedKey, *, method: str, target: str, body: bytes, at: datetime
) -> dict[str, str]:
    """Give the headers that sign a request now, for callers and tests."""
    timestamp, nonce = str(int(require_aware(at).timestamp())), secrets.token_urlsafe(18)
    return {
        KEY_HEADER: key.name,
        TIMESTAMP_HEADER: timestamp,
        NONCE_HEADER: nonce,
        SIGNATURE_HEADER: _signature(key.secret, (method, target, body, timestamp, nonce)),
    }


def issue_key(session: Session, *, owner: UUID, by: Actor, at: datetime) -> IssuedKey:
    """Make a key for a caller; two may live at a time, so that one can replace the other.

    Raises:
        TooManyKeys: two are live.
    """
    live = session.scalars(
        select(SigningKey.id).where(SigningKey.owner == owner, SigningKey.revoked_at.is_(None))
    ).all()
    if len(live) >= LIVE_KEYS_MAX:
        raise TooManyKeys()
    issued = IssuedKey(name=f"k_{secrets.token_hex(8)}", secret=secrets.token_urlsafe(32))
    session.add(
        SigningKey(
            id=ids.new(),
            name=issued.name,
            owner=owner,
            secret=sealing.seal(SigningSecret(issued.secret)),
            created_at=require_aware(at),
            revoked_at=None,
        )
    )
    session.flush()
    log.info("signing_key.issued", owner=owner, key_name=issued.name, by=by)
    return issued


def revoke_key(session: Session, name: str, *, by: Actor, at: datetime) -> None:
    """Let a key sign nothing more, from this moment."""
    key = session.scalar(select(SigningKey).where(SigningKey.name == name))
    if key is not None and key.revoked_at is None:
        key.revoked_at = require_aware(at)
        log.info("signing_key.revoked", owner=key.owner, key_name=name, by=by)


def verify(session: Session, request: SignedRequest, *, at: datetime) -> UUID:
    """Check a request's signature, use its nonce up, and give the owner of the key.

    Raises:
        NotSigned: one of its kinds; they look the same from outside.
    """
    name, timestamp, nonce, given = _well_formed(request.headers)
    key = session.scalar(
        select(SigningKey).where(SigningKey.name == name, SigningKey.revoked_at.is_(None))
    )
    secret = _opened(session, key, at=at) if key is not None else "nobody's secret"
    right = _signature(secret, (request.method, request.target, request.body, timestamp, nonce))
    fits = hmac.compare_digest(right, given)
    if key is None:
        raise KeyUnknown()
    if abs(int(timestamp) - require_aware(at).timestamp()) > SKEW_MAX.total_seconds():
        raise RequestStale()
    if not fits:
        raise SignatureWrong()
    used = session.execute(
        insert(UsedNonce)
        .values(key_id=key.id, nonce=nonce, used_at=at)
        .on_conflict_do_nothing()
        .returning(UsedNonce.nonce)
    ).scalar_one_or_none()
    if used is None:
        raise NonceReplayed()
    _keep_opened(key, secret)
    return key.owner


def live_keys(session: Session, *, owner: UUID) -> int:
    """Count the keys that a caller may sign with now."""
    return session.scalars(
        select(func.count()).where(SigningKey.owner == owner, SigningKey.revoked_at.is_(None))
    ).one()


def _well_formed(headers: Mapping[str, str]) -> tuple[str, str, str, str]:
    values = []
    for name, form in _FORMS:
        value = headers.get(name, "")
        if not form.fullmatch(value):
            raise HeadersFaulty()
        values.append(value)
    key, timestamp, nonce, signature = values
    return key, timestamp, nonce, signature


def _signature(secret: str, parts: tuple[str, str, bytes, str, str]) -> str:
    method, target, body, timestamp, nonce = parts
    digest = hashlib.sha256(body).hexdigest()
    message = "\n".join((method, target, digest, timestamp, nonce))
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()


_opened_secrets: Final[dict[bytes, str]] = {}
_opened_lock: Final = Lock()


def _opened(session: Session, key: SigningKey, *, at: datetime) -> str:
    """Open a key's secret, once per process: not every request shall leave an audit row."""
    with _opened_lock:
        known = _opened_secrets.get(key.secret.data)
    if known is not None:
        return known
    return sealing.reveal(
        session, key.secret, subject=key.id, purpose="verify_signature", by=system("web"), at=at
    ).plain


def _keep_opened(key: SigningKey, secret: str) -> None:
    """Remember a secret whose audit row is about to be committed."""
    with _opened_lock:
        if len(_opened_secrets) >= OPENED_MAX:
            _opened_secrets.clear()
        _opened_secrets[key.secret.data] = secret
