"""Identities: fresh ones in time order, and derived ones for money moves."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable
from typing import Final
from uuid import UUID, uuid5

NAMESPACE: Final = UUID("5a0f2b54-3c1e-5f5b-9a43-6d1f0c3e7a11")


def new() -> UUID:
    """Make a fresh time-ordered identity (UUID version 7, RFC 9562 §5.7)."""
    milliseconds = time.time_ns() // 1_000_000
    bits = (milliseconds << 80) | int.from_bytes(os.urandom(10), "big")
    bits = bits & ~(0xF << 76) | (0x7 << 76)
    bits = bits & ~(0x3 << 62) | (0x2 << 62)
    return UUID(int=bits)


def derived(parent: UUID, *names: str | int) -> UUID:
    """Derive the identity of something that must exist once per parent and name.

    The same parent and names give the same identity on every machine and in every year, so a
    money move that is asked for twice meets its own row.
    """
    return uuid5(NAMESPACE, "/".join([str(parent), *map(str, names)]))


def derived_hex(names: Iterable[str]) -> list[str]:
    """Derive many identities at once, in hexadecimal: `derived` without an object for each.

    A name is what `derived` joins, the parent first: ``parent/name/...``.

    >>> derived_hex([f"{NAMESPACE}/due/1"]) == [derived(NAMESPACE, "due", 1).hex]
    True
    """
    found = []
    for name in names:
        digest = hashlib.sha1(NAMESPACE.bytes + name.encode(), usedforsecurity=False).hexdigest()
        variant = "89ab"[int(digest[16], 16) & 3]
        found.append(f"{digest[:12]}5{digest[13:16]}{variant}{digest[17:32]}")
    return found


def dashed(hexadecimal: str) -> str:
    """Spell an identity of 32 hexadecimal digits as it is usually written."""
    h = hexadecimal
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"
