"""What the sources are asked about one application, and what they answered, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
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


class LinkKind(StrEnum):
    """What two applications may have in common."""

    NATIONAL_ID = "national_id"
    """The same person."""
    MOBILE = "mobile"
    DEVICE = "device"
    """The browser that submitted, by a random cookie of our own."""
    CARD = "card"
    """A card whose debt is to be cleared."""
    REPAYMENT_CARD = "repayment_card"
    """The card a loan is collected from."""
    COLLECTOR = "collector"
    """Whoever at the agency referred the debtor, by the agency's own number."""
    AGENCY = "agency"
    TEXT = "text"
    """A part of the signature of a hardship text: nearly equal texts share one."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class SharedKey:
    """One thing an application may share with others, as a keyed digest; never a plain value."""

    kind: LinkKind
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferredCase:
    """What the agency said of the case: for watching it, and for a person's look at a large gap."""

    agency: str
    """The agency's code."""
    stated_balance: Money | None
    """What the agency says is owed on the referred card."""
    stated_card_ref: UUID | None
    """The card of the application that the agency referred, when the debtor entered it."""
    hardship_signature: bytes | None
    """Of the hardship text, which is kept nowhere; None when there was none or a short one."""


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
    links: tuple[SharedKey, ...] = ()
    case: ReferredCase | None = None
    ring: Mapping[str, Decimal] = field(default_factory=dict)
    """Figures of the graph around the application, by name; see `underwriting/graph`."""


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
