"""The channel's keys and signatures: RSA PKCS#1 v1.5 with SHA-256 over a hex digest."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_PADDING: Final = padding.PKCS1v15()
_SHA256: Final = hashes.SHA256()


def sign(form: Mapping[str, str]) -> str:
    """Sign a form as the channel does."""
    return _sign(form, "channel.pem")


def sign_wrongly(form: Mapping[str, str]) -> str:
    """Sign a form with a key that is not the channel's."""
    return _sign(form, "merchant.pem")


def is_signed_by_merchant(form: Mapping[str, str]) -> bool:
    """Tell whether a form carries the merchant's signature over all its fields."""
    try:
        signature = base64.b64decode(form.get("signature", ""), validate=True)
        _public_key("merchant.pub.pem").verify(signature, digest(form), _PADDING, _SHA256)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def decrypt(text: str) -> str:
    """Open a value that was encrypted for the channel.

    Raises:
        ValueError: it was not.
    """
    try:
        secret = base64.b64decode(text, validate=True)
        return _private_key("channel.pem").decrypt(secret, _PADDING).decode("ascii")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError("not encrypted for the channel") from error


def digest(form: Mapping[str, str]) -> bytes:
    """Tell what is signed: the hex SHA-256 of `k=v&k=v`, sorted, without empty values."""
    pairs = (f"{k}={v}" for k, v in sorted(form.items()) if v and k != "signature")
    return hashlib.sha256("&".join(pairs).encode()).hexdigest().encode()


def warm_up() -> None:
    """Load the keys now, so that no request pays for it."""
    for name in ("channel.pem", "merchant.pem"):
        _private_key(name)
    _public_key("merchant.pub.pem")


def _sign(form: Mapping[str, str], key_name: str) -> str:
    signature = _private_key(key_name).sign(digest(form), _PADDING, _SHA256)
    return base64.b64encode(signature).decode("ascii")


@cache
def _private_key(name: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(_read(name), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


@cache
def _public_key(name: str) -> rsa.RSAPublicKey:
    key = serialization.load_pem_public_key(_read(name))
    assert isinstance(key, rsa.RSAPublicKey)
    return key


def _read(name: str) -> bytes:
    return resources.files("sandbox").joinpath("keys", name).read_bytes()
