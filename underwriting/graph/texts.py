"""Signatures of hardship texts: nearly equal texts have nearly equal signatures. Pure.

A text is cut into overlapping pairs of characters, each pair is hashed with a key by the caller,
and the signature keeps the smallest value under each of 60 fixed mixings (MinHash, Broder
1997): the share of equal places estimates the share of common pairs. Without the key nobody can
try texts against a signature, and the text itself is kept nowhere.
"""

from __future__ import annotations

import hashlib
import struct
import unicodedata
from collections.abc import Callable
from typing import Final

PLACES: Final = 60
BANDS: Final = 10
"""Texts that share a whole band of six places are compared: at .87 alike (one word of a long
sentence) 99 of 100 do, at .3 one of 100, and `likeness` tells these apart."""
RUN: Final = 2
CHARACTERS_MIN: Final = 20
"""Shorter texts are alike by chance."""
CHARACTERS_MAX: Final = 500
SIGNATURE_BYTES: Final = PLACES * 4

_WORD: Final = (1 << 64) - 1
_SPELLING: Final = struct.Struct(f">{PLACES}I")


def _mixing(place: int) -> tuple[int, int]:
    """Give an odd factor and a summand, the same on every machine."""
    drawn = hashlib.sha256(b"hardship text %d" % place).digest()
    return int.from_bytes(drawn[:8], "big") | 1, int.from_bytes(drawn[8:16], "big")


_MIXINGS: Final = tuple(map(_mixing, range(PLACES)))


def signature(text: str, *, keyed: Callable[[str], str]) -> bytes | None:
    """Sign a text; None when it is too short to be told from others.

    `keyed` gives the keyed hash of a pair of characters in hex.
    """
    plain = folded(text)
    if len(plain) < CHARACTERS_MIN:
        return None
    runs = {plain[start : start + RUN] for start in range(len(plain) - RUN + 1)}
    hashes = [int(keyed(run)[:16], 16) for run in runs]
    return _SPELLING.pack(
        *(min((a * value + b) & _WORD for value in hashes) >> 32 for a, b in _MIXINGS)
    )


def folded(text: str) -> str:
    """Keep letters alone, in one form: digits, blanks and marks are what a template fills in."""
    plain = unicodedata.normalize("NFKC", text[:CHARACTERS_MAX]).casefold()
    return "".join(character for character in plain if character.isalpha())


def likeness(one: bytes, other: bytes) -> float:
    """Estimate which share of their pairs two signed texts have in common."""
    pairs = zip(_SPELLING.unpack(one), _SPELLING.unpack(other), strict=True)
    equal: int = sum(left == right for left, right in pairs)
    return equal / PLACES


def bands(signed: bytes) -> tuple[str, ...]:
    """Give a digest for each band of a signature: nearly equal texts share at least one.

    >>> len(bands(bytes(SIGNATURE_BYTES)))
    10
    """
    width = SIGNATURE_BYTES // BANDS
    return tuple(
        hashlib.sha256(bytes([band]) + signed[band * width : (band + 1) * width]).hexdigest()
        for band in range(BANDS)
    )
