"""A debtor of the demo: who he is, what the bureau knows of him, and what he owes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from kernel.money import Money
from kernel.personal import CardNumber, Mobile, NationalId, PersonName


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A delinquent credit card as its issuer keeps it."""

    number: CardNumber
    issuer_code: str
    balance: Money
    credit_limit: Money
    minimum_due: Money
    past_due: Money
    days_past_due: int
    daily_rate: Decimal
    offer: Mapping[str, str | int] | None
    """The issuer's own instalment offer, as the issuer would answer it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One debtor with figures, real or simulated, and his later outcome if it is known."""

    reference: str
    name: PersonName
    national_id: NationalId
    mobile: Mobile
    month: date
    """First day of the month he applies in, in the source's own calendar."""
    purpose: str
    figures: Mapping[str, Decimal | None]
    monthly_income: Money | None
    income_is_proven: bool
    employment_months: int
    essential_costs: Money
    cards: tuple[Card, ...]
    watchlisted: bool
    turned_bad: bool | None
    """What became of the loan he got elsewhere; never shown to the model that judges him."""
