"""Which term, which cards, at what cost: the search over the product's terms. Pure.

The rule is the policy's: the shortest term at which every card that can be paid is cleared, the
budget holds and the debtor is better off; where no term clears every card, the term whose cards
are the best for him by the policy's order, the shorter of two alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from disbursement import schedule
from disbursement.schedule.rows import Schedule
from kernel.money import Money
from kernel.rates import Rate
from underwriting import better_off, ceilings, limits
from underwriting.better_off import Alternatives, Comparison
from underwriting.ceilings import Footing
from underwriting.dossier import CardDebt, LenderTerms, Quote
from underwriting.limits import Candidate, CardOrder, Constraint, Limit
from underwriting.policy import Policy
from underwriting.reasons import Reason
from underwriting.rules import LeftOut

WHY_NOT_MORE: Final[Mapping[Constraint, Reason]] = {
    Constraint.PRODUCT: Reason.PRODUCT_LIMIT,
    Constraint.RISK: Reason.RISK_LIMIT,
    Constraint.AFFORDABILITY: Reason.NOT_AFFORDABLE,
    Constraint.PROFIT: Reason.PRICE_LIMIT,
}
WORSE: Final = {
    "monthly": Reason.NOT_CHEAPER_EACH_MONTH,
    "total": Reason.NOT_CHEAPER_IN_TOTAL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the search needs to know."""

    cards: tuple[CardDebt, ...]
    """Those that can be paid; each has a quote of more than zero."""
    lender: LenderTerms
    policy: Policy
    annual_rate: Rate
    risk_ceiling: Money
    room: Money
    """What is left for the new instalment each month when every card is cleared."""
    value_date: date
    footing: Footing | None = None
    """What the ceilings rest on, under a policy of the second form."""

    @property
    def order(self) -> CardOrder:
        """What decides between two sets of cards, and between two terms."""
        return CardOrder.SAVING if self.policy.added is None else self.policy.added.cards


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A loan that can be offered: its cards, its schedule and what it is compared with."""

    months: int
    limit: Limit
    chosen: tuple[Candidate, ...]
    schedule: Schedule
    comparison: Comparison
    left_out: tuple[LeftOut, ...] = ()
    """Cards that could be paid but are not cleared, each with its reason."""

    @property
    def saving(self) -> Money:
        """What the debtor saves over the cheapest alternative of each card."""
        return Money.total(card.saving for card in self.chosen)

    def rank(self, order: CardOrder) -> tuple[int, int]:
        """Say how good the plan is for the debtor; more is better."""
        late = sum(card.is_delinquent for card in self.chosen)
        return late if order is CardOrder.DELINQUENT_FIRST else 0, self.saving.fen


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The best plan, or why there is none."""

    plan: Plan | None
    limit: Limit
    """Under the second form the largest of all terms, so that more income never lowers it; under
    the first that of the plan, and without one that of the longest term."""
    months: int
    """The term that the limit is of."""
    obstacles: tuple[Reason, ...]
    """Of the terms without a plan, those of the longest term first."""


def search(asked: Asked) -> Found:
    """Try the product's terms from the shortest on, by the policy's rule."""
    best: Plan | None = None
    obstacles: list[Reason] = []
    limits_: dict[int, Limit] = {}
    quotes = [card.quote for card in asked.cards if card.quote is not None]
    assert len(quotes) == len(asked.cards), "a card that can be paid has a quote"
    others = [
        _alternatives(card, quote, asked.policy)
        for card, quote in zip(asked.cards, quotes, strict=True)
    ]
    for months in sorted(asked.lender.months):
        term = _Term(asked, months, quotes, others)
        limits_[months] = term.limit
        plan = term.best_plan()
        if plan is None:
            obstacles = [*term.obstacles, *obstacles]
        elif len(plan.chosen) == len(asked.cards):
            return Found(plan=plan, limit=plan.limit, months=months, obstacles=())
        elif best is None or plan.rank(asked.order) > best.rank(asked.order):
            best = plan
    of = _told(limits_, best, is_largest=asked.footing is not None)
    return Found(
        plan=best,
        limit=limits_[of],
        months=of,
        obstacles=tuple(dict.fromkeys(obstacles)),
    )


def _told(limits_: Mapping[int, Limit], plan: Plan | None, *, is_largest: bool) -> int:
    """Name the term whose limit is told; of two alike that of the plan, else the longer one."""
    if not is_largest:
        return max(limits_) if plan is None else plan.months
    largest = max(limits_, key=lambda months: (limits_[months].amount, months))
    if plan is not None and plan.limit.amount == limits_[largest].amount:
        return plan.months
    return largest


