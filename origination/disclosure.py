"""What a borrower must be shown before he signs: every cost, the plan, and what else he could do.

Pure: the same terms give the same bytes. The plan is the one the loan is booked by, for the same
principal and day. Sources: 个人贷款业务明示综合融资成本规定 (in force 2026-08-01) for the table of
costs; 中国人民银行公告〔2021〕第3号 for the annual rate, simple and compound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from disbursement import schedule
from disbursement.schedule.contract import Penalty
from disbursement.schedule.rows import Schedule
from kernel import rates
from kernel.money import ZERO, Money
from kernel.rates import Rate
from underwriting import better_off, canonical
from underwriting.better_off import Comparison, Cost

FORMAT: Final = 1
LATE_EXAMPLE_OVERDUE: Final = Money.yuan("1000.00")
LATE_EXAMPLE_DAYS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Lender:
    """Who lends, as the debtor is told."""

    code: str
    name: str
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CardLine:
    """One card that the loan clears whole."""

    card_ref: UUID
    issuer_code: str
    last4: str
    quoted: Money
    """What the issuer asks for today."""
    ceiling: Money
    """The most that may be sent to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Everything an offer consists of."""

    lender: Lender
    product_code: str
    product_version: int
    annual_rate: Rate
    months: int
    penalty: Penalty
    cards: tuple[CardLine, ...]
    value_date: date
    """The day from which the shown plan counts: the loan's own day is the day of payment."""
    valid_until: datetime

    @property
    def principal(self) -> Money:
        """The most that may be borrowed: the sum of the cards' ceilings."""
        return Money.total(card.ceiling for card in self.cards)


@dataclass(frozen=True)
class Disclosure:
    """Everything the debtor is shown about one offer, and its canonical bytes."""

    terms: Terms
    plan: Schedule
    comparison: Comparison
    simple_apr: Decimal
    """Annual cost of everything by the simple method, a fraction."""
    irr: Decimal
    """Annual cost of everything by the compound method, a fraction."""

    @cached_property
    def content(self) -> bytes:
        """The canonical JSON that is kept and hashed."""
        return canonical.dump(_document(self))

    @property
    def sha256(self) -> str:
        """The hash of the canonical JSON."""
        return canonical.sha256(self.content)


def build(
    terms: Terms, *, staying: Cost, offers: Cost | None, cheaper_from: int | None = None
) -> Disclosure:
    """Work out what the debtor is shown; `staying` and `offers` are his alternatives.

    `cheaper_from` is the month from which staying asks for less than the instalment.

    Raises:
        NotSchedulable: the terms make no loan.
        NoRate: no annual rate can be stated for them.
    """
    plan = schedule.annuity(
        terms.principal,
        annual_rate=terms.annual_rate,
        months=terms.months,
        value_date=terms.value_date,
    )
    return Disclosure(
        terms=terms,
        plan=plan,
        comparison=Comparison(
            staying=staying,
            offers=offers,
            loan=better_off.of_loan(plan),
            cheaper_from=cheaper_from,
        ),
        simple_apr=rates.nominal_apr(plan.flows()),
        irr=rates.annual_irr(plan.flows()),
    )


def worse_points(comparison: Comparison) -> tuple[str, ...]:
    """Name where the new loan is worse for the debtor; he is told each in words.

    A card lets him pay the minimum in a hard month; the loan asks for the whole instalment.
    """
    longer = [
        f"longer_against_{name}"
        for name, other in (("staying", comparison.staying), ("offers", comparison.offers))
        if other is not None and comparison.loan.months > other.months
    ]
    later = [] if comparison.cheaper_from is None else ["later_against_staying"]
    return (*comparison.worse_in, *longer, *later, "whole_instalment")


def _document(shown: Disclosure) -> dict[str, Any]:
    terms, plan = shown.terms, shown.plan
    return {
        "format": FORMAT,
        "lender": {
            "code": terms.lender.code,
            "name": terms.lender.name,
            "licence": terms.lender.licence,
        },
        "product": {"code": terms.product_code, "version": terms.product_version},
        "valid_until": canonical.instant_text(terms.valid_until),
        "principal": str(terms.principal),
        "months": terms.months,
        "annual_rate_percent": str(terms.annual_rate),
        "annual_cost": {"simple": str(shown.simple_apr), "irr": str(shown.irr)},
        "instalment": str(plan.instalment),
        "last_instalment": str(plan.rows[-1].total),
        "total_interest": str(plan.total_interest),
        "total_payments": str(plan.total_payments),
        "costs": _costs(shown),
        "no_other_charge": True,
        "if_late": _if_late(terms.penalty),
        "if_early": {"fee": str(ZERO), "interest": "to the day of repayment"},
        "cash_to_debtor": str(ZERO),
        "cards": [_card(card) for card in terms.cards],
        "plan": [
            {
                "number": row.number,
                "due_on": row.due_on.isoformat(),
                "principal": str(row.principal),
                "interest": str(row.interest),
                "total": str(row.total),
                "balance": str(row.balance),
            }
            for row in plan.rows
        ],
        "comparison": _comparison(shown.comparison),
    }


def _costs(shown: Disclosure) -> list[dict[str, str]]:
    """List every cost of a loan paid as agreed: here interest alone."""
    return [
        {
            "item": "interest",
            "collector": shown.terms.lender.name,
            "payer": "debtor",
            "rate_percent": str(shown.terms.annual_rate),
            "when": "with each instalment",
            "amount": str(shown.plan.total_interest),
        }
    ]


def _if_late(penalty: Penalty) -> dict[str, Any]:
    cost = LATE_EXAMPLE_OVERDUE.times(
        penalty.annual_rate.daily(penalty.day_basis) * LATE_EXAMPLE_DAYS
    )
    return {
        "item": "penalty_interest",
        "on": "overdue principal",
        "rate_percent": str(penalty.annual_rate),
        "day_basis": int(penalty.day_basis),
        "grace_days": penalty.grace_days,
        "compounded": False,
        "example": {
            "overdue": str(LATE_EXAMPLE_OVERDUE),
            "days": LATE_EXAMPLE_DAYS,
            "cost": str(cost),
        },
    }


def _card(card: CardLine) -> dict[str, str]:
    return {
        "card_ref": str(card.card_ref),
        "issuer_code": card.issuer_code,
        "last4": card.last4,
        "quoted": str(card.quoted),
        "ceiling": str(card.ceiling),
    }


def _comparison(comparison: Comparison) -> Mapping[str, Any]:
    return {
        "loan": _cost(comparison.loan),
        "staying": _cost(comparison.staying),
        "offers": None if comparison.offers is None else _cost(comparison.offers),
        "worse": list(worse_points(comparison)),
        "cheaper_from": comparison.cheaper_from,
    }


def _cost(cost: Cost) -> dict[str, Any]:
    return {"monthly": str(cost.monthly), "total": str(cost.total), "months": cost.months}


def read_comparison(plain: Mapping[str, Any]) -> Comparison:
    """Read the comparison of a disclosure back from its document."""
    return Comparison(
        staying=_read_cost(plain["staying"]),
        offers=None if plain["offers"] is None else _read_cost(plain["offers"]),
        loan=_read_cost(plain["loan"]),
        cheaper_from=plain.get("cheaper_from"),
    )


def _read_cost(plain: Mapping[str, Any]) -> Cost:
    return Cost(
        monthly=Money.yuan(plain["monthly"]),
        total=Money.yuan(plain["total"]),
        months=int(plain["months"]),
    )
