"""The bank's signatures: SM2 with SM3 over the sorted fields, 64 bytes in Base64."""

from __future__ import annotations

import base64
import binascii
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

import gmalg

KEY_NAME: Final = "bank-1"
_USER_ID: Final = b"1234567812345678"
_HALF: Final = 32


def sign(fields: Mapping[str, str]) -> str:
    """Sign fields as the bank does."""
    return _sign(fields, "batch_bank.toml")


def sign_wrongly(fields: Mapping[str, str]) -> str:
    """Sign fields with a key that is not the bank's."""
    return _sign(fields, "batch_customer.toml")


def is_signed_by_customer(fields: Mapping[str, str]) -> bool:
    """Tell whether fields carry the customer's signature."""
    try:
        signature = base64.b64decode(fields.get("signature", ""), validate=True)
    except (binascii.Error, ValueError):
        return False
    if len(signature) != 2 * _HALF:
        return False
    engine = gmalg.SM2(None, _USER_ID, _key("batch_bank.toml", "channel"))
    return bool(engine.verify(pairs(fields), signature[:_HALF], signature[_HALF:]))


def pairs(fields: Mapping[str, str]) -> bytes:
    """Tell what is signed: `k=v&k=v`, sorted, without empty values and the signature."""
    found = (f"{k}={v}" for k, v in sorted(fields.items()) if v and k != "signature")
    return "&".join(found).encode()


def _sign(fields: Mapping[str, str], name: str) -> str:
    secret = _key(name, "ours")
    r, s = gmalg.SM2(secret, _USER_ID, _point(secret)).sign(pairs(fields))
    return base64.b64encode(r.rjust(_HALF, b"\0") + s.rjust(_HALF, b"\0")).decode("ascii")


@cache
def _point(secret: bytes) -> bytes:
    return bytes(gmalg.SM2().generate_pk(secret))


@cache
def _key(name: str, part: str) -> bytes:
    text = resources.files("sandbox").joinpath("keys", name).read_text(encoding="utf-8")
    return bytes.fromhex(tomllib.loads(text)[part][0]["key"])