class _Term:
    """One term of the product: its limit, its candidates and what stands in the way."""

    def __init__(
        self, asked: Asked, months: int, quotes: Sequence[Quote], others: Sequence[Alternatives]
    ) -> None:
        self._asked = asked
        self._months = months
        self._others = {
            card.card_ref: other for card, other in zip(asked.cards, others, strict=True)
        }
        tops = [ceiling(quote, asked.policy) for quote in quotes]
        self.limit = _limit(asked, months, tops)
        self.obstacles: list[Reason] = []
        self._plan: Plan | None = None
        self._candidates = [
            Candidate(
                card_ref=card.card_ref,
                amount=quote.amount,
                ceiling=top,
                minimum_due=quote.minimum_due,
                saving=other.cheapest - self._schedule(top).total_payments,
                is_delinquent=quote.days_past_due > 0 or quote.past_due.fen > 0,
            )
            for card, quote, top, other in zip(asked.cards, quotes, tops, others, strict=True)
        ]

    def best_plan(self) -> Plan | None:
        """Choose the cards that save most; where none can be chosen, note why."""
        limits.choose(
            self._candidates,
            limit=self.limit.amount,
            permits=self._permits,
            order=self._asked.order,
        )
        if self._plan is not None:
            return replace(self._plan, left_out=self._left_out(self._plan.chosen))
        if not self.obstacles:
            self.obstacles = self._why_none_fits()
        return None

    def _permits(self, chosen: tuple[Candidate, ...]) -> bool:
        judged = self._judge(chosen)
        if isinstance(judged, Plan):
            self._plan = judged
            return True
        self.obstacles.extend(judged)
        return False

    def _judge(self, chosen: tuple[Candidate, ...]) -> Plan | list[Reason]:
        """Make the plan that clears these cards, or say what forbids it."""
        principal = Money.total(card.ceiling for card in chosen)
        if principal < self._asked.lender.principal_min:
            return [Reason.BELOW_PRODUCT_MINIMUM]
        others = [self._others[card.card_ref] for card in chosen]
        kept = Money.total(card.minimum_due for card in self._candidates if card not in chosen)
        early = self._forbidden_early(principal, kept, others)
        if early is not None:
            return [early]
        made = self._schedule(principal)
        if made.instalment + kept > self._asked.room:
            return [Reason.NOT_AFFORDABLE]
        comparison = better_off.compare(others, better_off.of_loan(made))
        worse = self._why_not_better(comparison)
        if worse:
            return worse
        return Plan(
            months=self._months,
            limit=self.limit,
            chosen=chosen,
            schedule=made,
            comparison=self._month_by_month(comparison, others),
        )

    def _forbidden_early(
        self, principal: Money, kept: Money, others: Sequence[Alternatives]
    ) -> Reason | None:
        """Say what is known before a schedule is made: of many cards most sets end here."""
        if self._asked.policy.added is None:
            return None
        level = limits.instalment(
            principal, annual_rate=self._asked.annual_rate, months=self._months
        )
        if level + kept > self._asked.room:
            return Reason.NOT_AFFORDABLE
        if any(level >= each for each in better_off.monthly(others)):
            return Reason.NOT_CHEAPER_EACH_MONTH
        return None

    def _why_not_better(self, comparison: Comparison) -> list[Reason]:
        found = [WORSE[worse.partition("_")[0]] for worse in comparison.worse_in]
        added = self._asked.policy.added
        if added is not None and better_off.takes_too_long(
            comparison, longer_max=added.better_off.longer_max
        ):
            found.append(Reason.TAKES_TOO_LONG)
        return found

    def _month_by_month(self, comparison: Comparison, others: Sequence[Alternatives]) -> Comparison:
        if self._asked.policy.added is None:
            return comparison
        return replace(comparison, cheaper_from=better_off.cheaper_from(others, comparison.loan))

    def _left_out(self, chosen: tuple[Candidate, ...]) -> tuple[LeftOut, ...]:
        return tuple(
            LeftOut(card_ref=card.card_ref, reason=self._why_left_out(card, chosen))
            for card in self._candidates
            if card not in chosen
        )

    def _why_left_out(self, card: Candidate, chosen: tuple[Candidate, ...]) -> Reason:
        """Say what happens when the card joins the chosen ones."""
        if card.saving.fen <= 0:
            return Reason.NOT_CHEAPER_IN_TOTAL
        together = (*chosen, card)
        if Money.total(each.ceiling for each in together) > self.limit.amount:
            return WHY_NOT_MORE[self.limit.binding]
        judged = self._judge(together)
        assert not isinstance(judged, Plan), "a set that saves more was tried before"
        return judged[0]

    def _why_none_fits(self) -> list[Reason]:
        tried = self._candidates
        if self._asked.order is CardOrder.DELINQUENT_FIRST:
            tried = [card for card in tried if card.saving.fen > 0]
        if tried and all(card.ceiling > self.limit.amount for card in tried):
            why = WHY_NOT_MORE.get(self.limit.binding)
            return [Reason.NO_CARD_FITS] if why is None else [Reason.NO_CARD_FITS, why]
        return [Reason.NOT_CHEAPER_IN_TOTAL]

    def _schedule(self, principal: Money) -> Schedule:
        return schedule.annuity(
            principal,
            annual_rate=self._asked.annual_rate,
            months=self._months,
            value_date=self._asked.value_date,
        )


def ceiling(quote: Quote, policy: Policy) -> Money:
    """Give the most that clearing a card may cost: its payoff amount with some days of interest."""
    days = policy.limit.buffer_days
    return limits.with_buffer(quote.amount, per_diem=quote.per_diem, days=days)


def _limit(asked: Asked, months: int, tops: Sequence[Money]) -> Limit:
    if asked.footing is not None:
        return ceilings.find(asked.footing, months)
    step = asked.policy.limit.step
    return limits.find(
        {
            Constraint.DEBTS: limits.debts(tops, step=step),
            Constraint.PRODUCT: asked.lender.principal_max,
            Constraint.RISK: asked.risk_ceiling,
            Constraint.AFFORDABILITY: limits.affordable(
                asked.room, annual_rate=asked.annual_rate, months=months
            ),
        },
        step=step,
    )


def _alternatives(card: CardDebt, quote: Quote, policy: Policy) -> Alternatives:
    facts: dict[str, Any] = {
        "minimum_due": quote.minimum_due,
        "daily_rate": quote.daily_rate,
        "minimum_floor": policy.staying.minimum_payment_floor,
        "months_max": policy.staying.months_max,
    }
    return Alternatives(
        staying=better_off.staying(quote.amount, **facts),
        offer=None if card.offer is None else better_off.taking_offer(quote.amount, card.offer),
        minimums=() if policy.added is None else better_off.minimums(quote.amount, **facts),
    )
