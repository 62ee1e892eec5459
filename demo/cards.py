"""Generate the cards a debt is spread over; every number made here is printed as generated."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Final

from demo import identities
from demo.people import Card
from kernel.money import Money

DAILY_RATE: Final = Decimal("0.0005")
"""0.05 % a day, the usual revolving rate of a card."""
MINIMUM_SHARES: Final = (Decimal("0.05"), Decimal("0.05"), Decimal("0.10"))
"""Shares of the balance that issuers ask for each month."""
CARDS_MAX: Final = 12
DAYS_PAST_DUE: Final = (31, 150)
OFFER_SHARE: Final = 0.3
"""How often an issuer offers instalments of its own."""
OFFER_MONTHLY_FEE: Final = Decimal("0.0075")
ISSUERS: Final = (
    "ICBC", "CCB", "CMB", "BOC", "ABC", "COMM", "CITIC", "SPDB", "CEB", "CMBC", "GDB", "CIB",
    "SPABANK", "PSBC", "HXBANK",
)  # fmt: skip


def spread(balances: Sequence[Money], random: Random) -> tuple[Card, ...]:
    """Make one delinquent card of a different issuer for each balance."""
    issuers = random.sample(ISSUERS, len(balances))
    return tuple(
        make(balance, issuer, random) for balance, issuer in zip(balances, issuers, strict=True)
    )


def make(balance: Money, issuer_code: str, random: Random) -> Card:
    """Make a delinquent card that owes a balance."""
    minimum = max(balance.times(random.choice(MINIMUM_SHARES)), min(balance, Money.yuan("100")))
    days = random.randint(*DAYS_PAST_DUE)
    missed = min(days // 30, 6)
    return Card(
        number=identities.card_number(random, issuer_code),
        issuer_code=issuer_code,
        balance=balance,
        credit_limit=balance.times(Decimal(random.randint(105, 180)).scaleb(-2)),
        minimum_due=minimum,
        past_due=min(balance, Money(minimum.fen * missed)),
        days_past_due=days,
        daily_rate=DAILY_RATE,
        offer=_offer(balance) if random.random() < OFFER_SHARE else None,
    )


def split(total: Money, largest: Money | None) -> list[Money]:
    """Split a revolving balance over cards of which the largest owes `largest`.

    Without a usable largest balance the whole debt lies on one card. What twelve cards of the
    largest size cannot hold is put on the first one.

    >>> split(Money.yuan("10000"), Money.yuan("4000"))
    [Money('4000.00'), Money('4000.00'), Money('2000.00')]
    """
    if largest is None or not Money(0) < largest < total:
        return [total]
    balances = [largest] * min(total.fen // largest.fen, CARDS_MAX)
    rest = total - Money.total(balances)
    if rest and len(balances) < CARDS_MAX:
        balances.append(rest)
    elif rest:
        balances[0] += rest
    return balances


def _offer(balance: Money) -> dict[str, str | int]:
    months = 24
    fees = Money(balance.times(OFFER_MONTHLY_FEE).fen * months)
    return {
        "months": months,
        "monthly_fee_rate": str(OFFER_MONTHLY_FEE),
        "monthly_payment": str(Money((balance + fees).fen // months)),
        "total_cost": str(fees),
    }
