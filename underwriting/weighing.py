"""What weighed in a score, in words that are true of this debtor. Pure.

A contribution says how much a figure raised the risk, not what the figure is. The code book's
sentence is given only where the figure must be as the sentence says: the feature's risk moves in
one direction and the figure is there. A figure that is missing weighed by being missing; one whose
risk moves both ways is named without a judgement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from underwriting import reasons
from underwriting.features import catalogue
from underwriting.features.declaration import Figures, Sign
from underwriting.reasons import Reason

NEUTRAL: Final[Mapping[Reason, Reason]] = {
    Reason.DEBTS_HIGH: Reason.DEBT_BALANCES,
    Reason.PAST_DELINQUENCY: Reason.PAYMENT_RECORD,
}
"""What is said of a figure whose risk moves both ways, where the sentence would judge it."""

CLOSER: Final[Mapping[str, Reason]] = {
    "months_since_newest_revolving": Reason.RECENT_ACCOUNT,
    "months_since_newest_account": Reason.RECENT_ACCOUNT,
}
"""Features that another sentence fits better than the one their family shares."""


def raised(contributions: Sequence[tuple[str, Decimal]], figures: Figures) -> tuple[Reason, ...]:
    """Rank what raised the risk, the heaviest first, at most four."""
    codes = {name: _code(name, figures) for name, _ in contributions}
    return reasons.by_weight(contributions, codes)


def _code(name: str, figures: Figures) -> Reason:
    if catalogue.CATALOGUE[name].value(figures) is None:
        return Reason.INFORMATION_MISSING
    return code_of(name)


def code_of(name: str) -> Reason:
    """Give what is said of a feature that raised the risk and is there."""
    feature = catalogue.CATALOGUE[name]
    code = CLOSER.get(name, feature.reason)
    return NEUTRAL.get(code, code) if feature.sign is Sign.FREE else code
