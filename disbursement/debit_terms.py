"""When and how often an instalment is collected by itself: dated terms of the house."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

from kernel import law
from kernel.clock import SHANGHAI, business_day, shanghai

POLICIES: Final = Path(__file__).parent / "policies"


@dataclass(frozen=True, slots=True, kw_only=True)
class DebitTerms:
    """The terms in force on a day."""

    first_hour: int
    last_hour: int
    """Nothing is sent from this hour of Shanghai on."""
    tries_max: int
    """For one due date."""
    again_after_days: int
    again_codes: frozenset[str]
    """Refusals after which another day may do better."""
    card_codes: frozenset[str]
    """Refusals that speak against the card itself."""

    def allows(self, at: datetime) -> bool:
        """Tell whether an instalment may be collected by itself at an instant."""
        return self.first_hour <= at.astimezone(SHANGHAI).hour < self.last_hour

    def next_opening(self, at: datetime) -> datetime:
        """Give the first instant at or after another at which collecting is allowed."""
        if self.allows(at):
            return at
        today = business_day(at)
        opening = shanghai(today, self.first_hour)
        return opening if at < opening else shanghai(today + timedelta(days=1), self.first_hour)


def in_force(on: date) -> DebitTerms:
    """Give the terms in force on a day.

    Raises:
        NoRuleInForce: none were in force yet.
    """
    values = law.rule("debits", on=on, folder=POLICIES).values
    return DebitTerms(
        first_hour=values["first_hour"],
        last_hour=values["last_hour"],
        tries_max=values["tries_max"],
        again_after_days=values["again_after_days"],
        again_codes=frozenset(values["again_codes"]),
        card_codes=frozenset(values["card_codes"]),
    )
