"""The waterfall: which part of which instalment a payment pays, as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from kernel.money import ZERO, Money


class Part(StrEnum):
    """What an instalment consists of."""

    FEES = "fees"
    PENALTY = "penalty"
    INTEREST = "interest"
    PRINCIPAL = "principal"


class Across(StrEnum):
    """Which comes first when several instalments are owed."""

    INSTALMENT = "instalment"
    """All parts of the oldest instalment, then the next one."""
    PART = "part"
    """The first part of every instalment, oldest first, then the next part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """The order of payment: parts, and whether it is run per instalment or per part."""

    parts: tuple[Part, ...]
    across: Across = Across.INSTALMENT

    def __post_init__(self) -> None:
        if sorted(self.parts) != sorted(Part):
            raise ValueError("a waterfall names every part once")


STANDARD: Final = Waterfall(parts=(Part.FEES, Part.PENALTY, Part.INTEREST, Part.PRINCIPAL))
"""Costs, then interest, then principal: the default of 民法典 art. 561."""

PRINCIPAL_FIRST: Final = Waterfall(
    parts=(Part.PRINCIPAL, Part.INTEREST, Part.FEES, Part.PENALTY), across=Across.PART
)
"""A relief for loans long overdue: principal falls first, so penalty stops growing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What is still owed of one instalment."""

    number: int
    due_on: date
    amounts: Mapping[Part, Money]

    @property
    def total(self) -> Money:
        """All parts together."""
        return Money.total(self.amounts.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One part of one instalment, and how much of it the payment pays."""

    number: int
    part: Part
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """Where a payment went, and what found nothing to pay."""

    lines: tuple[Line, ...]
    left: Money

    def paid(self, part: Part) -> Money:
        """Add up what went to one part."""
        return Money.total(line.amount for line in self.lines if line.part is part)


def allocate(amount: Money, owed: Sequence[Owed], *, by: Waterfall = STANDARD) -> Allocation:
    """Spread a payment over what is owed, oldest instalment first.

    Lines and what is left always add up to the payment; no line is negative or pays more than is
    owed.

    Raises:
        ValueError: the payment is negative.
    """
    if amount < ZERO:
        raise ValueError("a payment is not negative")
    lines = []
    left = amount.fen
    for item, part in _order(sorted(owed, key=lambda item: (item.due_on, item.number)), by):
        paid = min(left, item.amounts.get(part, ZERO).fen)
        if paid > 0:
            lines.append(Line(number=item.number, part=part, amount=Money(paid)))
            left -= paid
    return Allocation(lines=tuple(lines), left=Money(left))


def _order(owed: Sequence[Owed], by: Waterfall) -> Iterable[tuple[Owed, Part]]:
    if by.across is Across.INSTALMENT:
        return ((item, part) for item in owed for part in by.parts)
    return ((item, part) for part in by.parts for item in owed)
