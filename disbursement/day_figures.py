"""What a day's close did, added up: counts of loans and amounts in yuan, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kernel.money import ZERO, Money


@dataclass(slots=True)
class Figures:
    """Counts and amounts that are added up over the chunks of a day."""

    counts: dict[str, int] = field(default_factory=dict)
    amounts: dict[str, Money] = field(default_factory=dict)

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Figures:
        """Read figures as they are kept."""
        return cls(
            counts=dict(kept.get("counts", {})),
            amounts={name: Money.yuan(text) for name, text in kept.get("amounts", {}).items()},
        )

    def as_json(self) -> dict[str, dict[str, Any]]:
        """Give the figures as they are kept: amounts in yuan as text."""
        return {
            "counts": dict(self.counts),
            "amounts": {name: str(amount) for name, amount in self.amounts.items()},
        }

    def count(self, name: str, more: int) -> None:
        """Add to a count."""
        self.counts[name] = self.counts.get(name, 0) + more

    def add(self, name: str, more: Money) -> None:
        """Add to an amount."""
        self.amounts[name] = self.amounts.get(name, ZERO) + more

    def include(self, other: Figures) -> None:
        """Add all figures of a part."""
        for name, more in other.counts.items():
            self.count(name, more)
        for name, amount in other.amounts.items():
            self.add(name, amount)
