"""HMAC with SHA-256 by a secret that both sides know, as small aggregators use it."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

from disbursement.channels import named_keys
from disbursement.channels.named_keys import KeyFile
from disbursement.channels.signing import BadKey, Term, pairs, signature_of

SECRET_BYTES_MIN: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class HmacSha256:
    """HMAC-SHA256 over the sorted fields (signMethod 11)."""

    keys: KeyFile = field(repr=False)

    @property
    def method(self) -> str:
        """The name of the algorithm on the wire."""
        return "11"

    @property
    def certificate(self) -> str:
        """The name of the secret that signs."""
        return self.keys.ours[0].name

    @property
    def terms(self) -> tuple[Term, ...]:
        """How long each secret may be used."""
        return self.keys.terms

    def sign(self, form: Mapping[str, str]) -> str:
        """Make the code of a form, in Base64."""
        return base64.b64encode(_code(self.keys.ours[0].key, form)).decode("ascii")

    def is_signed(self, form: Mapping[str, str], *, on: date) -> bool:
        """Tell whether a form bears a code by one of the channel's secrets valid on the day."""
        signature = signature_of(form)
        if signature is None:
            return False
        return any(
            hmac.compare_digest(signature, _code(one.key, form))
            for one in self.keys.channel
            if one.is_valid(on)
        )


def load(path: Path) -> HmacSha256:
    """Read the secrets of both directions from a key file.

    Raises:
        BadKey: a secret is shorter than 32 bytes, or serves both directions.
    """
    keys = named_keys.read(path)
    if any(len(one.key) < SECRET_BYTES_MIN for one in (*keys.ours, *keys.channel)):
        raise BadKey(f"{path.name} holds a secret of less than {SECRET_BYTES_MIN} bytes")
    if {one.key for one in keys.ours} & {one.key for one in keys.channel}:
        # Else our own message, sent back to us, would pass for the channel's.
        raise BadKey(f"{path.name} uses one secret for both directions")
    return HmacSha256(keys=keys)


def _code(secret: bytes, form: Mapping[str, str]) -> bytes:
    return hmac.digest(secret, pairs(form), "sha256")
