"""How a dossier is spelled as one row of a table: the names of the columns, and the writing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import polars as pl

from underwriting import budget
from underwriting.canonical import decimal_text, instant_text
from underwriting.dossier import CardDebt, Dossier
from underwriting.features import catalogue
from underwriting.policy_rules import Figure

CARDS_MAX: Final = 20
"""Cards of one dossier in a table."""
BETWEEN: Final = ";"
"""Between the names of lists and the months of terms."""

PERSON: Final = (
    "application_ref", "as_of", "age", "purpose", "stated_monthly_income",
    "verified_monthly_income", "employment_months", "essential_costs", "identity_matches",
    "deceased", "has_bureau_file", "watchlists",
)  # fmt: skip
LENDER: Final = (
    "lender_funder_code", "lender_issuer_code", "lender_product_version", "lender_annual_cap",
    "lender_terms", "lender_principal_min", "lender_principal_max",
)  # fmt: skip
CARD: Final = (
    "ref", "issuer_code", "account_type", "payable", "name_matches", "amount", "valid_until",
    "per_diem", "minimum_due", "past_due", "days_past_due", "credit_limit", "daily_rate",
    "offer_months", "offer_monthly_payment", "offer_total_cost",
)  # fmt: skip
"""Of each card behind its number: ``card_1_ref``."""
OF_COSTS: Final = (budget.CITY_TIER, budget.DEPENDANTS)
_OF_RULES: Final = frozenset(Figure) - {Figure.STATED_OVER_VERIFIED}
_WORKED_OUT: Final = frozenset(feature.name for feature in catalogue.ELSEWHERE)


def is_figure(name: str) -> bool:
    """Tell whether a column of this name holds a figure; any of them may be left out.

    Those of the bureau and of the graph by the names of their features, members of families among
    them, those that rules against fraud look at, and the two that living costs depend on. What is worked out from the dossier is none.
    """
    if name in OF_COSTS or name in _OF_RULES:
        return True
    try:
        return catalogue.CATALOGUE[name].name not in _WORKED_OUT
    except (KeyError, ValueError):
        return False


def card(number: int, field: str) -> str:
    """Name the column of a card's field; cards are counted from one.

    >>> card(2, "amount")
    'card_2_amount'
    """
    return f"card_{number}_{field}"


def frame(dossiers: Iterable[Dossier]) -> pl.DataFrame:
    """Write dossiers as a table that `reading` reads.

    Raises:
        ValueError: a dossier has more cards than a table holds, a figure that none has, or a file
            of the bureau, which no row holds.
    """
    told = list(dossiers)
    rows = [_row(dossier) for dossier in told]
    cards = max((len(dossier.cards) for dossier in told), default=0)
    figures = dict.fromkeys(name for dossier in told for name in dossier.figures)
    strange = [name for name in figures if not is_figure(name)]
    if cards > CARDS_MAX or strange or any(each.bureau_file.is_told for each in told):
        raise ValueError(
            f"a row holds at most {CARDS_MAX} cards, known figures and no file of the bureau"
        )
    schema: dict[str, Any] = {
        **dict.fromkeys((*PERSON, *LENDER, *figures), pl.String),
        **{card(n + 1, field): pl.String for n in range(cards) for field in CARD},
    }
    flat = []
    for row in rows:
        for number, told in enumerate(row.pop("cards"), start=1):
            row |= {card(number, field): value for field, value in told.items()}
        flat.append({name: row.get(name) for name in schema})
    return pl.DataFrame(flat, schema=schema)


def _row(dossier: Dossier) -> dict[str, Any]:
    lender = dossier.lender
    return {
        "application_ref": str(dossier.application_ref),
        "as_of": instant_text(dossier.as_of),
        "age": str(dossier.age),
        "purpose": dossier.purpose.value,
        "stated_monthly_income": _text(dossier.stated_monthly_income),
        "verified_monthly_income": _text(dossier.verified_monthly_income),
        "employment_months": _text(dossier.employment_months),
        "essential_costs": str(dossier.essential_costs),
        "identity_matches": _flag(value=dossier.identity_matches),
        "deceased": _flag(value=dossier.deceased),
        "has_bureau_file": _flag(value=dossier.has_bureau_file),
        "watchlists": BETWEEN.join(hit.name for hit in dossier.watchlist_hits) or None,
        "lender_funder_code": lender.funder_code,
        "lender_issuer_code": lender.issuer_code,
        "lender_product_version": str(lender.product_version),
        "lender_annual_cap": str(lender.annual_cap),
        "lender_terms": BETWEEN.join(str(months) for months in lender.months),
        "lender_principal_min": str(lender.principal_min),
        "lender_principal_max": str(lender.principal_max),
        **{
            name: None if value is None else decimal_text(value)
            for name, value in dossier.figures.items()
        },
        "cards": [_card(each) for each in dossier.cards],
    }


def _card(told: CardDebt) -> Mapping[str, str | None]:
    quote, offer = told.quote, told.offer
    found = {
        "ref": str(told.card_ref),
        "issuer_code": told.issuer_code,
        "account_type": told.account_type.value,
        "payable": _flag(value=told.payable),
        "name_matches": _flag(value=told.name_matches),
    }
    if quote is not None:
        found |= {
            "amount": str(quote.amount),
            "valid_until": instant_text(quote.valid_until),
            "per_diem": str(quote.per_diem),
            "minimum_due": str(quote.minimum_due),
            "past_due": str(quote.past_due),
            "days_past_due": str(quote.days_past_due),
            "credit_limit": str(quote.credit_limit),
            "daily_rate": decimal_text(quote.daily_rate),
        }
    if offer is not None:
        found |= {
            "offer_months": str(offer.months),
            "offer_monthly_payment": str(offer.monthly_payment),
            "offer_total_cost": str(offer.total_cost),
        }
    return found


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _flag(*, value: bool) -> str:
    return "true" if value else "false"
