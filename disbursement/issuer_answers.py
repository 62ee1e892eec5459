"""What card issuers say, as frozen values that any verb may be given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from kernel.money import Money


class AccountType(StrEnum):
    """What an issuer says a card is; only a credit card is ever paid."""

    CREDIT = "credit"
    DEBIT = "debit"
    PREPAID = "prepaid"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCheck:
    """What an issuer says a card is, and whether the name is its holder's."""

    payable: bool
    account_type: AccountType
    state: str
    name_matches: bool
    issuer_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotedPayoff:
    """What clears a card when it posts by `valid_until`."""

    reference: str
    amount: Money
    as_of: datetime
    valid_until: datetime
    per_diem: Money
    minimum_due: Money
    past_due: Money
    days_past_due: int
    credit_limit: Money
    daily_rate: Decimal
    """A fraction: 0.0005 is 0.05 % a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalmentOffer:
    """The issuer's own offer to spread the debt."""

    months: int
    monthly_fee_rate: Decimal
    """A fraction of the first amount, each month."""
    monthly_payment: Money
    total_cost: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class LastPayment:
    """The latest payment an issuer posted to a card."""

    amount: Money
    posted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CardBalance:
    """What is owed on a card; below zero when it was overpaid."""

    balance: Money
    as_of: datetime
    last_payment: LastPayment | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementLetter:
    """An issuer's certificate that nothing is owed (结清证明)."""

    letter_no: str
    settled_on: date
    amount: Money
    text: str
