"""What can differ between the books, the channel's file and the bank."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kernel.money import Money


class BreakKind(StrEnum):
    """The kinds of difference, which decide who must do what about them."""

    OURS_ONLY = "ours_only"
    """Paid by the books, and every file that could hold it does not."""
    CHANNEL_ONLY = "channel_only"
    """Paid or collected by the channel, and the books do not know it."""
    AMOUNT = "amount"
    STATUS = "status"
    """The books say failed or undecided, the channel says paid."""
    UNRESOLVED = "unresolved"
    """Undecided in the books, and no file knows it yet."""
    PAID_TWICE = "paid_twice"
    """One order number, two payments of the channel's."""
    DUPLICATE_ROW = "duplicate_row"
    """One payment of the channel's, listed twice."""
    RETURNED = "returned"
    """Money came back after a success."""
    RETURN_UNKNOWN = "return_unknown"
    """Money came back for a payment that the books do not know, or do not have as paid."""
    RE_PRESENTED = "re_presented"
    """A return listed again, or a payment that went out again after its return."""
    CUTOFF = "cutoff"
    """Settled on another day than expected."""
    FEE = "fee"
    """Not the fee that was agreed."""
    NET_OF_FEE = "net_of_fee"
    """Fee and principal were moved in one sum."""
    PAYEE = "payee"
    """The channel paid, or debited, another card than the order's."""
    UNKNOWN_ROW = "unknown_row"
    """A line of the file that is neither a payment nor a return."""
    BANK_TOTAL = "bank_total"
    """The bank moved another sum than the file's rows give."""
    BANK_ONLY = "bank_only"
    """A line of the bank statement that nothing explains."""
    FUNDING = "funding"
    """A deposit that only the bank, or only the books, know."""
    TRANSFER = "transfer"
    """Money somebody transferred to us, and nobody knows for which loan."""
    VALUE_DATE = "value_date"
    """The bank's value date is not the day of posting, or not the settlement day."""
    BALANCE = "balance"
    """The account moved otherwise than the books, and no other difference explains it."""
    FILE_MISSING = "file_missing"
    FILE_HELD = "file_held"
    """A second file for a day that has one, or a file for a day that is signed."""
    FILE_REFUSED = "file_refused"


HOLDING = frozenset({BreakKind.AMOUNT, BreakKind.PAYEE, BreakKind.CUTOFF, BreakKind.NET_OF_FEE})
"""Kinds that keep an otherwise certain pair apart until two persons let the books stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference, named so that finding it again gives the same name."""

    kind: BreakKind
    subject: str
    """What it is about: an order number, a bank reference, a file. No personal data."""
    detail: str
    """One sentence for a person."""
    needs_person: bool = True
    """False when what was found settles it at once, so that it is only written down."""
    leg: int | None = None
    row: int | None = None
    line: int | None = None
    """Numbers of the leg, file row and bank line within the tables compared."""
    ours: Money | None = None
    theirs: Money | None = None
