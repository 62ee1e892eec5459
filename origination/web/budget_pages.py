"""Income and essential costs: what comes in a month, then what living costs."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from marshmallow import Schema, ValidationError, fields
from sqlalchemy.orm import Session
from typing_extensions import override

from kernel.actors import Role
from kernel.money import ZERO
from kernel.web import access, forms
from kernel.web.access import actor
from kernel.web.around import now, say
from kernel.web.fields import TypedMoneyField
from kernel.web.forms import Filled
from origination import budgets
from origination.budgets import AMOUNT_MAX, EMPLOYMENT_MONTHS_MAX, BudgetFaulty, Income
from origination.cards import MAY_CHANGE
from origination.records.applications import Application, IncomeSource
from origination.web import journey

blueprint = Blueprint("budget", __name__, url_prefix="/apply")

SOURCES: Final[Mapping[IncomeSource, tuple[str, str]]] = {
    IncomeSource.SALARY: ("工资", "Salary"),
    IncomeSource.SELF_EMPLOYED: ("经营或自由职业", "Own business or freelance work"),
    IncomeSource.PENSION: ("养老金", "Pension"),
    IncomeSource.BENEFITS: ("社会救助或失业金", "Benefits"),
    IncomeSource.OTHER: ("其他", "Other"),
    IncomeSource.NONE: ("目前没有收入", "No income at present"),
}
INCOME_WORDS: Final = {
    "income_source": ("请选择主要收入来源", "Choose where most of your income comes from"),
    "monthly_income": (
        "请填写每月到手收入，例如 8000；没有收入请填 0",
        "Enter your income a month after tax, such as 8000, or 0 without any",
    ),
    "employment_months": (
        "请用数字填写月数，例如 24；不确定可留空",
        "Enter a number of months, such as 24, or leave it empty",
    ),
}
COSTS_WORDS: Final = {
    "essential_costs": (
        "请填写每月必要支出，例如 3000；没有请填 0",
        "Enter your essential costs a month, such as 3000, or 0 without any",
    )
}
CONTRADICTION: Final = (
    "您填写了收入金额，请选择它的来源；没有收入请把金额填为 0",
    "You entered an income: choose where it comes from, or enter 0 without any",
)


class TypedCountField(fields.Field[int | None]):
    """A count as people type it, full-width digits included; empty is None."""

    @override
    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any
    ) -> int | None:
        text = "".join(unicodedata.normalize("NFKC", str(value)).split())
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and int(text[:5]) <= EMPLOYMENT_MONTHS_MAX):
            raise ValidationError("Must be a whole number.")
        return int(text[:5])


class IncomeForm(Schema):
    """What comes in a month."""

    income_source = fields.Enum(IncomeSource, by_value=True, required=True)
    monthly_income = TypedMoneyField(required=True, at_least=ZERO, at_most=AMOUNT_MAX)
    employment_months = TypedCountField(load_default=None)


class CostsForm(Schema):
    """What living costs a month."""

    essential_costs = TypedMoneyField(required=True, at_least=ZERO, at_most=AMOUNT_MAX)


@blueprint.get("/income")
@access.allow(Role.DEBTOR)
@journey.seen(*MAY_CHANGE)
def ask_income(_: Session, application: Application) -> ResponseReturnValue:
    """Ask what comes in."""
    return _income_page(_entered_income(application))


@blueprint.post("/income")
@access.allow(Role.DEBTOR)
@journey.acted(*MAY_CHANGE)
def save_income(session: Session, application: Application) -> ResponseReturnValue:
    """Write the income down."""
    filled = forms.read(IncomeForm(), INCOME_WORDS)
    if not filled.is_good:
        return _income_page(filled), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        income = Income(
            monthly=filled.values["monthly_income"],
            source=filled.values["income_source"],
            months=filled.values["employment_months"],
        )
    except BudgetFaulty:
        again = filled.with_fault("income_source", *CONTRADICTION)
        return _income_page(again), HTTPStatus.UNPROCESSABLE_ENTITY
    budgets.enter_income(session, application, income, by=actor(), at=now())
    return journey.onward()


@blueprint.get("/costs")
@access.allow(Role.DEBTOR)
@journey.seen(*MAY_CHANGE)
def ask_costs(_: Session, application: Application) -> ResponseReturnValue:
    """Ask what living costs."""
    if application.stated_monthly_income is None:
        return journey.onward()
    costs = application.essential_costs
    return _costs_page(Filled(typed={} if costs is None else {"essential_costs": str(costs)}))


@blueprint.post("/costs")
@access.allow(Role.DEBTOR)
@journey.acted(*MAY_CHANGE)
def save_costs(session: Session, application: Application) -> ResponseReturnValue:
    """Write the whole budget down."""
    filled = forms.read(CostsForm(), COSTS_WORDS)
    if not filled.is_good:
        return _costs_page(filled), HTTPStatus.UNPROCESSABLE_ENTITY
    if application.stated_monthly_income is None or application.income_source is None:
        return journey.onward()
    income = Income(
        monthly=application.stated_monthly_income,
        source=application.income_source,
        months=application.employment_months,
    )
    budget = income.with_costs(filled.values["essential_costs"])
    budgets.enter(session, application, budget, by=actor(), at=now())
    return journey.onward()


def source_name(source: IncomeSource) -> str:
    """Name a source of income in the language of the request."""
    return say(*SOURCES[source])


def _entered_income(application: Application) -> Filled:
    if application.stated_monthly_income is None or application.income_source is None:
        return Filled()
    months = application.employment_months
    return Filled(
        typed={
            "monthly_income": str(application.stated_monthly_income),
            "employment_months": "" if months is None else str(months),
        },
        chosen={"income_source": (application.income_source.value,)},
    )


def _income_page(filled: Filled) -> str:
    sources = [(source.value, source_name(source)) for source in SOURCES]
    return render_template(
        "origination/income.html", form=filled, sources=sources, steps=journey.STEPS
    )


def _costs_page(filled: Filled) -> str:
    return render_template("origination/costs.html", form=filled, steps=journey.STEPS)
