"""What of the income counts, and what may go to a new loan each month. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from kernel.money import ZERO, Money
from underwriting.dossier import CardDebt, Dossier
from underwriting.policy import BudgetRules, IncomeRules

DEBT_TO_INCOME: Final = "debt_to_income_pct"


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
