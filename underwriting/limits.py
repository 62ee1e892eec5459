"""How much: the limit with its binding constraint, and which whole cards it clears."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final
from uuid import UUID

from kernel.money import ZERO, Money
from kernel.rates import Rate

CARDS_MAX: Final = 12
"""The choice among whole cards is exact, so it looks at 2 to the power of this many sets."""


class Constraint(StrEnum):
    """What may hold the limit down; the first of several alike is named."""

    DEBTS = "debts"
    """The verified payoff amounts with their buffer: more is never needed."""
    PRODUCT = "product"
    RISK = "risk"
    AFFORDABILITY = "affordability"
    PROFIT = "profit"
    """The amount at which the lender's expected profit is largest."""


class CardOrder(StrEnum):
    """What decides between two sets of cards that both could be cleared."""

    SAVING = "saving"
    """The larger saving."""
    DELINQUENT_FIRST = "delinquent_first"
    """More delinquent cards; of as many, the larger saving. Each card must save by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The most that may be lent, and why not more."""

    amount: Money
    binding: Constraint
    ceilings: Mapping[Constraint, Money]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One card that could be cleared."""

    card_ref: UUID
    amount: Money
    """What the issuer quoted."""
    ceiling: Money
    """The amount with the buffer of interest until it posts."""
    minimum_due: Money
    """What it asks for each month while it is not cleared."""
    saving: Money
    """The cheapest alternative's total less that of a loan for this card; may be negative."""
    is_delinquent: bool = False


def find(ceilings: Mapping[Constraint, Money], *, step: Money) -> Limit:
    """Take the smallest ceiling, rounded down to a step, and name it.

    >>> found = find({Constraint.DEBTS: Money.yuan("9000"), Constraint.RISK: Money.yuan("8250")},
    ...              step=Money.yuan("100"))
    >>> found.amount, found.binding.value
    (Money('8200.00'), 'risk')
    """
    binding = min(
        (constraint for constraint in Constraint if constraint in ceilings),
        key=lambda constraint: ceilings[constraint],
    )
    return Limit(
        amount=max(ZERO, ceilings[binding].floor_to(step)),
        binding=binding,
        ceilings=dict(ceilings),
    )


def with_buffer(amount: Money, *, per_diem: Money, days: int) -> Money:
    """Give the ceiling of one card: its payoff amount and the interest of some days."""
    return amount + per_diem.times(days)


def debts(ceilings: Sequence[Money], *, step: Money) -> Money:
    """Sum the cards' ceilings and round up to a step, so that the debts fit below their own limit.

    >>> debts([Money.yuan("3000.00"), Money.yuan("7.50")], step=Money.yuan("100"))
    Money('3100.00')
    """
    return -(-Money.total(ceilings)).floor_to(step)


def affordable(room: Money, *, annual_rate: Rate, months: int) -> Money:
    """Give the largest principal whose level instalment is not above `room` a month.

    The instalment of a principal P is P·A/B for whole numbers A and B; the largest P is room·B/A,
    rounded down, so the rounded instalment stays within the room.
    """
    if room.fen <= 0:
        return ZERO
    top, bottom = level(annual_rate, months)
    return Money(room.fen * bottom // top)


def instalment(principal: Money, *, annual_rate: Rate, months: int) -> Money:
    """Give the level instalment of a principal, half-up to the fen, as its schedule will have it."""
    top, bottom = level(annual_rate, months)
    return Money((2 * principal.fen * top + bottom) // (2 * bottom))


@lru_cache(maxsize=256)
def level(annual_rate: Rate, months: int) -> tuple[int, int]:
    """Give the level instalment of one yuan as a fraction of whole numbers."""
    num, den = annual_rate.annual.as_integer_ratio()
    den *= 12
    if num == 0:
        return 1, months
    grown = (den + num) ** months
    return num * grown, den * (grown - den**months)


def choose(
    candidates: Sequence[Candidate],
    *,
    limit: Money,
    permits: Callable[[tuple[Candidate, ...]], bool],
    order: CardOrder = CardOrder.SAVING,
) -> tuple[Candidate, ...]:
    """Choose the whole cards that are best for the debtor within the limit; none when none fits.

    Sets are tried from the best on, so the first that is permitted is the best. Best is what the
    order says; of two alike the cheaper one is taken.

    Raises:
        ValueError: more than twelve cards.
    """
    if len(candidates) > CARDS_MAX:
        raise ValueError(f"at most {CARDS_MAX} cards are weighed against each other")
    if order is CardOrder.DELINQUENT_FIRST:
        candidates = [card for card in candidates if card.saving.fen > 0]
    for chosen in _sets(candidates, limit, order):
        if permits(chosen):
            return chosen
    return ()


def _sets(
    candidates: Sequence[Candidate], limit: Money, order: CardOrder
) -> Iterator[tuple[Candidate, ...]]:
    counts_late = order is CardOrder.DELINQUENT_FIRST
    together = Money.total(card.ceiling for card in candidates)
    if counts_late and candidates and together <= limit:
        # Where every card saves, all together are the best set there is: often no other is needed.
        yield tuple(candidates)
    count = 1 << len(candidates)
    ceilings, savings, late = [0] * count, [0] * count, [0] * count
    fitting = []
    for mask in range(1, count):
        rest, last = mask & (mask - 1), (mask & -mask).bit_length() - 1
        card = candidates[last]
        ceilings[mask] = ceilings[rest] + card.ceiling.fen
        savings[mask] = savings[rest] + card.saving.fen
        late[mask] = late[rest] + (counts_late and card.is_delinquent)
        if savings[mask] > 0 and ceilings[mask] <= limit.fen:
            fitting.append(mask)
    fitting.sort(key=lambda mask: (-late[mask], -savings[mask], ceilings[mask], mask))
    for mask in fitting:
        yield tuple(card for place, card in enumerate(candidates) if mask >> place & 1)
