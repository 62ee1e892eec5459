"""A card at its issuer: what is owed on a credit card, or lies on a debit card, at a given time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from sandbox import amounts

QUOTES_KEPT_MAX: Final = 16
"""Quotes remembered per card; the oldest is forgotten first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A payoff figure that clears the account while it is valid."""

    fen: int
    issued_at: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """A payout that reached the card, and perhaps left it again."""

    fen: int
    posted_at: datetime
    returned_at: datetime | None
    clears: bool
    """It paid a valid quote, so it settles whatever is owed when it posts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """Money taken from a debit card, and perhaps given back."""

    fen: int
    returned_at: datetime | None


@dataclass(slots=True, kw_only=True)
class Card:
    """A card account as its issuer keeps it; amounts in fen.

    The balance is what is owed on a credit card, and what lies on a debit card.
    """

    number: str
    holder_id: str
    holder: str
    issuer_code: str
    account_type: str
    state: str
    balance_fen: int
    minimum_due_fen: int
    past_due_fen: int
    days_past_due: int
    credit_limit_fen: int
    daily_rate: Decimal
    as_of: date
    instalment_offer: Mapping[str, object] | None
    postings: list[Posting] = field(default_factory=list)
    quotes: list[Quote] = field(default_factory=list)
    draws: list[Draw] = field(default_factory=list)

    def draw(self, *, fen: int, returned_at: datetime | None) -> None:
        """Take money from a debit card; it is gone from now until it is given back."""
        self.draws.append(Draw(fen=fen, returned_at=returned_at))

    def available_fen(self, at: datetime) -> int:
        """Tell what lies on a debit card."""
        gone = (one for one in self.draws if one.returned_at is None or one.returned_at > at)
        return self.balance_fen - sum(one.fen for one in gone)

    def remember(self, quote: Quote) -> None:
        """Keep a quote, so that paying it clears the account."""
        self.quotes.append(quote)
        del self.quotes[:-QUOTES_KEPT_MAX]

    def post(self, *, fen: int, posted_at: datetime, returned_at: datetime | None) -> None:
        """Take in a payout that will reach the card at `posted_at`."""
        clears = any(
            quote.fen == fen and quote.issued_at <= posted_at <= quote.valid_until
            for quote in self.quotes
        )
        self.postings.append(
            Posting(fen=fen, posted_at=posted_at, returned_at=returned_at, clears=clears)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is owed on a card at one time; amounts in fen, negative when overpaid."""

    owed_fen: int
    per_diem_fen: int
    last_payment: Posting | None


def standing(card: Card, at: datetime) -> Standing:
    """Tell what is owed: the balance, plus a per diem for each day, less what was posted.

    The per diem is the balance × the daily rate, half up; it does not compound, but starts anew
    from what is left whenever a payout posts or is given back.
    """
    base, since = card.balance_fen, card.as_of
    settled: dict[int, int] = {}
    last_payment: Posting | None = None
    for moment, position, posting in _events(card, at):
        owed = base + _interest(base, card.daily_rate, since, moment.date())
        if position in settled:
            base = owed + settled.pop(position)
        else:
            paid = owed if posting.clears and owed >= posting.fen else posting.fen
            settled[position] = paid
            base = owed - paid
        since = max(since, moment.date())
    for position in settled:
        if last_payment is None or card.postings[position].posted_at >= last_payment.posted_at:
            last_payment = card.postings[position]
    return Standing(
        owed_fen=base + _interest(base, card.daily_rate, since, at.date()),
        per_diem_fen=_per_diem(base, card.daily_rate),
        last_payment=last_payment,
    )


def _events(card: Card, until: datetime) -> Iterator[tuple[datetime, int, Posting]]:
    """Yield each posting, and again when it is given back, in order of time."""
    events: list[tuple[datetime, int, Posting]] = []
    for position, posting in enumerate(card.postings):
        events.append((posting.posted_at, position, posting))
        if posting.returned_at is not None:
            events.append((posting.returned_at, position, posting))
    events.sort(key=lambda event: event[:2])
    return (event for event in events if event[0] <= until)


def _interest(base: int, daily_rate: Decimal, since: date, until: date) -> int:
    return _per_diem(base, daily_rate) * max(0, (until - since).days)


def _per_diem(base: int, daily_rate: Decimal) -> int:
    return amounts.share(base, daily_rate) if base > 0 else 0
