"""What a collection channel is asked: the other direction of `channel`, answered in its words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from disbursement.channels.channel import OrderKey, Receipt
from kernel.money import Money
from kernel.personal import CardNumber, PersonName


@dataclass(frozen=True, slots=True, kw_only=True)
class Debit:
    """One collection to make."""

    key: OrderKey
    amount: Money
    card: CardNumber
    payer: PersonName


class CollectionChannel(Protocol):
    """A way to collect money from debit cards."""

    @property
    def name(self) -> str:
        """The channel's name, which is also its ledger account's second part."""
        ...

    def collect(self, debit: Debit) -> Receipt:
        """Ask for a collection once; whatever goes wrong is an unknown outcome."""
        ...

    def query(self, key: OrderKey) -> Receipt:
        """Ask where a collection stands; whatever goes wrong is an unknown outcome."""
        ...
