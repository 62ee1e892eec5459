"""Orders: what the floor above hands down when a debtor has signed. Frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from disbursement.issuer_answers import AccountType
from disbursement.schedule.contract import Penalty
from kernel.clock import require_aware
from kernel.money import Money
from kernel.personal import CardNumber, PersonName
from kernel.rates import Rate
from kernel.sealing import Sealed


@dataclass(frozen=True, slots=True, kw_only=True)
class LegOrder:
    """One card to clear."""

    card_ref: UUID
    issuer_code: str
    card: Sealed[CardNumber]
    payee: Sealed[PersonName]
    """The card's holder: the debtor himself."""
    ceiling: Money
    """The most the debtor signed for."""
    account_type: AccountType | None = None
    """What the issuer said the card is, when it was asked; it is asked again before sending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanOrder:
    """One signed loan: who lends what to whom, and which cards are cleared by it."""

    order_id: UUID
    application_ref: UUID
    debtor_ref: UUID
    funder_code: str
    product_code: str
    product_version: int
    months: int
    annual_rate: Rate
    legs: tuple[LegOrder, ...]
    contract_sha256: str
    """Of the signed contract, 64 hex digits."""
    signed_at: datetime
    penalty: Penalty | None = None
    """What the contract says about paying late; None is the house's terms on the day it was signed."""

    def __post_init__(self) -> None:
        require_aware(self.signed_at)
