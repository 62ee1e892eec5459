"""Who acts: every change of state carries an actor with a role."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What an actor may be."""

    DEBTOR = "debtor"
    AGENCY = "agency"
    FINANCE_MAKER = "finance_maker"
    FINANCE_CHECKER = "finance_checker"
    RISK_OFFICER = "risk_officer"
    OPERATOR = "operator"
    SYSTEM = "system"
    COUNTERPARTY = "counterparty"
    """An outside system whose message was verified, such as a channel's notice."""


@dataclass(frozen=True, slots=True)
class Actor:
    """One person, agency or process, named by role and identity."""

    role: Role
    id: str

    def __str__(self) -> str:
        return f"{self.role}:{self.id}"


COMMAND_LINE: Final = Actor(Role.OPERATOR, "command-line")
"""Whoever has the terminal of the machine itself."""


def system(name: str) -> Actor:
    """Name a process of ours as the actor, such as ``system("payout-query")``."""
    return Actor(Role.SYSTEM, name)
