"""The dossier: everything that one assessment knows, frozen at one instant.

It holds no name, number or address: the debtor is an application reference, a card is a card
reference. Whatever a decision reads is in here, so the decision can be retold from its bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from kernel.money import Money
from kernel.rates import Rate
from underwriting import bureau_file, canonical
from underwriting.bureau_file import NOTHING_TOLD, BureauFile
from underwriting.canonical import (
    Unreadable,
    decimal_text,
    instant_text,
    read_decimal,
    read_flag,
    read_instant,
    read_text,
    read_whole,
)

FORMAT: Final = 1
"""Version of the spelling; a reader refuses one it does not know."""
FORMAT_WITH_FILE: Final = 2
"""The same and the bureau's file event by event; only where the bureau told any of it, so that
a dossier without has the bytes it always had."""

AGE_MAX: Final = 150
MONTHS_MAX: Final = 1_200
DAYS_MAX: Final = 36_500
TERM_MAX: Final = 360
VERSION_MAX: Final = 1_000_000

_DOSSIER_FAULTS: Final = (KeyError, TypeError, ValueError, AttributeError, InvalidOperation)


class Purpose(StrEnum):
    """What the debtor says the loan is for; both pay cards and nothing else."""

    CARD_DEBT = "card_debt"
    CONSOLIDATION = "consolidation"
    """Several debts are to become one."""


class AccountType(StrEnum):
    """What kind of account the issuer says a card number is."""

    CREDIT = "credit"
    DEBIT = "debit"
    PREPAID = "prepaid"
    UNKNOWN = "unknown"
    """The issuer knows no such account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What the issuer said would clear a card."""

    amount: Money
    as_of: datetime
    valid_until: datetime
    per_diem: Money
    """Growth of the amount a day."""
    minimum_due: Money
    past_due: Money
    days_past_due: int
    credit_limit: Money
    daily_rate: Decimal
    """A fraction: ``Decimal("0.0005")`` is 0.05 % a day."""
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalmentOffer:
    """The issuer's own instalment plan for a card."""

    months: int
    monthly_payment: Money
    total_cost: Money
    """Everything paid above the balance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardDebt:
    """One card as its issuer answered about it."""

    card_ref: UUID
    issuer_code: str
    account_type: AccountType
    payable: bool
    name_matches: bool
    quote: Quote | None
    """None when the account cannot be paid, so nobody asked."""
    offer: InstalmentOffer | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LenderTerms:
    """The lender of record and what its product allows on the day of the dossier."""

    funder_code: str
    issuer_code: str | None
    """Its code as a card issuer, when it issues cards itself."""
    product_version: int
    annual_cap: Rate
    months: tuple[int, ...]
    principal_min: Money
    principal_max: Money
    """The lower of the product's and the law's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchlistHit:
    """One entry on a list, by the name of the list."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """Everything one assessment knows at `as_of`."""

    application_ref: UUID
    as_of: datetime
    age: int
    """Full years."""
    purpose: Purpose
    stated_monthly_income: Money | None
    verified_monthly_income: Money | None
    income_source: str | None
    """Who verified the income; None when nobody did."""
    employment_months: int | None
    essential_costs: Money
    """A month, as stated."""
    identity_matches: bool
    deceased: bool
    watchlist_hits: tuple[WatchlistHit, ...]
    has_bureau_file: bool
    figures: Mapping[str, Decimal | None]
    """The bureau's figures by name; units as the features declare them."""
    cards: tuple[CardDebt, ...]
    lender: LenderTerms
    bureau_file: BureauFile = NOTHING_TOLD
    """Event by event, for features that are drawn from it."""

    def to_bytes(self) -> bytes:
        """Spell the dossier canonically."""
        if self.bureau_file.is_told:
            told = {"format": FORMAT_WITH_FILE, "bureau_file": self.bureau_file.plain()}
        else:
            told = {"format": FORMAT}
        return canonical.dump(
            {
                **told,
                "application_ref": str(self.application_ref),
                "as_of": instant_text(self.as_of),
                "age": self.age,
                "purpose": self.purpose.value,
                "stated_monthly_income": _text(self.stated_monthly_income),
                "verified_monthly_income": _text(self.verified_monthly_income),
                "income_source": self.income_source,
                "employment_months": self.employment_months,
                "essential_costs": str(self.essential_costs),
                "identity_matches": self.identity_matches,
                "deceased": self.deceased,
                "watchlist_hits": [
                    {"name": hit.name, "reason": hit.reason} for hit in self.watchlist_hits
                ],
                "has_bureau_file": self.has_bureau_file,
                "figures": {
                    name: None if value is None else decimal_text(value)
                    for name, value in self.figures.items()
                },
                "cards": [_card_plain(card) for card in self.cards],
                "lender": _lender_plain(self.lender),
            }
        )


def from_bytes(content: bytes) -> Dossier:
    """Read a dossier from its canonical spelling.

    Raises:
        Unreadable: the bytes are no dossier, or one of another format.
    """
    document = canonical.load(content)
    if document.get("format") not in (FORMAT, FORMAT_WITH_FILE):
        raise Unreadable("a dossier of a format that is not known here")
    try:
        return _dossier(document)
    except _DOSSIER_FAULTS as fault:
        raise Unreadable(
            f"a dossier lacks or misspells something: {type(fault).__name__}"
        ) from None


