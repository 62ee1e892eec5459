"""Whether the debtor is better off: one pure comparison, in integer fen.

The new loan must cost less in total and less a month than staying with the cards, and than the
issuers' own instalment offers where they make one (信用卡业务监督管理办法 70). Staying means paying
the minimum at the issuer's rate until the card is cleared, for a bounded time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Final

from disbursement.schedule.rows import Schedule
from kernel.money import ZERO, Money
from underwriting.dossier import InstalmentOffer

DAYS_A_YEAR: Final = 365
MONTHS_A_YEAR: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one way of paying the debt asks of the debtor."""

    monthly: Money
    """The payment of the first month, or of the dearest one of a loan."""
    total: Money
    """Everything paid until the end, the debt itself included."""
    months: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The new loan beside what the debtor could do without it."""

    staying: Cost
    offers: Cost | None
    """With the issuers' own offers where they exist; None when no issuer makes one."""
    loan: Cost
    cheaper_from: int | None = None
    """The month from which staying asks for less than the loan; None where it never does, or where
    nobody looked."""

    @property
    def is_better(self) -> bool:
        """Whether the loan is below every alternative, each month and in total."""
        return not self.worse_in

    @property
    def worse_in(self) -> tuple[str, ...]:
        """Name the points in which the loan is not below an alternative."""
        against = [("staying", self.staying)]
        if self.offers is not None:
            against.append(("offers", self.offers))
        return tuple(
            f"{point}_against_{name}"
            for name, other in against
            for point, is_worse in (
                ("monthly", self.loan.monthly >= other.monthly),
                ("total", self.loan.total >= other.total),
            )
            if is_worse
        )


