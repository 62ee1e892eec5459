"""Every feature there is, one definition each; a model picks from these by name."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from kernel.money import Money
from underwriting import canonical
from underwriting.dossier import Dossier, Purpose
from underwriting.features.declaration import Feature, Figures, Sign, Source, Unit
from underwriting.reasons import Reason

EMPLOYMENT_YEARS_MAX: Final = 10
"""Ten years in work and more are alike."""

_COUNT_MAX: Final = Decimal(500)
_MONTHS_MAX: Final = Decimal(1200)
_YUAN_MAX: Final = Decimal(100_000_000)


def _count(name: str, meaning: str, sign: Sign, reason: Reason) -> Feature:
    return Feature(
        name=name, meaning=meaning, sign=sign, reason=reason,
        unit=Unit.COUNT, source=Source.BUREAU, high=_COUNT_MAX,
    )  # fmt: skip


def _months(name: str, meaning: str) -> Feature:
    return Feature(
        name=name, meaning=meaning, sign=Sign.FALLS, reason=Reason.SHORT_HISTORY,
        unit=Unit.MONTHS, source=Source.BUREAU, high=_MONTHS_MAX,
    )  # fmt: skip


def _yuan(name: str, meaning: str, sign: Sign, reason: Reason) -> Feature:
    return Feature(
        name=name, meaning=meaning, sign=sign, reason=reason,
        unit=Unit.YUAN, source=Source.BUREAU, high=_YUAN_MAX,
    )  # fmt: skip


def _percent(name: str, meaning: str, sign: Sign, reason: Reason, *, high: str = "100") -> Feature:
    return Feature(
        name=name, meaning=meaning, sign=sign, reason=reason,
        unit=Unit.PERCENT, source=Source.BUREAU, high=Decimal(high),
    )  # fmt: skip


BUREAU: Final[tuple[Feature, ...]] = (
    _count("accounts_opened_24m", "accounts opened in the last 24 months", Sign.RISES, Reason.MANY_NEW_ACCOUNTS),
    _count("inquiries_12m", "credit inquiries in the last 12 months", Sign.RISES, Reason.MANY_INQUIRIES),
    _yuan("card_balance_max", "largest balance on one card", Sign.FREE, Reason.DEBTS_HIGH),
    _yuan("card_open_to_buy", "credit still open on cards", Sign.FALLS, Reason.LITTLE_OPEN_CREDIT),
    _percent("card_utilisation_pct", "card balances over card limits", Sign.RISES, Reason.CARDS_NEARLY_FULL, high="300"),
    _percent("all_utilisation_pct", "all balances over all limits", Sign.RISES, Reason.CARDS_NEARLY_FULL, high="300"),
    _yuan("card_limit_total", "sum of card limits", Sign.FALLS, Reason.LITTLE_OPEN_CREDIT),
    _yuan("revolving_balance", "sum of revolving balances", Sign.FREE, Reason.DEBTS_HIGH),
    _yuan("average_balance", "average balance of all accounts", Sign.FALLS, Reason.FEW_LONG_TERM_DEBTS),
    _months("months_since_oldest_instalment", "since the oldest instalment account was opened"),
    _months("months_since_oldest_revolving", "since the oldest revolving account was opened"),
    _months("months_since_newest_revolving", "since the newest revolving account was opened"),
    _months("months_since_newest_account", "since the newest account was opened"),
    _count("mortgage_accounts", "mortgage accounts", Sign.FALLS, Reason.FEW_LONG_TERM_DEBTS),
    _count("instalment_accounts", "instalment accounts", Sign.FREE, Reason.MANY_ACCOUNTS),
    _count("revolving_accounts", "revolving accounts", Sign.FREE, Reason.MANY_ACCOUNTS),
    _count("accounts_90dpd_24m", "accounts 90 days late in the last 24 months", Sign.RISES, Reason.PAST_DELINQUENCY),
    _percent("never_delinquent_pct", "accounts that were never late", Sign.FREE, Reason.PAST_DELINQUENCY),
    _percent("cards_over_75_pct", "cards used beyond 75 %", Sign.RISES, Reason.CARDS_NEARLY_FULL),
    _yuan("total_balance", "sum of all balances", Sign.FREE, Reason.DEBTS_HIGH),
    _yuan("total_credit_limit", "sum of all limits", Sign.FALLS, Reason.LITTLE_OPEN_CREDIT),
    _count("accounts_total", "accounts ever opened", Sign.FREE, Reason.MANY_ACCOUNTS),
    _yuan("balance_excluding_mortgage", "all balances but mortgages", Sign.FREE, Reason.DEBTS_HIGH),
    _yuan("instalment_limit_total", "sum of instalment credit granted", Sign.FREE, Reason.DEBTS_HIGH),
    _count("finance_accounts", "accounts at finance companies", Sign.FREE, Reason.MANY_ACCOUNTS),
    _percent("debt_to_income_pct", "monthly debt payments, mortgages apart, over income", Sign.RISES, Reason.DEBTS_HIGH_FOR_INCOME),
)  # fmt: skip

ELSEWHERE: Final[tuple[Feature, ...]] = (
    Feature(
        name="annual_income", meaning="twelve times the income that counts a month",
        unit=Unit.YUAN, source=Source.INCOME, sign=Sign.FALLS,
        reason=Reason.INCOME_LOW, high=_YUAN_MAX,
    ),
    Feature(
        name="employment_years", meaning="whole years in the present work, ten at most",
        unit=Unit.YEARS, source=Source.INCOME, sign=Sign.FALLS,
        reason=Reason.SHORT_EMPLOYMENT, high=Decimal(EMPLOYMENT_YEARS_MAX),
    ),
    Feature(
        name="merges_debts", meaning="1 when several debts are to become one, 0 for card debt alone",
        unit=Unit.FLAG, source=Source.APPLICATION, sign=Sign.RISES,
        reason=Reason.SEVERAL_DEBTS_TO_MERGE, high=Decimal(1),
    ),
)  # fmt: skip

CATALOGUE: Final = {feature.name: feature for feature in (*BUREAU, *ELSEWHERE)}
REASONS: Final = {name: feature.reason for name, feature in CATALOGUE.items()}


def figures(dossier: Dossier, *, monthly_income: Money) -> dict[str, Decimal | None]:
    """Give every figure of a dossier by name; `monthly_income` is the income that counts."""
    months = dossier.employment_months
    return {
        **dossier.figures,
        "annual_income": monthly_income.times(12).as_yuan,
        "employment_years": None
        if months is None
        else Decimal(min(EMPLOYMENT_YEARS_MAX, months // 12)),
        "merges_debts": Decimal(int(dossier.purpose is Purpose.CONSOLIDATION)),
    }


def out_of_bounds(found: Figures) -> tuple[str, ...]:
    """Name the bureau's figures that cannot be right."""
    return tuple(feature.name for feature in BUREAU if feature.is_out_of_bounds(found))


def digest(names: Sequence[str]) -> str:
    """Give the hash of the definitions of some features in their order.

    A model keeps it, so that a definition cannot change under a model that learnt another.
    """
    plain = {
        "features": [
            {
                "name": feature.name,
                "unit": feature.unit.value,
                "source": feature.source.value,
                "sign": int(feature.sign),
                "low": str(feature.low),
                "high": str(feature.high),
            }
            for feature in (CATALOGUE[name] for name in names)
        ]
    }
    return canonical.sha256(canonical.dump(plain))