def _dossier(plain: Mapping[str, Any]) -> Dossier:
    return Dossier(
        application_ref=UUID(plain["application_ref"]),
        as_of=read_instant(plain["as_of"]),
        age=read_whole(plain["age"], most=AGE_MAX),
        purpose=Purpose(plain["purpose"]),
        stated_monthly_income=_money(plain["stated_monthly_income"]),
        verified_monthly_income=_money(plain["verified_monthly_income"]),
        income_source=None if plain["income_source"] is None else read_text(plain["income_source"]),
        employment_months=None
        if plain["employment_months"] is None
        else read_whole(plain["employment_months"], most=MONTHS_MAX),
        essential_costs=Money.yuan(plain["essential_costs"]),
        identity_matches=read_flag(plain["identity_matches"]),
        deceased=read_flag(plain["deceased"]),
        watchlist_hits=tuple(
            WatchlistHit(name=read_text(hit["name"]), reason=read_text(hit["reason"]))
            for hit in plain["watchlist_hits"]
        ),
        has_bureau_file=read_flag(plain["has_bureau_file"]),
        figures={
            name: None if value is None else read_decimal(value)
            for name, value in plain["figures"].items()
        },
        cards=tuple(_card(card) for card in plain["cards"]),
        lender=_lender(plain["lender"]),
        bureau_file=_bureau_file(plain),
    )


def _bureau_file(plain: Mapping[str, Any]) -> BureauFile:
    if plain["format"] == FORMAT:
        return NOTHING_TOLD
    told = bureau_file.read(plain["bureau_file"])
    if not told.is_told:
        raise ValueError("a dossier of this format has a list of the bureau's")
    return told


def _card_plain(card: CardDebt) -> dict[str, Any]:
    quote, offer = card.quote, card.offer
    return {
        "card_ref": str(card.card_ref),
        "issuer_code": card.issuer_code,
        "account_type": card.account_type.value,
        "payable": card.payable,
        "name_matches": card.name_matches,
        "quote": None
        if quote is None
        else {
            "amount": str(quote.amount),
            "as_of": instant_text(quote.as_of),
            "valid_until": instant_text(quote.valid_until),
            "per_diem": str(quote.per_diem),
            "minimum_due": str(quote.minimum_due),
            "past_due": str(quote.past_due),
            "days_past_due": quote.days_past_due,
            "credit_limit": str(quote.credit_limit),
            "daily_rate": decimal_text(quote.daily_rate),
            "reference": quote.reference,
        },
        "offer": None
        if offer is None
        else {
            "months": offer.months,
            "monthly_payment": str(offer.monthly_payment),
            "total_cost": str(offer.total_cost),
        },
    }


def _card(plain: Mapping[str, Any]) -> CardDebt:
    quote, offer = plain["quote"], plain["offer"]
    return CardDebt(
        card_ref=UUID(plain["card_ref"]),
        issuer_code=read_text(plain["issuer_code"]),
        account_type=AccountType(plain["account_type"]),
        payable=read_flag(plain["payable"]),
        name_matches=read_flag(plain["name_matches"]),
        quote=None
        if quote is None
        else Quote(
            amount=Money.yuan(quote["amount"]),
            as_of=read_instant(quote["as_of"]),
            valid_until=read_instant(quote["valid_until"]),
            per_diem=Money.yuan(quote["per_diem"]),
            minimum_due=Money.yuan(quote["minimum_due"]),
            past_due=Money.yuan(quote["past_due"]),
            days_past_due=read_whole(quote["days_past_due"], most=DAYS_MAX),
            credit_limit=Money.yuan(quote["credit_limit"]),
            daily_rate=read_decimal(quote["daily_rate"]),
            reference=read_text(quote["reference"]),
        ),
        offer=None
        if offer is None
        else InstalmentOffer(
            months=read_whole(offer["months"], most=MONTHS_MAX),
            monthly_payment=Money.yuan(offer["monthly_payment"]),
            total_cost=Money.yuan(offer["total_cost"]),
        ),
    )


def _lender_plain(lender: LenderTerms) -> dict[str, Any]:
    return {
        "funder_code": lender.funder_code,
        "issuer_code": lender.issuer_code,
        "product_version": lender.product_version,
        "annual_cap": str(lender.annual_cap),
        "months": list(lender.months),
        "principal_min": str(lender.principal_min),
        "principal_max": str(lender.principal_max),
    }


def _lender(plain: Mapping[str, Any]) -> LenderTerms:
    return LenderTerms(
        funder_code=read_text(plain["funder_code"]),
        issuer_code=None if plain["issuer_code"] is None else read_text(plain["issuer_code"]),
        product_version=read_whole(plain["product_version"], most=VERSION_MAX),
        annual_cap=Rate.percent(plain["annual_cap"]),
        months=_terms(plain["months"]),
        principal_min=Money.yuan(plain["principal_min"]),
        principal_max=Money.yuan(plain["principal_max"]),
    )


def _terms(plain: list[Any]) -> tuple[int, ...]:
    months = tuple(read_whole(each, most=TERM_MAX) for each in plain)
    if not months or min(months) < 1:
        raise ValueError("a lender has terms of a month and more")
    return months


def _text(amount: Money | None) -> str | None:
    return None if amount is None else str(amount)


def _money(text: str | None) -> Money | None:
    return None if text is None else Money.yuan(text)
