"""Lots: who meets which model, and who is approved at random; drawn once for ever. Pure.

A lot is drawn by a keyed hash of the application's reference, so it is the same on every machine
and at every try, and nobody outside can work it out. Each purpose has lots of its own: whoever
meets the challenger is no likelier to be approved at random.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from kernel.money import Money
from underwriting.canonical import decimal_text, read_decimal

PLACES: Final = 1_000_000
"""A lot is a whole number from 0 below this, each as likely as the others."""
_BITS: Final = 64


class Purpose(StrEnum):
    """What a lot is drawn for."""

    ROUTE = "route"
    EXPLORATION = "exploration"


class Part(StrEnum):
    """The part that the deciding model had."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"


class Why(StrEnum):
    """Why it was this model."""

    LOT = "lot"
    BEFORE = "before"
    """The application met this model at an earlier assessment."""
    UNUSABLE = "unusable"
    """The challenger was to decide, and could not be loaded or failed when it scored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """By which way an application came to its model."""

    routing_id: UUID
    """The routing that was in force."""
    part: Part
    why: Why
    place: int
    instead_of: str | None = None
    """The challenger that was to decide and could not."""
    fault: str | None = None
    """The name of what went wrong with it."""

    def to_plain(self) -> dict[str, Any]:
        """Spell it for a canonical document."""
        failed = {"instead_of": self.instead_of, "fault": self.fault}
        return {
            "routing_id": str(self.routing_id),
            "part": self.part.value,
            "why": self.why.value,
            "place": self.place,
        } | ({} if self.instead_of is None else failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """An approval at random of somebody whom the score alone would have declined."""

    place: int
    share: Decimal
    """Of those who could be approved so, the part that was, when this lot was drawn."""
    loss: Money
    """What the month's budget was charged: the whole loss if the loan defaults at once."""

    def to_plain(self) -> dict[str, Any]:
        """Spell it for a canonical document."""
        return {"place": self.place, "share": decimal_text(self.share), "loss": str(self.loss)}


def read_route(plain: Mapping[str, Any] | None) -> Route | None:
    """Read a route; what misspells it raises as a misspelt value does."""
    if plain is None:
        return None
    return Route(
        routing_id=UUID(plain["routing_id"]),
        part=Part(plain["part"]),
        why=Why(plain["why"]),
        place=_place(plain["place"]),
        instead_of=_name(plain.get("instead_of")),
        fault=_name(plain.get("fault")),
    )


def read_grant(plain: Mapping[str, Any] | None) -> Grant | None:
    """Read a grant; what misspells it raises as a misspelt value does."""
    if plain is None:
        return None
    return Grant(
        place=_place(plain["place"]),
        share=read_decimal(plain["share"]),
        loss=Money.yuan(plain["loss"]),
    )


def place(digest: str) -> int:
    """Give the lot of a keyed hash in hex.

    >>> place("8000000000000000" + 48 * "f")
    500000
    """
    return int(digest[: _BITS // 4], 16) * PLACES >> _BITS


def is_drawn(place_: int, share: Decimal) -> bool:
    """Tell whether a lot falls on a share; a larger share draws everybody whom a smaller one did."""
    return place_ < share * PLACES


def _place(value: object) -> int:
    if type(value) is not int or not 0 <= value < PLACES:
        raise ValueError("a lot is a whole number below a million")
    return value


def _name(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError("a name is a text")
    return value
