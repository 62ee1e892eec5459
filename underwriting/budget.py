"""What of the income counts, and what may go to a new loan each month. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from kernel.money import ZERO, Money
from underwriting.dossier import CardDebt, Dossier
from underwriting.policy_rules import BudgetRules, CostRules, IncomeRules

DEBT_TO_INCOME: Final = "debt_to_income_pct"
CITY_TIER: Final = "city_tier"
"""1 for the first tier, 2 for the new first, then 3 and on; many dossiers do not know it."""
DEPENDANTS: Final = "dependants"


@dataclass(frozen=True, slots=True, kw_only=True)
class Income:
    """The monthly income that counts."""

    monthly: Money
    is_verified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What may go to debts each month."""

    for_debts: Money
    """Every instalment together; the lower of the debt-to-income cap and what costs leave."""
    debts_elsewhere: Money
    """Payments on debts that the loan cannot replace."""

    @property
    def for_loan(self) -> Money:
        """What is left for the new instalment; below zero when debts elsewhere take it all."""
        return self.for_debts - self.debts_elsewhere


def counted_income(dossier: Dossier, rules: IncomeRules) -> Income:
    """Count a verified income in full, and a stated one after the policy's haircut."""
    if dossier.verified_monthly_income is not None:
        return Income(monthly=dossier.verified_monthly_income, is_verified=True)
    stated = dossier.stated_monthly_income or ZERO
    return Income(monthly=stated.times(rules.haircut_stated), is_verified=False)


def essential_costs(dossier: Dossier, rules: CostRules) -> Money:
    """Count living costs: as stated, but never below the guideline for what the dossier knows.

    One head's consumption of 2,879.75 a month, of which half cannot be saved, is 1,439.88; with two
    dependants at half a head each it is 2,879.75, and in a city of the first tier (1.55) 4,463.61.
    """
    tier, dependants = dossier.figures.get(CITY_TIER), dossier.figures.get(DEPENDANTS)
    return max(dossier.essential_costs, _guideline(tier, dependants or Decimal(0), rules))


@lru_cache(maxsize=256)
def _guideline(tier: Decimal | None, dependants: Decimal, rules: CostRules) -> Money:
    heads = 1 + rules.dependant_share * min(
        max(Decimal(0), dependants), Decimal(rules.dependants_max)
    )
    factor = Decimal(1)
    if tier is not None and 1 <= tier <= len(rules.city_factors):
        factor = rules.city_factors[int(tier) - 1]
    return rules.head_month.times(rules.essential_share * factor * heads)


def debts_elsewhere(dossier: Dossier, replaceable: Iterable[CardDebt], rules: BudgetRules) -> Money:
    """Give the monthly payments on debts that stay, whatever cards the loan clears.

    The bureau knows the ratio of all payments to income; the minimum payments of the cards that
    could be cleared are inside it and are taken out. The ratio is of the income the debtor has,
    so no haircut applies to it.
    """
    ratio = dossier.figures.get(DEBT_TO_INCOME)
    share = rules.debt_to_income_when_unknown if ratio is None else max(Decimal(0), ratio) / 100
    income = dossier.verified_monthly_income or dossier.stated_monthly_income or ZERO
    replaced = Money.total(card.quote.minimum_due for card in replaceable if card.quote)
    return max(ZERO, income.times(share) - replaced)


def room(income: Money, *, essential_costs: Money, elsewhere: Money, rules: BudgetRules) -> Room:
    """Give what may go to debts each month.

    At most the policy's share of income (50 %), and never so much that less than the cushion
    (10 %) is left after living costs. Income 8,000.00, costs 2,500.00, debts elsewhere 600.00:
    the cap is 4,000.00, costs and cushion leave 8,000 - 2,500 - 800 = 4,700.00, so 4,000.00 may go
    to debts and 3,400.00 to the new loan.
    """
    costs = max(essential_costs, rules.essential_costs_min)
    return Room(
        for_debts=min(
            income.times(rules.debt_to_income_max), income - costs - income.times(rules.cushion)
        ),
        debts_elsewhere=elsewhere,
    )
