"""Payoff quotes: keeping what issuers said, and telling how long it holds."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement.issuer_answers import QuotedPayoff
from disbursement.records.quotes import PayoffQuote
from kernel import ids

CLOCK_SKEW: Final = timedelta(minutes=5)
"""By how much an issuer's clock may run ahead of ours."""


def record(
    session: Session, *, card_ref: UUID, issuer_code: str, quoted: QuotedPayoff, at: datetime
) -> PayoffQuote:
    """Keep an issuer's quote for a card."""
    quote = PayoffQuote(
        id=ids.new(),
        card_ref=card_ref,
        issuer_code=issuer_code,
        amount=quoted.amount,
        as_of=quoted.as_of,
        valid_until=quoted.valid_until,
        per_diem=quoted.per_diem,
        minimum_due=quoted.minimum_due,
        past_due=quoted.past_due,
        days_past_due=quoted.days_past_due,
        credit_limit=quoted.credit_limit,
        daily_rate=quoted.daily_rate,
        reference=quoted.reference,
        fetched_at=at,
    )
    session.add(quote)
    session.flush()
    return quote


def latest(session: Session, card_ref: UUID) -> PayoffQuote | None:
    """Find the quote that was fetched last for a card."""
    return session.scalar(
        select(PayoffQuote)
        .where(PayoffQuote.card_ref == card_ref)
        .order_by(PayoffQuote.fetched_at.desc(), PayoffQuote.id.desc())
        .limit(1)
    )


def is_fresh(quote: PayoffQuote | QuotedPayoff, at: datetime) -> bool:
    """Tell whether paying the quoted amount at this time still clears the card."""
    return quote.as_of - CLOCK_SKEW <= at <= quote.valid_until
