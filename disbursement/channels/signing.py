"""Signing a channel's forms and telling whose signature a form bears."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KEY_BITS_MIN: Final = 2_048
_PADDING: Final = padding.PKCS1v15()
_SHA256: Final = hashes.SHA256()


class BadKey(RuntimeError):
    """A key file holds no RSA key that may be used; the text names the file only."""


class Signer(Protocol):
    """Signs what goes out, verifies what comes in, and encrypts for the channel alone."""

    @property
    def certificate(self) -> str:
        """The name of the key that signs."""
        ...

    @property
    def channel_certificate(self) -> str:
        """The name of the key that `encrypt` uses."""
        ...

    def sign(self, form: Mapping[str, str]) -> str:
        """Make the signature of a form."""
        ...

    def is_signed(self, form: Mapping[str, str]) -> bool:
        """Tell whether a form bears the channel's signature over all its fields."""
        ...

    def encrypt(self, text: str) -> str:
        """Encrypt a value so that the channel alone reads it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RsaSha256:
    """RSA PKCS#1 v1.5 with SHA-256 over the hex digest of the sorted fields (signMethod 01)."""

    private_key: rsa.RSAPrivateKey = field(repr=False)
    channel_key: rsa.RSAPublicKey = field(repr=False)

    @property
    def certificate(self) -> str:
        """The name of our key: the first digits of its fingerprint."""
        return _fingerprint(self.private_key.public_key())

    @property
    def channel_certificate(self) -> str:
        """The name of the channel's key: the first digits of its fingerprint."""
        return _fingerprint(self.channel_key)

    def sign(self, form: Mapping[str, str]) -> str:
        """Make the signature of a form, in Base64."""
        signature = self.private_key.sign(digest(form), _PADDING, _SHA256)
        return base64.b64encode(signature).decode("ascii")

    def is_signed(self, form: Mapping[str, str]) -> bool:
        """Tell whether a form bears the channel's signature over all its fields."""
        try:
            signature = base64.b64decode(form.get("signature", ""), validate=True)
            self.channel_key.verify(signature, digest(form), _PADDING, _SHA256)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True

    def encrypt(self, text: str) -> str:
        """Encrypt a value so that the channel alone reads it, in Base64."""
        return base64.b64encode(self.channel_key.encrypt(text.encode(), _PADDING)).decode("ascii")


def digest(form: Mapping[str, str]) -> bytes:
    """Give what is signed: hex SHA-256 of `k=v&k=v`, sorted, without empty values."""
    pairs = (f"{k}={v}" for k, v in sorted(form.items()) if v and k != "signature")
    return hashlib.sha256("&".join(pairs).encode()).hexdigest().encode()


def load(private_key: Path, channel_key: Path) -> RsaSha256:
    """Read our private and the channel's public key from PEM files.

    Raises:
        BadKey: a file holds no RSA key of at least 2,048 bits.
    """
    try:
        own: object = serialization.load_pem_private_key(private_key.read_bytes(), password=None)
        other: object = serialization.load_pem_public_key(channel_key.read_bytes())
    except (OSError, ValueError, TypeError):
        raise BadKey(f"no keys in {private_key.name} and {channel_key.name}") from None
    if not isinstance(own, rsa.RSAPrivateKey) or own.key_size < KEY_BITS_MIN:
        raise BadKey(f"{private_key.name} holds no RSA key of {KEY_BITS_MIN} bits")
    if not isinstance(other, rsa.RSAPublicKey) or other.key_size < KEY_BITS_MIN:
        raise BadKey(f"{channel_key.name} holds no RSA key of {KEY_BITS_MIN} bits")
    return RsaSha256(private_key=own, channel_key=other)


def _fingerprint(key: rsa.RSAPublicKey) -> str:
    der = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return str(int.from_bytes(hashlib.sha256(der).digest()))[:11]
