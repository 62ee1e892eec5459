"""SM2 signatures with SM3 (GM/T 0003.2, 0004, 0009): 64 bytes r and s in Base64."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

import gmalg

from disbursement.channels import named_keys
from disbursement.channels.named_keys import KeyFile
from disbursement.channels.signing import BadKey, Term, pairs, signature_of

USER_ID: Final = b"1234567812345678"
"""GM/T 0009: the identity of a signer where nothing else was agreed."""
SECRET_BYTES: Final = 32
POINT_BYTES: Final = 65
"""04, then both coordinates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sm2Sm3:
    """SM2 with SM3 over the sorted fields themselves (signMethod 02)."""

    keys: KeyFile = field(repr=False)

    @property
    def method(self) -> str:
        """The name of the algorithm on the wire."""
        return "02"

    @property
    def certificate(self) -> str:
        """The name of the key that signs."""
        return self.keys.ours[0].name

    @property
    def terms(self) -> tuple[Term, ...]:
        """How long each key may be used."""
        return self.keys.terms

    def sign(self, form: Mapping[str, str]) -> str:
        """Make the signature of a form, in Base64."""
        secret = self.keys.ours[0].key
        r, s = _engine(secret=secret, public=_point_of(secret)).sign(pairs(form))
        whole = r.rjust(SECRET_BYTES, b"\0") + s.rjust(SECRET_BYTES, b"\0")
        return base64.b64encode(whole).decode("ascii")

    def is_signed(self, form: Mapping[str, str], *, on: date) -> bool:
        """Tell whether a form bears the channel's signature by a key valid on the day."""
        signature = signature_of(form)
        if signature is None or len(signature) != 2 * SECRET_BYTES:
            return False
        content = pairs(form)
        r, s = signature[:SECRET_BYTES], signature[SECRET_BYTES:]
        return any(
            bool(_engine(public=one.key).verify(content, r, s))
            for one in self.keys.channel
            if one.is_valid(on)
        )


def load(path: Path) -> Sm2Sm3:
    """Read our secret keys and the channel's points from a key file.

    Raises:
        BadKey: a key is no number of 32 bytes, or no point of the curve.
    """
    keys = named_keys.read(path)
    if any(len(one.key) != SECRET_BYTES or not any(one.key) for one in keys.ours):
        raise BadKey(f"{path.name} holds a secret key that is none")
    for one in keys.channel:
        if not is_point(one.key):
            raise BadKey(f"{path.name} holds a public key that is no point of the curve")
    return Sm2Sm3(keys=keys)


def is_point(public: bytes) -> bool:
    """Tell whether bytes are an uncompressed point of the curve, other than infinity."""
    if len(public) != POINT_BYTES or public[0] != 4:
        return False
    try:
        return bool(_engine().verify_pk(public))
    except gmalg.errors.GMError:
        return False


@cache
def _point_of(secret: bytes) -> bytes:
    """Give the public key of a secret; making it costs as much as a signature."""
    return bytes(_engine().generate_pk(secret))


def _engine(*, secret: bytes | None = None, public: bytes | None = None) -> gmalg.SM2:
    return gmalg.SM2(secret, USER_ID, public)
