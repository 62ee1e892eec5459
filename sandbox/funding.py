"""The funding account: what was put in, what payouts have spoken for, and its bank lines."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from sandbox import times
from sandbox.channel.books import Books
from sandbox.channel.orders import FEE_FEN

ACCOUNT_NUMBER: Final = "622000000001"
DEPOSITS_MAX: Final = 10_000
"""Deposits kept."""

READY_HOUR: Final = 8
"""The statement of day D can be had from this hour of D+1."""

_SETTLE, _FEE, _RETURN = (23, 30), (23, 31), (23, 32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    """Money put into the account."""

    fen: int
    posted_at: datetime


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
    coming_back: list[tuple[datetime, int]] = field(default_factory=list)

    def deposit(self, fen: int, posted_at: datetime) -> None:
        """Put money in."""
        self.deposits.append(Deposit(fen=fen, posted_at=posted_at))
        self.free_fen += fen

    def can_bear(self, fen: int, at: datetime) -> bool:
        """Tell whether a payment and its fee are covered by what no other payment claims."""
        while self.coming_back and self.coming_back[0][0] <= at:
            self.free_fen += heapq.heappop(self.coming_back)[1]
        return self.free_fen >= fen + FEE_FEN

    def claim(self, fen: int, returned_at: datetime | None) -> None:
        """Set aside a payment and its fee; a return frees the payment when it comes."""
        self.free_fen -= fen + FEE_FEN
        if returned_at is not None:
            heapq.heappush(self.coming_back, (returned_at, fen))


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
    days = {deposit.posted_at.date() for deposit in funding.deposits} | books.days.keys()
    for day in days:
        yield from lines(funding, books, day)


def _deposit_lines(funding: Funding, day: date) -> Iterator[Line]:
    of_day = (deposit for deposit in funding.deposits if deposit.posted_at.date() == day)
    for number, deposit in enumerate(of_day, start=1):
        yield Line(
            posted_at=deposit.posted_at,
            fen=deposit.fen,
            counterparty="FUNDER",
            reference=f"FUND{day:%Y%m%d}{number:02d}",
            note="funds received",
        )


def _channel_lines(books: Books, day: date) -> Iterator[Line]:
    if day not in books.days:
        return
    totals, stamp = books.days[day], f"{day:%Y%m%d}"
    movements = (
        (_SETTLE, -totals.paid_fen, "SETTLE", "payout settlement"),
        (_FEE, -totals.fee_fen, "FEE", "payout fees"),
        (_RETURN, totals.returned_fen, "RETURN", "payouts returned"),
    )
    for (hour, minute), fen, kind, note in movements:
        if fen:
            yield Line(
                posted_at=times.at_hour(day, hour, minute),
                fen=fen,
                counterparty="CHANNEL",
                reference=f"{kind}{stamp}",
                note=note,
            )
