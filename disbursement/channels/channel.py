"""What a payout channel is asked and what it says, in our own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from disbursement.records.payouts import EvidenceKind
from kernel.money import Money
from kernel.personal import CardNumber, PersonName


class Outcome(StrEnum):
    """Where a payment stands, as far as an answer tells."""

    PAID = "paid"
    REFUSED = "refused"
    """For good: no money leaves under this order number."""
    ACCEPTED = "accepted"
    """Taken and not decided."""
    UNKNOWN = "unknown"
    """The answer says nothing that could be relied on."""
    RETURNED = "returned"
    """It was paid, and the money came back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderKey:
    """How a channel knows a payment: our number and the second it was made."""

    order_no: str
    """32 letters or digits."""
    txn_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One payment to make."""

    key: OrderKey
    amount: Money
    card: CardNumber
    payee: PersonName


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One exchange as it was, fit to be kept: no card number, no name."""

    kind: EvidenceKind
    order_no: str | None
    """As the message claims."""
    is_genuine: bool
    """Whether what came bore the channel's signature and spoke of what was asked."""
    verdict: str
    """How it was read."""
    request: str
    reply: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One answer about one payment."""

    outcome: Outcome
    text: str
    """How the answer was read, in a few words of ours."""
    code: str | None = None
    """The channel's own code."""
    reference: str | None = None
    """The channel's own number of the payment."""
    amount: Money | None = None
    settle_day: date | None = None
    """The channel's settlement day of the payment."""
    returned_on: date | None = None
    """The channel's settlement day of the return."""
    is_absent: bool = False
    """The channel says that it knows no such order; that is unknown, not a refusal."""
    is_ours: bool = False
    """Refused for a reason on our side, such as money short; the card is fine."""
    exchange: Exchange | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message of the channel whose signature was verified; it only says what to ask about."""

    key: OrderKey
    code: str
    exchange: Exchange
    is_collection: bool = False
    """Whether it is about money that comes in."""


class ForgedNotice(Exception):
    """A message that is not the channel's, or not about our merchant."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange.verdict)
        self.exchange = exchange


class NotReady(Exception):
    """The channel has not made the settlement file of the day yet."""


class PayoutChannel(Protocol):
    """A way to pay money out to cards."""

    @property
    def name(self) -> str:
        """The channel's name, which is also its ledger accounts' second part."""
        ...

    def pay(self, instruction: Instruction) -> Receipt:
        """Ask for a payment once; whatever goes wrong is an unknown outcome, never an exception."""
        ...

    def query(self, key: OrderKey) -> Receipt:
        """Ask where a payment stands; whatever goes wrong is an unknown outcome."""
        ...

    def read_notice(self, form: Mapping[str, str]) -> Notice:
        """Read a message of the channel.

        Raises:
            ForgedNotice: it is not the channel's, or not about our merchant.
        """
        ...

    def fetch_settlement(self, day: date) -> bytes:
        """Fetch the settlement archive of a day.

        Raises:
            NotReady: the channel has not made it yet.
            NoAnswer: nobody knows.
            Garbled: the answer cannot be read.
        """
        ...
