"""What the sources are asked about one application, and what they answered, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from disbursement.issuer_answers import QuotedPayoff
from kernel.money import Money
from kernel.personal import CardNumber, Mobile, NationalId, PersonName
from underwriting.dossier import Dossier, LenderTerms, Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whom the sources are asked about; every part shows itself masked."""

    national_id: NationalId
    name: PersonName
    mobile: Mobile


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedCard:
    """A card that the debtor entered, with its number opened for the issuer's eyes."""

    card_ref: UUID
    issuer_code: str
    number: CardNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentRequest:
    """What an application brings to its assessment."""

    application_ref: UUID
    person: Person
    identity_matches: bool
    deceased: bool
    authorisation_no: str
    """Of the debtor's consent to a bureau query."""
    purpose: Purpose
    stated_monthly_income: Money | None
    employment_months: int | None
    """As stated; what an income proof says goes before it."""
    essential_costs: Money
    cards: tuple[AskedCard, ...]
    lender: LenderTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one source said, without personal data, for the record."""

    source: str
    reference: str
    body: bytes
    """Canonical."""
    asked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CardQuote:
    """An issuer's quote for one card."""

    card_ref: UUID
    issuer_code: str
    payoff: QuotedPayoff


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The dossier, and what it was made from."""

    dossier: Dossier
    evidence: tuple[Answer, ...]
    quotes: tuple[CardQuote, ...]
