"""The debtor's budget: what comes in a month, where from, and what living costs."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final

from sqlalchemy.orm import Session

from kernel import moves
from kernel.actors import Actor
from kernel.money import ZERO, Money, NotAnAmount
from kernel.refusals import FieldFault, Refused
from origination import applicants
from origination.cards import MAY_CHANGE
from origination.records.applications import (
    APPLICATION_MOVES,
    Application,
    ApplicationStatus,
    IncomeSource,
)

AMOUNT_MAX: Final = Money.yuan("1000000.00")
"""A month; more is a slip of the finger or the yearly figure."""
EMPLOYMENT_MONTHS_MAX: Final = 720


class BudgetFaulty(Refused):
    """The budget cannot be used as it was written."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "budget_faulty"
    title = "The budget has faults"
    title_zh = "收支信息填写有误"

    def __init__(self, faults: tuple[FieldFault, ...]) -> None:
        super().__init__(f"{len(faults)} faults", faults=faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One month of the debtor's household, as he states it.

    Raises:
        BudgetFaulty: an amount is negative or beyond any household's, or the parts contradict
            each other.
    """

    monthly_income: Money
    income_source: IncomeSource
    employment_months: int | None
    """How long this income has been coming in; None when nobody asked."""
    essential_costs: Money

    def __post_init__(self) -> None:
        faults = [
            FieldFault(f"/{name}", f"an amount from 0 to {AMOUNT_MAX.grouped} yuan a month")
            for name, amount in (
                ("monthly_income", self.monthly_income),
                ("essential_costs", self.essential_costs),
            )
            if not 0 <= amount.fen <= AMOUNT_MAX.fen
        ]
        if self.income_source is IncomeSource.NONE and self.monthly_income.fen > 0:
            faults.append(FieldFault("/income_source", "say where the income comes from"))
        if self.employment_months is not None and not (
            0 <= self.employment_months <= EMPLOYMENT_MONTHS_MAX
        ):
            faults.append(
                FieldFault("/employment_months", f"months from 0 to {EMPLOYMENT_MONTHS_MAX}")
            )
        if faults:
            raise BudgetFaulty(tuple(faults))


@dataclass(frozen=True, slots=True, kw_only=True)
class Income:
    """What comes in a month, before anybody has asked about the costs.

    Raises:
        BudgetFaulty: the amount is beyond any household's, or the parts contradict each other.
    """

    monthly: Money
    source: IncomeSource
    months: int | None
    """How long it has been coming in; None when nobody said."""

    def __post_init__(self) -> None:
        self.with_costs(ZERO)

    def with_costs(self, essential_costs: Money) -> Budget:
        """Give the whole budget."""
        return Budget(
            monthly_income=self.monthly,
            income_source=self.source,
            employment_months=self.months,
            essential_costs=essential_costs,
        )


def parse(fields: Mapping[str, object]) -> Budget:
    """Read a budget as a form or a JSON object sends it: amounts are text such as ``"5200.00"``.

    Raises:
        BudgetFaulty: naming every fault at once.
    """
    faults: list[FieldFault] = []
    income = _amount(fields, "monthly_income", faults)
    costs = _amount(fields, "essential_costs", faults)
    source = _source(fields, faults)
    months = _months(fields, faults)
    if faults or income is None or costs is None or source is None:
        raise BudgetFaulty(tuple(faults))
    return Budget(
        monthly_income=income,
        income_source=source,
        employment_months=months,
        essential_costs=costs,
    )


def enter_income(
    session: Session, application: Application, income: Income, *, by: Actor, at: datetime
) -> None:
    """Write down what comes in, and ask about the costs next.

    Raises:
        OnlyTheDebtor: somebody else states it for him.
        MoveRefused: no card is entered yet, or the application was submitted.
    """
    _hold(session, application, by=by)
    _write_income(application, income.with_costs(ZERO))
    application.touched_at = at
    session.flush()


def enter(
    session: Session, application: Application, budget: Budget, *, by: Actor, at: datetime
) -> None:
    """Write the budget down; until the application is submitted it may be corrected.

    An income of zero is written down like any other: the decision follows later, with reasons.

    Raises:
        OnlyTheDebtor: somebody else states it for him.
        MoveRefused: no card is entered yet, or the application was submitted.
    """
    _hold(session, application, by=by)
    _write_income(application, budget)
    application.essential_costs = budget.essential_costs
    application.touched_at = at
    session.flush()
    if application.status is ApplicationStatus.CARDS_ENTERED:
        moves.advance(
            session,
            application,
            ApplicationStatus.BUDGET_ENTERED,
            table=APPLICATION_MOVES,
            by=by,
            at=at,
        )


def _hold(session: Session, application: Application, *, by: Actor) -> None:
    applicants.require_debtor(application, by)
    applicants.lock(session, application)
    if application.status not in MAY_CHANGE - {ApplicationStatus.CONSENTED}:
        raise moves.MoveRefused("application", application.status, ApplicationStatus.BUDGET_ENTERED)


def _write_income(application: Application, budget: Budget) -> None:
    application.stated_monthly_income = budget.monthly_income
    application.income_source = budget.income_source
    application.employment_months = budget.employment_months


def _amount(fields: Mapping[str, object], name: str, faults: list[FieldFault]) -> Money | None:
    value = fields.get(name)
    if isinstance(value, str):
        try:
            return Money.yuan(_plain(value).replace(",", "").removeprefix("¥").removesuffix("元"))
        except NotAnAmount:
            pass
    # A JSON number is refused too: by the time it is read it may have lost its fen.
    faults.append(FieldFault(f"/{name}", 'write yuan a month as text, such as "5200.00"'))
    return None


def _plain(text: str) -> str:
    """Fold full-width characters and drop blanks; a minus sign stays, so that it is refused."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def _source(fields: Mapping[str, object], faults: list[FieldFault]) -> IncomeSource | None:
    try:
        return IncomeSource(str(fields.get("income_source")))
    except ValueError:
        faults.append(FieldFault("/income_source", f"choose one of {', '.join(IncomeSource)}"))
        return None


def _months(fields: Mapping[str, object], faults: list[FieldFault]) -> int | None:
    value = fields.get("employment_months")
    match value:
        case None | "":
            return None
        case bool():
            pass
        case int():
            return value
        case str() if len(value) <= 8 and _plain(value).isdecimal():
            return int(_plain(value))
        case _:
            pass
    faults.append(FieldFault("/employment_months", "write a whole number of months"))
    return None
