"""All sets of a dossier's cards side by side, and what stands in the way of a loan for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

import numpy as np

from kernel.rates import Rate
from underwriting.batch import costs
from underwriting.batch.ceilings import Footing
from underwriting.batch.costs import Costs, Loans
from underwriting.batch.exact import Flags, Whole
from underwriting.batch.findings import CODES, Numbers
from underwriting.limits import CardOrder
from underwriting.reasons import Reason

AGAINST: Final = (
    Reason.BELOW_PRODUCT_MINIMUM,
    Reason.NOT_AFFORDABLE,
    Reason.NOT_CHEAPER_EACH_MONTH,
    Reason.NOT_CHEAPER_IN_TOTAL,
    Reason.TAKES_TOO_LONG,
)
"""What may stand in the way of one set."""
POSITIONS: Final = 5
"""So many reasons one set may be given."""
NEVER: Final = 2**62

_AGAINST_CODES: Final = np.array([CODES[reason] for reason in AGAINST], dtype=np.uint8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Dossiers of one lender with as many cards each; a line a dossier, a place a card."""

    ceiling: Whole
    """All amounts in fen."""
    minimum_due: Whole
    staying: Costs
    offers: Costs
    """Where the issuer makes none, staying once more."""
    offered: Flags
    delinquent: Flags
    rates: Sequence[Rate]
    rate_at: Whole
    footing: Footing
    order: CardOrder
    longer_max: Decimal | None
    """How much longer than an alternative a loan may take; None under the first form."""

    @property
    def cards(self) -> int:
        """How many cards each dossier has."""
        count: int = self.ceiling.shape[1]
        return count


class Sets(NamedTuple):
    """Sums over the cards of each set; the set's bits are its place, the first card the lowest."""

    ceiling: Whole
    kept: Whole
    """What the cards outside ask for each month."""
    staying_monthly: Whole
    staying_total: Whole
    offers_monthly: Whole
    offers_total: Whole
    offered: Flags
    late: Whole
    """How many are delinquent."""
    shortest: Whole
    """How many months the alternative takes that is over first."""


class Judged(NamedTuple):
    """Some sets, each with what it would cost and what stands in the way."""

    loan: Loans
    positions: Whole
    """At which place of its reasons each of `AGAINST` stands first; `NEVER` where it does not."""

    @property
    def permitted(self) -> Flags:
        """Where nothing stands in the way."""
        found: Flags = (self.positions == NEVER).all(axis=1)
        return found

    @property
    def first(self) -> Numbers:
        """The first reason of each, 0 where there is none."""
        found: Numbers = np.where(
            self.permitted, 0, _AGAINST_CODES[np.argmin(self.positions, axis=1)]
        )
        return found


def members(cards: int) -> Whole:
    """Tell which cards are in which set: a line a set, a place a card."""
    found: Whole = (np.arange(1 << cards)[:, None] >> np.arange(cards)) & 1
    return found


def sums(asked: Asked) -> Sets:
    """Add up every set of every dossier."""
    inside = members(asked.cards).T
    kept = asked.minimum_due.sum(axis=1)[:, None] - asked.minimum_due @ inside
    return Sets(
        ceiling=asked.ceiling @ inside,
        kept=kept,
        staying_monthly=asked.staying.monthly @ inside,
        staying_total=asked.staying.total @ inside,
        offers_monthly=asked.offers.monthly @ inside,
        offers_total=asked.offers.total @ inside,
        offered=(asked.offered.astype(np.int64) @ inside) > 0,
        late=asked.delinquent.astype(np.int64) @ inside,
        shortest=np.minimum(
            _longest(asked.staying.months, inside), _longest(asked.offers.months, inside)
        ),
    )


def _longest(months: Whole, inside: Whole) -> Whole:
    found = np.zeros((len(months), inside.shape[1]), dtype=np.int64)
    for card, of_sets in enumerate(inside):
        np.maximum(found, months[:, card, None] * of_sets, out=found)
    return found


def judge(asked: Asked, sets: Sets, rows: Whole, chosen: Whole, *, months: int) -> Judged:
    """Say of one set of each of some dossiers what forbids a loan for it at one term."""
    principal = sets.ceiling[rows, chosen]
    loan = costs.loans(principal, asked.rates, asked.rate_at[rows], months)
    is_below = principal < asked.footing.lender.principal_min.fen
    is_dear = loan.instalment + sets.kept[rows, chosen] > asked.footing.room[rows]
    is_compared = ~is_below & ~is_dear
    staying, offers = sets.staying_monthly[rows, chosen], sets.offers_monthly[rows, chosen]
    offered = sets.offered[rows, chosen]
    each_month = _first(loan.monthly >= staying, offered & (loan.monthly >= offers))
    in_total = _first(
        loan.total >= sets.staying_total[rows, chosen],
        offered & (loan.total >= sets.offers_total[rows, chosen]),
    )
    positions = np.full((len(rows), len(AGAINST)), NEVER, dtype=np.int64)
    positions[is_below, 0] = 0
    positions[~is_below & is_dear, 1] = 0
    positions[is_compared, 2] = each_month[is_compared]
    positions[is_compared, 3] = np.minimum(in_total[is_compared] + 1, NEVER)
    if asked.longer_max is not None:
        too_long = _takes_too_long(sets.shortest[rows, chosen], months, asked.longer_max)
        positions[is_compared & too_long, 4] = 4
        # Known before a schedule is made, and then nothing else is looked at.
        early = is_compared & (
            (loan.instalment >= staying) | (offered & (loan.instalment >= offers))
        )
        positions[early] = [NEVER, NEVER, 0, NEVER, NEVER]
    return Judged(loan, positions)


def _takes_too_long(shortest: Whole, months: int, longer_max: Decimal) -> Flags:
    num, den = longer_max.as_integer_ratio()
    found: Flags = months * den > num * shortest
    return found


def _first(staying: Flags, offers: Flags) -> Whole:
    """Give the place of a point among the reasons: staying is compared before the offers."""
    found: Whole = np.where(staying, 0, np.where(offers, 2, NEVER))
    return found
