"""What a channel charges for a payment or a collection: agreed terms, as dated data."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final
from uuid import UUID

import polars as pl

from disbursement.matching.flows import FLOWS, PAYOUT, Flow
from kernel import ids
from kernel.money import Money

TERMS: Final = Path(__file__).parent / "fees.toml"
PARTS: Final = 1_000_000


class NoTermsInForce(LookupError):
    """Nothing was agreed with the channel for that day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeTerms:
    """A fixed sum for each payment and a share of its amount."""

    fixed: Money
    share_millionths: int
    """Of the amount, in millionths; rounded half-up to the fen."""

    def fee(self, amount: Money) -> Money:
        """Give the agreed fee of one payment.

        >>> FeeTerms(fixed=Money(100), share_millionths=500).fee(Money.yuan("9990.00"))
        Money('6.00')
        """
        return self.fixed + Money((amount.fen * self.share_millionths + PARTS // 2) // PARTS)

    def column(self, fen: str) -> pl.Expr:
        """Give the agreed fees, in fen, of a column of amounts."""
        share = (pl.col(fen) * self.share_millionths + PARTS // 2) // PARTS
        return share + self.fixed.fen


def agreed(channel: str, *, on: date, flow: Flow = PAYOUT) -> FeeTerms:
    """Give the terms of a channel for one way of the money in force on a day.

    Raises:
        NoTermsInForce: there are none.
    """
    for in_force, terms in reversed(_terms(channel, flow.name)):
        if in_force <= on:
            return terms
    raise NoTermsInForce(f"no terms with {channel} for a {flow.name} are in force on {on}")


def booking_id(order_id: UUID) -> UUID:
    """Give the identity of the transfer that books the fee of an order."""
    return ids.derived(order_id, "fee")


def flows(channel: str, *, on: date) -> tuple[Flow, ...]:
    """Tell which ways of the money were agreed with a channel by a day."""
    return tuple(
        flow for flow in FLOWS if any(in_force <= on for in_force, _ in _terms(channel, flow.name))
    )


@cache
def _terms(channel: str, flow: str) -> tuple[tuple[date, FeeTerms], ...]:
    parsed = tomllib.loads(TERMS.read_text(encoding="utf-8"))
    found = [
        (
            row["in_force"],
            FeeTerms(
                fixed=Money.yuan(row["fixed"]),
                share_millionths=int(Decimal(row["share"]) * PARTS),
            ),
        )
        for row in parsed["terms"]
        if (row["channel"], row["flow"]) == (channel, flow)
    ]
    return tuple(sorted(found, key=lambda pair: pair[0]))
