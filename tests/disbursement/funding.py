"""Money that comes to a funder's account and leaves it, as entries."""

from __future__ import annotations

from uuid import UUID

from disbursement import accounts, ledger
from disbursement.ledger import Posting
from kernel import ids
from kernel.money import Money
from tests.disbursement import builders as make


def deposit(session, amount: str) -> None:
    """Book money that the funder paid in."""
    ledger.post(
        session,
        Posting(
            id=ids.new(),
            debit=accounts.funding_bank("hxcf"),
            credit=accounts.capital("hxcf"),
            amount=Money.yuan(amount),
            reason="capital paid in",
            event_ref=UUID(int=1),
            value_date=make.TEN.date(),
        ),
        at=make.TEN,
    )


def draw(session, amount: str) -> None:
    """Book money that leaves the funder's account for the channel."""
    ledger.post(
        session,
        Posting(
            id=ids.derived(UUID(int=6), amount),
            debit=accounts.in_transit("unionpay"),
            credit=accounts.funding_bank("hxcf"),
            amount=Money.yuan(amount),
            reason="cleared",
            event_ref=UUID(int=6),
            value_date=make.TEN.date(),
        ),
        at=make.TEN,
    )
