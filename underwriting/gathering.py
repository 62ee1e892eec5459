"""Gathering: asking every source about one application, with nothing open and nothing locked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from disbursement.issuers import QuotedPayoff
from underwriting.dossier import Dossier


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
