"""The funding account: what was put in, what orders have spoken for or bring, and its bank lines."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from sandbox import times
from sandbox.channel.books import Books
from sandbox.channel.orders import FEE_FEN, Way

ACCOUNT_NUMBER: Final = "622000000001"
DEPOSITS_MAX: Final = 10_000
"""Deposits kept."""

READY_HOUR: Final = 8
"""The statement of day D can be had from this hour of D+1."""

_COLLECTED_AT: Final = (23, 33)
_LINES: Final = {
    Way.PAYOUT: (
        ((23, 30), "SETTLE", "payout settlement"),
        ((23, 31), "FEE", "payout fees"),
        ((23, 32), "RETURN", "payouts returned"),
    ),
    Way.COLLECTION: (
        (_COLLECTED_AT, "COLLECT", "collections"),
        ((23, 34), "COLLFEE", "collection fees"),
        ((23, 35), "CHARGEBACK", "collections charged back"),
    ),
}
"""Of each way: what it moves, its fees, and what comes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    """Money put into the account: by the funder, or by a transfer with a reference."""

    fen: int
    posted_at: datetime
    reference: str | None = None
    """What the payer of a transfer wrote; None for the funder's money."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One movement on the account; `fen` is negative for money out."""

    posted_at: datetime
    fen: int
    counterparty: str
    reference: str
    note: str


@dataclass(slots=True)
class Funding:
    """The account from the channel's side: it refuses a payment the account cannot bear."""

    deposits: list[Deposit] = field(default_factory=list)
    free_fen: int = 0
    coming: list[tuple[datetime, int]] = field(default_factory=list)
    """What will be free, or with a minus no longer free, from a time on."""

    def deposit(self, fen: int, posted_at: datetime, *, reference: str | None = None) -> None:
        """Put money in."""
        self.deposits.append(Deposit(fen=fen, posted_at=posted_at, reference=reference))
        self.free_fen += fen

    def can_bear(self, fen: int, at: datetime) -> bool:
        """Tell whether a payment and its fee are covered by what no other payment claims."""
        while self.coming and self.coming[0][0] <= at:
            self.free_fen += heapq.heappop(self.coming)[1]
        return self.free_fen >= fen + FEE_FEN

    def claim(self, fen: int, returned_at: datetime | None) -> None:
        """Set aside a payment and its fee; a return frees the payment when it comes."""
        self.free_fen -= fen + FEE_FEN
        if returned_at is not None:
            heapq.heappush(self.coming, (returned_at, fen))

    def expect(self, fen: int, paid_on: date, returned_on: date | None) -> None:
        """Count on a collection less its fee when it settles, and no more when it is given back."""
        heapq.heappush(self.coming, (times.at_hour(paid_on, *_COLLECTED_AT), fen - FEE_FEN))
        if returned_on is not None:
            heapq.heappush(self.coming, (times.at_hour(returned_on, *_COLLECTED_AT), -fen))


def is_ready(day: date, at: datetime) -> bool:
    """Tell whether the statement of a day exists yet."""
    return at >= times.at_hour(day + times.ONE_DAY, READY_HOUR)


def balance(funding: Funding, books: Books, at: datetime) -> int:
    """Tell what lies on the account at a time, in fen."""
    return sum(line.fen for line in _all_lines(funding, books) if line.posted_at <= at)


def opening(funding: Funding, books: Books, day: date) -> int:
    """Tell what lay on the account when a day began, in fen."""
    start = times.at_hour(day, 0)
    return sum(line.fen for line in _all_lines(funding, books) if line.posted_at < start)


def lines(funding: Funding, books: Books, day: date) -> list[Line]:
    """List the movements of a day in the order they were posted."""
    found = [*_deposit_lines(funding, day), *_channel_lines(books, day)]
    return sorted(found, key=lambda line: line.posted_at)


def _all_lines(funding: Funding, books: Books) -> Iterator[Line]:
    days = {deposit.posted_at.date() for deposit in funding.deposits}
    for book in books.days.values():
        days |= book.totals.keys()
    for day in days:
        yield from lines(funding, books, day)


def _deposit_lines(funding: Funding, day: date) -> Iterator[Line]:
    funds = 0
    for deposit in (one for one in funding.deposits if one.posted_at.date() == day):
        is_transfer = deposit.reference is not None
        funds += not is_transfer
        yield Line(
            posted_at=deposit.posted_at,
            fen=deposit.fen,
            counterparty="PAYER" if is_transfer else "FUNDER",
            reference=deposit.reference or f"FUND{day:%Y%m%d}{funds:02d}",
            note="transfer received" if is_transfer else "funds received",
        )


def _channel_lines(books: Books, day: date) -> Iterator[Line]:
    for way, book in books.days.items():
        if day not in book.totals:
            continue
        totals, sign = book.totals[day], -1 if way is Way.PAYOUT else 1
        sums = (sign * totals.paid_fen, -totals.fee_fen, -sign * totals.returned_fen)
        for ((hour, minute), kind, note), fen in zip(_LINES[way], sums, strict=True):
            if fen:
                yield Line(
                    posted_at=times.at_hour(day, hour, minute),
                    fen=fen,
                    counterparty="CHANNEL",
                    reference=f"{kind}{day:%Y%m%d}",
                    note=note,
                )
