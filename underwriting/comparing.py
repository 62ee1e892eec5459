"""What a second policy changes about decisions of the first: counts, sums, the largest. Pure.

Bounded whatever the number of decisions: only sums and the few largest changes are kept.
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from kernel.money import ZERO, Money
from kernel.rates import Rate
from underwriting.decisions import Decision, Outcome
from underwriting.reasons import Reason

LARGEST_MAX: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one policy makes of one dossier, as far as it is compared."""

    outcome: Outcome
    limit: Money
    principal: Money
    """Of the loan that could be offered; nothing where there is none."""
    annual_rate: Rate | None
    months: int | None
    interest: Money
    reasons: tuple[Reason, ...]

    @classmethod
    def of(cls, decision: Decision) -> Side:
        """Take what is compared from a decision."""
        return cls(
            outcome=decision.outcome,
            limit=decision.limit,
            principal=decision.principal,
            annual_rate=decision.annual_rate,
            months=decision.months,
            interest=decision.total_interest or ZERO,
            reasons=decision.reasons,
        )

    def to_plain(self) -> dict[str, Any]:
        """Spell it."""
        return {
            "outcome": self.outcome.value,
            "limit": str(self.limit),
            "principal": str(self.principal),
            "annual_rate_percent": None if self.annual_rate is None else str(self.annual_rate),
            "months": self.months,
            "reasons": [reason.value for reason in self.reasons],
        }


@dataclass(slots=True)
class Moved:
    """How an amount moved over all dossiers."""

    before: int = 0
    after: int = 0
    raised: int = 0
    lowered: int = 0
    raised_by: int = 0
    lowered_by: int = 0

    def add(self, before: Money, after: Money) -> None:
        """Count one dossier."""
        by = after.fen - before.fen
        self.before += before.fen
        self.after += after.fen
        self.raised += by > 0
        self.lowered += by < 0
        self.raised_by += max(0, by)
        self.lowered_by += max(0, -by)

    def to_plain(self) -> dict[str, Any]:
        """Spell counts and sums."""
        return {
            "sum_before": str(Money(self.before)),
            "sum_after": str(Money(self.after)),
            "raised": self.raised,
            "raised_by": str(Money(self.raised_by)),
            "lowered": self.lowered,
            "lowered_by": str(Money(self.lowered_by)),
        }


@dataclass(slots=True, kw_only=True)
class Tally:
    """Everything two policies differ in over the dossiers that were added."""

    largest: int = 20
    """How many of the largest changes are kept."""
    compared: int = 0
    changed: int = 0
    by: Counter[str] = field(default_factory=Counter)
    """How many dossiers changed in which respect."""
    outcomes: Counter[tuple[Outcome, Outcome]] = field(default_factory=Counter)
    limit: Moved = field(default_factory=Moved)
    principal: Moved = field(default_factory=Moved)
    interest: Moved = field(default_factory=Moved)
    dearer: int = 0
    cheaper: int = 0
    """Where both policies have a price."""
    gained: Counter[Reason] = field(default_factory=Counter)
    lost: Counter[Reason] = field(default_factory=Counter)
    _heap: list[tuple[int, int, UUID, Side, Side]] = field(default_factory=list)

    def add(self, assessment_id: UUID, before: Side, after: Side) -> None:
        """Compare what two policies make of one dossier."""
        self.compared += 1
        self.outcomes[before.outcome, after.outcome] += 1
        self.limit.add(before.limit, after.limit)
        self.principal.add(before.principal, after.principal)
        self.interest.add(before.interest, after.interest)
        self._add_price(before.annual_rate, after.annual_rate)
        self.gained.update(set(after.reasons) - set(before.reasons))
        self.lost.update(set(before.reasons) - set(after.reasons))
        names = ("outcome", "limit", "principal", "annual_rate", "months", "reasons")
        moved = [name for name in names if getattr(before, name) != getattr(after, name)]
        self.by.update(moved)
        if moved:
            self.changed += 1
            self._keep(assessment_id, before, after)

    def to_plain(self) -> dict[str, Any]:
        """Spell everything, the largest changes first."""
        return {
            "compared": self.compared,
            "changed": self.changed,
            "changed_in": dict(sorted(self.by.items())),
            "outcomes": [
                {"before": before.value, "after": after.value, "dossiers": count}
                for (before, after), count in sorted(self.outcomes.items())
            ],
            "limit": self.limit.to_plain(),
            "principal": self.principal.to_plain(),
            "interest": self.interest.to_plain(),
            "price": {"dearer": self.dearer, "cheaper": self.cheaper},
            "reasons": [
                {"reason": each.value, "gained": self.gained[each], "lost": self.lost[each]}
                for each in Reason
                if self.gained[each] or self.lost[each]
            ],
            "largest": [
                {
                    "assessment": str(assessment_id),
                    "principal_by": str(after.principal - before.principal),
                    "before": before.to_plain(),
                    "after": after.to_plain(),
                }
                for _, _, assessment_id, before, after in sorted(
                    self._heap, key=lambda kept: (-kept[0], -kept[1], kept[2])
                )
            ],
        }

    def _add_price(self, before: Rate | None, after: Rate | None) -> None:
        if before is not None and after is not None:
            self.dearer += after > before
            self.cheaper += after < before

    def _keep(self, assessment_id: UUID, before: Side, after: Side) -> None:
        size = abs((after.principal - before.principal).fen)
        then = abs((after.limit - before.limit).fen)
        entry = (size, then, assessment_id, before, after)
        if len(self._heap) < min(self.largest, LARGEST_MAX):
            heapq.heappush(self._heap, entry)
        elif self._heap:
            heapq.heappushpop(self._heap, entry)
