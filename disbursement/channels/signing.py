"""Signing a channel's forms, and telling whose signature a form bears: the port, and RSA.

Several keys of a channel may be valid at once, so that it can change its key while payments are
under way: what comes in is verified by any of them, what goes out is signed by our newest.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Final, Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KEY_BITS_MIN: Final = 2_048
KEYS_MAX: Final = 4
"""Keys of a channel that may be valid at once; more is a mistake in the file."""

_PADDING: Final = padding.PKCS1v15()
_SHA256: Final = hashes.SHA256()
_BLOCK: Final = re.compile(
    rb"-----BEGIN (CERTIFICATE|PUBLIC KEY)-----.+?-----END \1-----", re.DOTALL
)


class BadKey(RuntimeError):
    """A key file holds no key that may be used; the text names the file only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """How long one key may be used."""

    certificate: str
    """The name of the key."""
    is_ours: bool
    until: date | None
    """The last day; None when the key names none."""


class Signer(Protocol):
    """Signs what goes out and verifies what comes in."""

    @property
    def method(self) -> str:
        """The name of the algorithm on the wire (`signMethod`)."""
        ...

    @property
    def certificate(self) -> str:
        """The name of the key that signs."""
        ...

    @property
    def terms(self) -> tuple[Term, ...]:
        """How long each key in use may be used."""
        ...

    def sign(self, form: Mapping[str, str]) -> str:
        """Make the signature of a form."""
        ...

    def is_signed(self, form: Mapping[str, str], *, on: date) -> bool:
        """Tell whether a form bears the channel's signature by a key that is valid on a day."""
        ...


class Encrypter(Protocol):
    """Encrypts for the channel alone."""

    @property
    def channel_certificate(self) -> str:
        """The name of the key that `encrypt` uses."""
        ...

    def encrypt(self, text: str) -> str:
        """Encrypt a value so that the channel alone reads it."""
        ...


class SignerAndEncrypter(Signer, Encrypter, Protocol):
    """What a channel needs that signs forms and hides fields in them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RsaKey:
    """One public key of the channel, with the days its certificate states."""

    key: rsa.RSAPublicKey = field(repr=False)
    since: date | None = None
    until: date | None = None

    def is_valid(self, on: date) -> bool:
        """Tell whether the key may be relied on at a day."""
        return (self.since is None or self.since <= on) and (self.until is None or on <= self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class RsaSha256:
    """RSA PKCS#1 v1.5 with SHA-256 over the hex digest of the sorted fields (signMethod 01)."""

    private_key: rsa.RSAPrivateKey = field(repr=False)
    channel_keys: tuple[RsaKey, ...]
    """The newest first."""
    own_until: date | None = None

    @property
    def method(self) -> str:
        """The name of the algorithm on the wire."""
        return "01"

    @property
    def certificate(self) -> str:
        """The name of our key: the first digits of its fingerprint."""
        return _fingerprint(self.private_key.public_key())

    @property
    def channel_certificate(self) -> str:
        """The name of the channel's newest key: the first digits of its fingerprint."""
        return _fingerprint(self.channel_keys[0].key)

    @property
    def terms(self) -> tuple[Term, ...]:
        """How long our key and each of the channel's may be used."""
        ours = Term(certificate=self.certificate, is_ours=True, until=self.own_until)
        return (
            ours,
            *(
                Term(certificate=_fingerprint(one.key), is_ours=False, until=one.until)
                for one in self.channel_keys
            ),
        )

    def sign(self, form: Mapping[str, str]) -> str:
        """Make the signature of a form, in Base64."""
        signature = self.private_key.sign(digest(form), _PADDING, _SHA256)
        return base64.b64encode(signature).decode("ascii")

    def is_signed(self, form: Mapping[str, str], *, on: date) -> bool:
        """Tell whether a form bears the channel's signature over all its fields."""
        signature = signature_of(form)
        if signature is None:
            return False
        content = digest(form)
        return any(
            _verifies(one.key, signature, content) for one in self.channel_keys if one.is_valid(on)
        )

    def encrypt(self, text: str) -> str:
        """Encrypt a value so that the channel alone reads it, in Base64."""
        secret = self.channel_keys[0].key.encrypt(text.encode(), _PADDING)
        return base64.b64encode(secret).decode("ascii")


def pairs(form: Mapping[str, str]) -> bytes:
    """Give what every method signs: `k=v&k=v`, sorted, without empty values and the signature."""
    found = (f"{k}={v}" for k, v in sorted(form.items()) if v and k != "signature")
    return "&".join(found).encode()


def digest(form: Mapping[str, str]) -> bytes:
    """Give the hex SHA-256 of the pairs, which is what signMethod 01 signs."""
    return hashlib.sha256(pairs(form)).hexdigest().encode()


def signature_of(form: Mapping[str, str]) -> bytes | None:
    """Read the signature that a form bears; None when it is missing or no Base64."""
    try:
        return base64.b64decode(form.get("signature", ""), validate=True) or None
    except (binascii.Error, ValueError):
        return None


def expiring(terms: Sequence[Term], *, on: date, days: int) -> tuple[Term, ...]:
    """List the keys that may be used for at most so many days more, those run out among them."""
    return tuple(one for one in terms if one.until is not None and (one.until - on).days <= days)


def load(private_key: Path, channel_key: Path) -> RsaSha256:
    """Read our private key and the channel's public keys from PEM files.

    The channel's file holds one to four keys or certificates, the newest first. Behind our private
    key may stand its certificate, which tells until when it may be used.

    Raises:
        BadKey: a file holds no RSA key of at least 2,048 bits.
    """
    own_bytes, other_bytes = _read(private_key), _read(channel_key)
    try:
        own: object = serialization.load_pem_private_key(own_bytes, password=None)
        others = [_public(match) for match in _BLOCK.finditer(other_bytes)]
        mine = [_public(match) for match in _BLOCK.finditer(own_bytes)]
    except (ValueError, TypeError):
        raise BadKey(f"no keys in {private_key.name} and {channel_key.name}") from None
    if not isinstance(own, rsa.RSAPrivateKey) or own.key_size < KEY_BITS_MIN:
        raise BadKey(f"{private_key.name} holds no RSA key of {KEY_BITS_MIN} bits")
    if not 0 < len(others) <= KEYS_MAX or any(o.key.key_size < KEY_BITS_MIN for o in others):
        raise BadKey(f"{channel_key.name} holds no RSA key of {KEY_BITS_MIN} bits")
    return RsaSha256(
        private_key=own,
        channel_keys=tuple(others),
        own_until=mine[0].until if mine else None,
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise BadKey(f"no keys in {path.name}") from None


def _public(match: re.Match[bytes]) -> RsaKey:
    key: object
    since = until = None
    if match[1] == b"CERTIFICATE":
        found = x509.load_pem_x509_certificate(match[0])
        key = found.public_key()
        since, until = _day(found.not_valid_before_utc), _day(found.not_valid_after_utc)
    else:
        key = serialization.load_pem_public_key(match[0])
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError("not an RSA key")
    return RsaKey(key=key, since=since, until=until)


def _day(at: datetime) -> date:
    return at.date()


def _verifies(key: rsa.RSAPublicKey, signature: bytes, content: bytes) -> bool:
    try:
        key.verify(signature, content, _PADDING, _SHA256)
    except (InvalidSignature, ValueError):
        return False
    return True


def _fingerprint(key: rsa.RSAPublicKey) -> str:
    der = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return str(int.from_bytes(hashlib.sha256(der).digest()))[:11]
