"""Plain builders: a debtor who is easily approved, and everything that can be changed about him."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from disbursement.issuer_answers import QuotedPayoff
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
from underwriting.inquiries import Answer, CardQuote, Gathered

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


class Says:
    """A scorer that gives one probability of default and one set of contributions."""

    def __init__(
        self, pd: str, contributions: dict[str, str] | None = None, *, bound: str | None = None
    ) -> None:
        self.model_id = "says"
        self._pd = Decimal(pd)
        self._bound = Decimal(bound or pd)
        self._parts = {"inquiries_12m": "0.4", "annual_income": "-0.2"} | (contributions or {})

    def pd(self, figures) -> Decimal:
        return self._pd

    def bound(self, pd) -> Decimal:
        return self._bound

    def contributions(self, figures) -> tuple[tuple[str, Decimal], ...]:
        return tuple((name, Decimal(part)) for name, part in self._parts.items())


class MustNotScore:
    """A scorer that nobody may ask."""

    model_id = "nobody"

    def pd(self, figures) -> Decimal:
        raise AssertionError("the rules had decided already")

    def bound(self, pd) -> Decimal:
        raise AssertionError("the rules had decided already")

    def contributions(self, figures) -> tuple[tuple[str, Decimal], ...]:
        raise AssertionError("no contributions were needed")


def answer(source: str = "bureau", reference: str = "CR0001") -> Answer:
    return Answer(source=source, reference=reference, body=b'{"figures":{}}', asked_at=AT)


def gathered(told: Dossier | None = None) -> Gathered:
    told = told or dossier()
    return Gathered(
        dossier=told,
        evidence=(answer("bureau", "CR0001"), answer("income", "IP0001")),
        quotes=tuple(
            CardQuote(
                card_ref=card.card_ref,
                issuer_code=card.issuer_code,
                payoff=QuotedPayoff(
                    **{
                        field.name: getattr(card.quote, field.name)
                        for field in fields(QuotedPayoff)
                    }
                ),
            )
            for card in told.cards
            if card.quote is not None
        ),
    )
