"""What a payout channel is asked and what it says, in our own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable

from disbursement.channels.signing import Term
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


class Unreadable(Exception):
    """A file that came, or that is about to leave, is not what it must be; nothing is quoted."""


class NotReady(Exception):
    """The channel has not made the settlement file of the day yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchKey:
    """How a channel knows a batch: our number and the second it was made."""

    number: str
    """32 letters or digits."""
    sent_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """One payment as it stands in the bytes of a file that is about to be uploaded."""

    order_no: str
    amount: Money
    card: CardNumber
    payee: PersonName


class BatchOutcome(StrEnum):
    """Where a batch stands, as far as an answer tells."""

    ACCEPTED = "accepted"
    """Taken and not worked through yet."""
    ANSWERED = "answered"
    """Worked through; each row has its own receipt, or none when the channel cannot say."""
    REJECTED = "rejected"
    """Refused whole and for good: no row of it is paid."""
    ABSENT = "absent"
    """The channel says that it knows no such batch; that is unknown, not a rejection."""
    USED_UP = "used_up"
    """The batch may not be asked about any more; its rows may."""
    UNKNOWN = "unknown"
    """The answer says nothing that could be relied on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchAnswer:
    """One answer about one batch."""

    outcome: BatchOutcome
    text: str
    """How the answer was read, in a few words of ours."""
    code: str | None = None
    """The channel's own code; None when nothing reliable came."""
    rows: Mapping[str, Receipt] = field(default_factory=dict)
    """By order number; a row that is not decided is left out."""
    exchange: Exchange | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """One payment that a channel lists among those that came back on a day."""

    order_no: str
    amount: Money
    returned_on: date
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnsOfDay:
    """All that came back on a day, as far as the channel knows when it is asked."""

    items: tuple[Returned, ...]
    exchange: Exchange


@runtime_checkable
class PayoutChannel(Protocol):
    """A way to pay money out to cards. What more a channel can do, it says by its methods."""

    @property
    def name(self) -> str:
        """The channel's name, which is also its ledger accounts' second part."""
        ...

    @property
    def key_terms(self) -> tuple[Term, ...]:
        """How long each key in use may be used."""
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


@runtime_checkable
class TellsReturns(PayoutChannel, Protocol):
    """A channel that lists what came back on a day."""

    def fetch_returns(self, day: date) -> ReturnsOfDay:
        """List what came back on a day.

        Raises:
            NotReady: the day has not begun for the channel.
            NoAnswer: nobody knows.
            Garbled: the answer cannot be read.
        """
        ...


@runtime_checkable
class TakesBatches(PayoutChannel, Protocol):
    """A channel that takes many payments in one file."""

    @property
    def rows_max(self) -> int:
        """The most rows that one file may have."""
        ...

    @property
    def first_ask(self) -> timedelta:
        """How long after the upload the result is first asked for."""
        ...

    def write(self, key: BatchKey, instructions: Sequence[Instruction]) -> bytes:
        """Write the file that is to be uploaded."""
        ...

    def read_back(self, content: bytes) -> tuple[BatchRow, ...]:
        """Read the very bytes that are to be uploaded, as the channel will.

        Raises:
            Unreadable: they are no such file, or its totals are not those of its rows.
        """
        ...

    def upload(self, key: BatchKey, content: bytes) -> BatchAnswer:
        """Upload a file once; whatever goes wrong is an unknown outcome."""
        ...

    def ask(self, key: BatchKey) -> BatchAnswer:
        """Ask for the result of a batch; whatever goes wrong is an unknown outcome."""
        ...
