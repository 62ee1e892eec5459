"""What another cut-off of the score would have changed about decisions that were made. Pure.

Below the present cut-off everything is known. Above it nobody was given terms, so what would have
been lent there is put at the mean loan of the riskiest quarter that was approved, and said so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Final

from kernel.money import ZERO, Money

PLACES: Final = Decimal("0.000001")
RISKIEST: Final = 4
"""The riskiest of so many equal parts of the approved stands for those beyond."""


class Kind(StrEnum):
    """What became of a scored application."""

    APPROVED = "approved"
    REVIEW = "review"
    """A person decides, whatever the cut-off."""
    BY_SCORE = "by_score"
    """Declined because it was above the last band, or approved there at random."""
    OTHERWISE = "otherwise"
    """Declined for another reason; a cut-off changes nothing about it."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One scored application."""

    pd: Decimal
    kind: Kind
    principal: Money
    """What may be lent at most; nothing where it was not approved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one cut-off comes to."""

    cut: Decimal
    approved: int
    lost: int
    """Approved as it was, and not any more."""
    gained: int
    """Declined by the score as it was, and not any more; other checks may still stop them."""
    bad_rate: Decimal | None
    """Expected, of those approved; None where there are none."""
    lent: Money | None
    """None where somebody is gained and nothing says what he would be lent."""
    loss_weighted: Decimal | None
    """Expected bad rate by amount."""


def at(scored: Sequence[Scored], cut: Decimal) -> Effect:
    """Work out what a cut-off comes to.

    >>> seen = [Scored(Decimal("0.1"), Kind.APPROVED, Money.yuan("1000")),
    ...         Scored(Decimal("0.2"), Kind.APPROVED, Money.yuan("3000"))]
    >>> found = at(seen, Decimal("0.15"))
    >>> found.approved, found.lost, found.bad_rate, found.lent
    (1, 1, Decimal('0.100000'), Money('1000.00'))
    """
    approved = [each for each in scored if each.kind is Kind.APPROVED]
    kept = [each for each in approved if each.pd <= cut]
    gained = [each for each in scored if each.kind is Kind.BY_SCORE and each.pd <= cut]
    typical = _typical(approved)
    weights = [each.principal.fen for each in kept]
    if gained and typical is None:
        lent, by_amount = None, None
    else:
        weights += [(typical or ZERO).fen] * len(gained)
        lent = Money(sum(weights))
        by_amount = _mean([each.pd for each in (*kept, *gained)], weights)
    return Effect(
        cut=cut,
        approved=len(kept) + len(gained),
        lost=len(approved) - len(kept),
        gained=len(gained),
        bad_rate=_mean([each.pd for each in (*kept, *gained)], [1] * (len(kept) + len(gained))),
        lent=lent,
        loss_weighted=by_amount,
    )


def _typical(approved: Sequence[Scored]) -> Money | None:
    """Give the mean loan of the riskiest quarter of the approved."""
    if not approved:
        return None
    riskiest = sorted(approved, key=lambda each: each.pd)[-max(1, len(approved) // RISKIEST) :]
    return Money(sum(each.principal.fen for each in riskiest) // len(riskiest))


def _mean(values: Sequence[Decimal], weights: Sequence[int]) -> Decimal | None:
    total = sum(weights)
    if not total:
        return None
    sum_ = sum((value * weight for value, weight in zip(values, weights, strict=True)), Decimal(0))
    return (sum_ / total).quantize(PLACES, ROUND_HALF_EVEN)
