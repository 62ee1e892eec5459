"""What has fallen due: one item per instalment, with what was paid of it and when."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from disbursement.allocation import Allocation, Owed, Part
from kernel.money import Money


@dataclass(slots=True, kw_only=True)
class Item:
    """One instalment that has fallen due; amounts in fen."""

    number: int
    end: date
    due_on: date
    missed_on: date
    """The day after which it counts as late, apart from days of grace."""
    owed: dict[Part, int]
    paid: dict[Part, int] = field(default_factory=lambda: dict.fromkeys(Part, 0))
    waived: dict[Part, int] = field(default_factory=lambda: dict.fromkeys(Part, 0))
    """What was given up; `owed` holds it no more."""
    late: int = 0
    paid_on: date | None = None
    penal_fen_days: int = 0
    """Overdue principal times the days it was overdue, up to `penal_until`."""
    penal_charged: int = 0
    penal_until: date | None = None

    def open(self, part: Part) -> int:
        """Give what is still owed of one part."""
        return self.owed[part] - self.paid[part]

    @property
    def outstanding(self) -> int:
        """What is still owed of all parts."""
        return sum(self.owed.values()) - sum(self.paid.values())

    def as_owed(self) -> Owed:
        """Show what is still owed, for the waterfall."""
        amounts = {part: Money(self.open(part)) for part in Part}
        return Owed(number=self.number, due_on=self.due_on, amounts=amounts)

    def settle(self, part: Part, fen: int, on: date) -> None:
        """Book a payment of one part."""
        self.paid[part] += fen
        if on > self.due_on:
            self.late += fen
        if self.outstanding == 0:
            self.paid_on = on


def settle(items: list[Item], allocation: Allocation, on: date) -> None:
    """Book every line of an allocation on its item."""
    by_number = {item.number: item for item in items}
    for line in allocation.lines:
        by_number[line.number].settle(line.part, line.amount.fen, on)
