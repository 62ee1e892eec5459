"""Matching by sums: the channel's day against the bank's lines, and deposits against the books.

The channel settles a day, for each way of the money, by one line for the principal, one for its fees
and one for what came back; their references name the day (docs/sandbox.md). A bank may also show payments one by one,
under our order number or the channel's.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from disbursement.matching.flows import DIRECTIONS, PAYOUT, Flow, Purpose
from disbursement.matching.kinds import BreakKind, Difference
from disbursement.matching.one_by_one import NO_ITEMS, ItemSums
from disbursement.matching.tables import BankEntry
from kernel.money import ZERO, Money

_REFERENCE: Final = re.compile(rf"({'|'.join(Purpose)})(\d{{4}})(\d{{2}})(\d{{2}})(\d*)", re.ASCII)


class Told(NamedTuple):
    """What a reference says: the purpose and the day it belongs to."""

    purpose: Purpose
    day: date


def told(entry: BankEntry) -> Told | None:
    """Read a bank line's reference; None when it is none of ours, or moves the wrong way."""
    found = _REFERENCE.fullmatch(entry.reference)
    if found is None:
        return None
    purpose = Purpose(found[1])
    if DIRECTIONS[purpose] is not entry.direction or (found[5] and purpose is not Purpose.FUND):
        return None
    try:
        return Told(purpose, date(int(found[2]), int(found[3]), int(found[4])))
    except ValueError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the channel's file of a day says the bank must have moved one way."""

    day: date
    flow: Flow = PAYOUT
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
    flow: Flow = PAYOUT

    @property
    def sides(self) -> dict[Purpose, bool]:
        """Tell by purpose whether it ties."""
        ties = (self.paid, self.fees, self.returned)
        return dict(zip(self.flow.purposes(), ties, strict=True))


def tie(entries: Sequence[BankEntry], expected: Expected, *, items: ItemSums = NO_ITEMS) -> Tie:
    """Compare the bank's lines of a settlement day with what its file says.

    `entries` name the day by their references, and those of the other way are passed by; `items`
    is what lines that name single payments add up to.
    """
    flow = expected.flow
    sums = {flow.principal: items.paid, flow.fee: ZERO, flow.back: items.returned}
    own = []
    for entry in entries:
        known = told(entry)
        assert known is not None, "a line whose reference says nothing"
        assert known.day == expected.day, "a line of another day"
        if known.purpose in sums:
            sums[known.purpose] += Money(entry.fen)
            own.append(entry)
    paid, fees, back = (sums[purpose] for purpose in flow.purposes())
    paid_ties = paid in {expected.paid, expected.paid_by_books}
    fees_tie, back_ties = fees == expected.fees, back == expected.returned
    differences: Iterable[Difference]
    if not (paid_ties and fees_tie and back_ties) and _is_net(paid, fees, back, expected):
        differences = (_net(paid, expected),)
    else:
        differences = _untied(
            (paid_ties, BreakKind.BANK_TOTAL, flow.principal, expected.paid, paid),
            (fees_tie, BreakKind.FEE, flow.fee, expected.fees, fees),
            (back_ties, BreakKind.BANK_TOTAL, flow.back, expected.returned, back),
            day=expected.day,
        )
    return Tie(
        paid=paid_ties,
        fees=fees_tie,
        returned=back_ties,
        differences=(*differences, *_late_values(own, expected.day)),
        flow=flow,
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
    """Tell whether one line moved principal, fee, or returns together.

    A fee makes what leaves us more, and what reaches us less.
    """
    if fees:
        return False
    charged = expected.fees if expected.flow.sign < 0 else -expected.fees
    if back:
        return back == expected.returned and paid == expected.paid + charged
    nets = {
        expected.paid + expected.fees,
        expected.paid - expected.fees,
        expected.paid + charged - expected.returned,
    }
    return paid in nets - {expected.paid}


def _net(paid: Money, expected: Expected) -> Difference:
    return Difference(
        kind=BreakKind.NET_OF_FEE,
        subject=f"{expected.flow.principal}{expected.day:%Y%m%d}",
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
