"""Matching by sums: the channel's day against the bank's lines, and deposits against the books.

The channel settles a day by one line for what it paid, one for its fees and one for what came
back; their references name the day (docs/sandbox.md). A bank may also show payments one by one,
under our order number or the channel's.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from disbursement.matching.kinds import BreakKind, Difference
from disbursement.matching.one_by_one import NO_ITEMS, ItemSums
from disbursement.matching.tables import BankEntry
from disbursement.statements.lines import Direction
from kernel.money import ZERO, Money

_REFERENCE: Final = re.compile(r"(SETTLE|FEE|RETURN|FUND)(\d{4})(\d{2})(\d{2})(\d*)", re.ASCII)


class Purpose(StrEnum):
    """What the reference of a bank line says the money moved for."""

    SETTLE = "SETTLE"
    FEE = "FEE"
    RETURN = "RETURN"
    FUND = "FUND"


_DIRECTIONS: Final = {
    Purpose.SETTLE: Direction.OUT,
    Purpose.FEE: Direction.OUT,
    Purpose.RETURN: Direction.IN,
    Purpose.FUND: Direction.IN,
}


class Told(NamedTuple):
    """What a reference says: the purpose and the day it belongs to."""

    purpose: Purpose
    day: date


def told(entry: BankEntry) -> Told | None:
    """Read a bank line's reference; None when it is not one of the four, or moves the wrong way."""
    found = _REFERENCE.fullmatch(entry.reference)
    if found is None:
        return None
    purpose = Purpose(found[1])
    if _DIRECTIONS[purpose] is not entry.direction or (found[5] and purpose is not Purpose.FUND):
        return None
    try:
        return Told(purpose, date(int(found[2]), int(found[3]), int(found[4])))
    except ValueError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the channel's file of a day says the bank must have moved."""

    day: date
    paid: Money
    paid_by_books: Money
    """The same rows, at the amounts of the legs they belong to where these differ."""
    fees: Money
    returned: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Tie:
    """Whether the bank moved what the day's file says."""

    paid: bool
    fees: bool
    returned: bool
    differences: tuple[Difference, ...]

    @property
    def sides(self) -> dict[Purpose, bool]:
        """Tell by purpose whether it ties."""
        return {
            Purpose.SETTLE: self.paid,
            Purpose.FEE: self.fees,
            Purpose.RETURN: self.returned,
        }


def tie(entries: Sequence[BankEntry], expected: Expected, *, items: ItemSums = NO_ITEMS) -> Tie:
    """Compare the bank's lines of a settlement day with what its file says.

    `entries` name the day by their references; `items` is what lines that name single payments
    add up to.
    """
    sums = {Purpose.SETTLE: items.paid, Purpose.FEE: ZERO, Purpose.RETURN: items.returned}
    for entry in entries:
        known = told(entry)
        assert known is not None, "a line whose reference says nothing"
        assert known.day == expected.day, "a line of another day"
        sums[known.purpose] += Money(entry.fen)
    paid, fees, back = sums[Purpose.SETTLE], sums[Purpose.FEE], sums[Purpose.RETURN]
    paid_ties = paid in {expected.paid, expected.paid_by_books}
    fees_tie, back_ties = fees == expected.fees, back == expected.returned
    differences: Iterable[Difference]
    if not (paid_ties and fees_tie and back_ties) and _is_net(paid, fees, back, expected):
        differences = (_net(paid, expected),)
    else:
        differences = _untied(
            (paid_ties, BreakKind.BANK_TOTAL, Purpose.SETTLE, expected.paid, paid),
            (fees_tie, BreakKind.FEE, Purpose.FEE, expected.fees, fees),
            (back_ties, BreakKind.BANK_TOTAL, Purpose.RETURN, expected.returned, back),
            day=expected.day,
        )
    return Tie(
        paid=paid_ties,
        fees=fees_tie,
        returned=back_ties,
        differences=(*differences, *_late_values(entries, expected.day)),
    )


def fund(
    entries: Iterable[BankEntry], booked: Iterable[tuple[Money, date]]
) -> tuple[Difference, ...]:
    """Pair deposits on the statement with deposits in the books: same amount, same day, once."""
    books: dict[tuple[Money, date], int] = defaultdict(int)
    for key in booked:
        books[key] += 1
    differences = []
    for entry in entries:
        key = (Money(entry.fen), entry.value_date)
        if books[key]:
            books[key] -= 1
            continue
        differences.append(_line(BreakKind.FUNDING, entry, "a deposit that the books do not have"))
    for (amount, day), count in books.items():
        differences.extend(
            Difference(
                kind=BreakKind.FUNDING,
                subject=f"deposit {day} {amount} {number}",
                detail="a deposit of the books that the bank does not show",
                ours=amount,
            )
            for number in range(1, count + 1)
        )
    return tuple(differences)


def unexplained(entry: BankEntry, detail: str) -> Difference:
    """Name a bank line that nothing explains."""
    return _line(BreakKind.BANK_ONLY, entry, detail)


def _is_net(paid: Money, fees: Money, back: Money, expected: Expected) -> bool:
    """Tell whether one line moved principal, fee, or returns together."""
    if fees:
        return False
    if back:
        return back == expected.returned and paid == expected.paid + expected.fees
    nets = {
        expected.paid + expected.fees,
        expected.paid - expected.fees,
        expected.paid + expected.fees - expected.returned,
    }
    return paid in nets - {expected.paid}


def _net(paid: Money, expected: Expected) -> Difference:
    return Difference(
        kind=BreakKind.NET_OF_FEE,
        subject=f"{Purpose.SETTLE}{expected.day:%Y%m%d}",
        detail="the bank moved principal, fees or returns in one sum",
        ours=expected.paid,
        theirs=paid,
    )


def _untied(
    *sides: tuple[bool, BreakKind, Purpose, Money, Money], day: date
) -> Iterator[Difference]:
    for is_tied, kind, purpose, ours, theirs in sides:
        if not is_tied:
            yield Difference(
                kind=kind,
                subject=f"{purpose}{day:%Y%m%d}",
                detail=f"the file says {ours}, the bank moved {theirs}",
                ours=ours,
                theirs=theirs,
            )


def _late_values(entries: Iterable[BankEntry], day: date) -> Iterator[Difference]:
    for entry in entries:
        if entry.value_date != day or entry.posted_on != entry.value_date:
            what = f"value date {entry.value_date}, posted {entry.posted_on}, settlement day {day}"
            yield _line(BreakKind.VALUE_DATE, entry, what)


def _line(kind: BreakKind, entry: BankEntry, detail: str) -> Difference:
    return Difference(
        kind=kind,
        subject=f"line {entry.line} {entry.reference}",
        detail=detail,
        line=entry.line,
        theirs=Money(entry.fen),
    )