class Worse(StrEnum):
    """In what a loan that is better on the whole is worse all the same."""

    LONGER = "longer"
    """It is paid for longer."""
    CHEAPER_LATER = "cheaper_later"
    """The minimum falls with the balance: from some month on it is below the instalment."""
    WHOLE_INSTALMENT = "whole_instalment"
    """A card lets its holder pay the minimum in a hard month; the loan asks for everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Losing:
    """One case in which the debtor would be worse off with the loan; he is shown each."""

    point: Worse
    against: str
    """`staying`, or `offers` for the issuers' own plans."""
    months: int | None
    """How long the other way takes; or the first month in which it asks for less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternatives:
    """What the debtor could do about one card without the new loan."""

    staying: Cost
    offer: Cost | None
    minimums: tuple[int, ...] = ()
    """What staying asks for in each month, in fen; empty where nobody looks at single months."""

    @property
    def cheapest(self) -> Money:
        """The lowest total of them."""
        return (
            self.staying.total if self.offer is None else min(self.staying.total, self.offer.total)
        )


def compare(cards: Sequence[Alternatives], loan: Cost) -> Comparison:
    """Set a loan that clears some cards beside the alternatives for the same cards."""
    offers = [card.offer or card.staying for card in cards]
    return Comparison(
        staying=_together([card.staying for card in cards]),
        offers=_together(offers) if any(card.offer for card in cards) else None,
        loan=loan,
    )


def monthly(cards: Sequence[Alternatives]) -> tuple[Money, ...]:
    """Give what each way of going on without the loan asks for in its first month."""
    staying_ = Money.total(card.staying.monthly for card in cards)
    if not any(card.offer for card in cards):
        return (staying_,)
    return staying_, Money.total((card.offer or card.staying).monthly for card in cards)


def takes_too_long(comparison: Comparison, *, longer_max: Decimal) -> bool:
    """Tell whether the loan takes more than so many times as long as an alternative."""
    others = [comparison.staying, *([] if comparison.offers is None else [comparison.offers])]
    return any(comparison.loan.months > longer_max * other.months for other in others)


def cheaper_from(cards: Sequence[Alternatives], loan: Cost) -> int | None:
    """Find the first month in which staying with the cards asks for less than the instalment.

    The minimum falls with the balance. None when it is never lower while the loan is repaid; the
    month after a card is cleared it asks for nothing.
    """
    for month in range(loan.months):
        asked = sum(card.minimums[month] for card in cards if month < len(card.minimums))
        if asked < loan.monthly.fen:
            return month + 1
    return None


def losing(comparison: Comparison) -> tuple[Losing, ...]:
    """List the cases in which the loan is worse though it is better on the whole."""
    found = [
        Losing(point=Worse.LONGER, against=name, months=other.months)
        for name, other in (("staying", comparison.staying), ("offers", comparison.offers))
        if other is not None and comparison.loan.months > other.months
    ]
    if comparison.cheaper_from is not None:
        found.append(
            Losing(point=Worse.CHEAPER_LATER, against="staying", months=comparison.cheaper_from)
        )
    return (*found, Losing(point=Worse.WHOLE_INSTALMENT, against="staying", months=None))


@lru_cache(maxsize=1024)
def staying(
    amount: Money,
    *,
    minimum_due: Money,
    daily_rate: Decimal,
    minimum_floor: Money,
    months_max: int,
) -> Cost:
    """Follow a card on which only the minimum is paid.

    Each month the balance bears a twelfth of 365 days of interest, half-up to the fen; then the
    minimum is paid: the part of the balance that `minimum_due` is of `amount` today, but at least
    the floor and at most everything. What is left after `months_max` is paid then.

    10,000.00 at 0.05 % a day with 10 % a month: interest 152.08, paid 1,015.21, left 9,136.87;
    and so on for 45 months.
    """
    paid = minimums(
        amount,
        minimum_due=minimum_due,
        daily_rate=daily_rate,
        minimum_floor=minimum_floor,
        months_max=months_max,
    )
    return Cost(
        monthly=min(amount, max(minimum_due, minimum_floor)),
        total=Money(sum(paid)),
        months=len(paid),
    )


@lru_cache(maxsize=1024)
def minimums(
    amount: Money,
    *,
    minimum_due: Money,
    daily_rate: Decimal,
    minimum_floor: Money,
    months_max: int,
) -> tuple[int, ...]:
    """List what is paid in each month of staying, in fen; the last clears what is left."""
    num, den = daily_rate.as_integer_ratio()
    num, den = num * DAYS_A_YEAR, den * MONTHS_A_YEAR
    balance = amount.fen
    paid: list[int] = []
    while balance > 0 and len(paid) < months_max:
        owed = balance + (2 * balance * num + den) // (2 * den)
        ratio_part = (2 * owed * minimum_due.fen + amount.fen) // (2 * amount.fen)
        payment = min(owed, max(ratio_part, minimum_floor.fen))
        paid.append(payment)
        balance = owed - payment
    if balance > 0:
        paid[-1] += balance
    return tuple(paid)


def taking_offer(amount: Money, offer: InstalmentOffer) -> Cost:
    """Cost the issuer's own instalment plan.

    Issuers name their charge in more than one way; where its total and its payments disagree the
    lower counts, so that doubt speaks for the issuer's offer and against ours.
    """
    return Cost(
        monthly=offer.monthly_payment,
        total=min(offer.monthly_payment.times(offer.months), amount + offer.total_cost),
        months=offer.months,
    )


def of_loan(schedule: Schedule) -> Cost:
    """Cost the new loan by its schedule."""
    return Cost(
        monthly=max(row.total for row in schedule.rows),
        total=schedule.total_payments,
        months=len(schedule.rows),
    )


def _together(costs: Sequence[Cost]) -> Cost:
    return (
        Cost(
            monthly=Money.total(cost.monthly for cost in costs),
            total=Money.total(cost.total for cost in costs),
            months=max((cost.months for cost in costs), default=0),
        )
        if costs
        else Cost(monthly=ZERO, total=ZERO, months=0)
    )
