"""Who a person says he is, and what the identity partner says to that."""

from __future__ import annotations

from dataclasses import dataclass

from kernel.personal import CardNumber, Mobile, NationalId, PersonName


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a person says he is; every part shows itself masked."""

    name: PersonName
    national_id: NationalId
    mobile: Mobile
    card: CardNumber | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityAnswer:
    """What the identity partner says about one identity."""

    check_no: str
    matches: bool
    deceased: bool
