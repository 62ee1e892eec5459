"""Rules against fraud: bounds on figures, as the policy has them. Pure.

A figure that the dossier lacks breaks no rule. What a rule found stands in the decision with the
figure, so that a person sees what he is asked about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from underwriting.dossier import Dossier
from underwriting.policy_rules import Action, Figure, FraudRule
from underwriting.reasons import Reason

PLACES: Final = Decimal("0.0001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One rule that was broken."""

    rule: str
    figure: Figure
    value: Decimal
    more_than: Decimal
    action: Action
    reason: Reason


def look(dossier: Dossier, rules: Sequence[FraudRule]) -> tuple[Hit, ...]:
    """List the rules that a dossier breaks, in the policy's order."""
    found = []
    for rule in rules:
        value = _figure(dossier, rule.figure)
        if value is not None and value > rule.more_than:
            found.append(
                Hit(
                    rule=rule.name,
                    figure=rule.figure,
                    value=value,
                    more_than=rule.more_than,
                    action=rule.action,
                    reason=rule.reason,
                )
            )
    return tuple(found)


def _figure(dossier: Dossier, figure: Figure) -> Decimal | None:
    if figure is not Figure.STATED_OVER_VERIFIED:
        return dossier.figures.get(figure.value)
    stated, verified = dossier.stated_monthly_income, dossier.verified_monthly_income
    if not stated or not verified:
        return None
    return stated.ratio_to(verified).quantize(PLACES, ROUND_HALF_EVEN)
