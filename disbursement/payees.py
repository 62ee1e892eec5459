"""Who is paid: card and name bound to a leg by a keyed hash, so that swapping either is seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from kernel import sealing
from kernel.personal import CardNumber, Personal, PersonName


@dataclass(frozen=True, slots=True)
class Payee:
    """Card and holder, in the open; both show themselves masked."""

    card: CardNumber
    name: PersonName


@dataclass(frozen=True, slots=True, repr=False)
class _Bound(Personal):
    kind: ClassVar[str] = "payee"


def digest(leg_id: UUID, card: CardNumber, name: PersonName) -> str:
    """Make the keyed hash of who is paid by a leg, 64 hex digits.

    The leg is part of it: the sealed card and the digest of another leg do not fit here.
    """
    return sealing.blind_index(_Bound(f"{leg_id}\0{card.plain}\0{name.plain}"))
