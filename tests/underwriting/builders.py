"""Plain builders: a debtor who is easily approved, and everything that can be changed about him."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from kernel.clock import shanghai
from kernel.money import Money
from kernel.rates import Rate
from underwriting.dossier import (
    AccountType,
    CardDebt,
    Dossier,
    InstalmentOffer,
    LenderTerms,
    Purpose,
    Quote,
    WatchlistHit,
)

AT = shanghai(date(2026, 11, 20), 10)
APPLICATION = UUID("0192aaaa-0000-7000-8000-000000000001")


def yuan(text: str) -> Money:
    return Money.yuan(text)


def ref(number: int) -> UUID:
    return UUID(int=number)


def quote(amount: str = "10000.00", *, minimum_due: str | None = None, **changes) -> Quote:
    owed = yuan(amount)
    facts = {
        "amount": owed,
        "as_of": AT,
        "valid_until": AT + timedelta(days=3),
        "per_diem": owed.times(Decimal("0.0005")),
        "minimum_due": owed.times(Decimal("0.10")) if minimum_due is None else yuan(minimum_due),
        "past_due": Money(0),
        "days_past_due": 0,
        "credit_limit": yuan("30000.00"),
        "daily_rate": Decimal("0.0005"),
        "reference": "PQ000001",
    }
    return Quote(**{**facts, **changes})


def offer(months: int, monthly: str, cost: str) -> InstalmentOffer:
    return InstalmentOffer(months=months, monthly_payment=yuan(monthly), total_cost=yuan(cost))


def card(number: int = 1, amount: str = "10000.00", **changes) -> CardDebt:
    facts = {
        "card_ref": ref(number),
        "issuer_code": "CMB",
        "account_type": AccountType.CREDIT,
        "payable": True,
        "name_matches": True,
        "quote": quote(amount),
        "offer": None,
    }
    return CardDebt(**{**facts, **changes})


def lender(**changes) -> LenderTerms:
    facts = {
        "funder_code": "XDCF",
        "issuer_code": None,
        "product_version": 1,
        "annual_cap": Rate.percent("24.00"),
        "months": (12, 24, 36),
        "principal_min": yuan("500.00"),
        "principal_max": yuan("200000.00"),
    }
    return LenderTerms(**{**facts, **changes})


def hit(name: str) -> WatchlistHit:
    return WatchlistHit(name=name, reason="listed")


def dossier(**changes) -> Dossier:
    facts = {
        "application_ref": APPLICATION,
        "as_of": AT,
        "age": 34,
        "purpose": Purpose.CARD_DEBT,
        "stated_monthly_income": yuan("8000.00"),
        "verified_monthly_income": yuan("8000.00"),
        "income_source": "social_insurance",
        "employment_months": 60,
        "essential_costs": yuan("2500.00"),
        "identity_matches": True,
        "deceased": False,
        "watchlist_hits": (),
        "has_bureau_file": True,
        "figures": {
            "inquiries_12m": Decimal(2),
            "debt_to_income_pct": Decimal("15.5"),
            "card_utilisation_pct": Decimal("47.2"),
            "months_since_oldest_instalment": None,
        },
        "cards": (card(),),
        "lender": lender(),
    }
    return Dossier(**{**facts, **changes})
