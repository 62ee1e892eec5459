"""Keys that no PEM file can hold, SM2 and shared secrets: a TOML file with a name and a last day.

    [[ours]]
    name = "2026a"
    until = 2027-12-31
    key = "3945208f…"
    [[channel]]
    name = "bank-2026"
    key = "0409f9df…"

Several may stand in each part, the newest first; we sign by our newest and verify by any of the
channel's that has not run out.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from disbursement.channels.signing import KEYS_MAX, BadKey, Term

_PARTS: Final = ("ours", "channel")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedKey:
    """One key with its name and its last day."""

    name: str
    key: bytes = field(repr=False)
    until: date | None

    def is_valid(self, on: date) -> bool:
        """Tell whether the key may be relied on at a day."""
        return self.until is None or on <= self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """The keys of a file, the newest first."""

    ours: tuple[NamedKey, ...]
    channel: tuple[NamedKey, ...]

    @property
    def terms(self) -> tuple[Term, ...]:
        """How long each key may be used."""
        return tuple(
            Term(certificate=one.name, is_ours=is_ours, until=one.until)
            for is_ours, part in ((True, self.ours), (False, self.channel))
            for one in part
        )


def read(path: Path) -> KeyFile:
    """Read a key file.

    Raises:
        BadKey: it is missing, malformed, or holds no or too many keys.
    """
    try:
        parsed = tomllib.loads(path.read_text(encoding="utf-8"))
        ours, channel = (tuple(_key(row) for row in parsed.get(part, ())) for part in _PARTS)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise BadKey(f"no keys in {path.name}") from None
    if not all(0 < len(part) <= KEYS_MAX for part in (ours, channel)):
        raise BadKey(f"{path.name} must hold one to {KEYS_MAX} keys in each part")
    return KeyFile(ours=ours, channel=channel)


def _key(row: dict[str, Any]) -> NamedKey:
    until = row.get("until")
    if until is not None and type(until) is not date:
        raise ValueError("a last day is a date")
    name = row["name"]
    if not isinstance(name, str) or not 0 < len(name) <= 32 or not name.isascii():
        raise ValueError("a key has a short name")
    return NamedKey(name=name, key=bytes.fromhex(row["key"]), until=until)
