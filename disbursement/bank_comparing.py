"""Comparing the bank's statement of a day with the channel's file and the books."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from disbursement import comparing, gathering, importing, legs
from disbursement.comparing import Found, ItemSide
from disbursement.matching import banking, tables
from disbursement.matching.flows import FLOWS, Purpose
from disbursement.matching.kinds import BreakKind, Difference
from disbursement.matching.one_by_one import ItemSums, match_lines
from disbursement.matching.tables import BankEntry
from disbursement.records.settlement import FileKind, StatementFile
from disbursement.statements.lines import Direction
from kernel.money import ZERO, Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Credited:
    """One line that brought money which neither channel nor funder explains."""

    account: str
    entry: BankEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class BankSide:
    """What comparing the bank's statement with file and books gives."""

    found: tuple[Found, ...]
    settled: Mapping[Purpose, date]
    """What the bank has settled of the day, and the day on which it did."""
    credited: tuple[Credited, ...]
    """What somebody transferred to us."""
    deposits: tuple[BankEntry, ...]
    """What the funder put in, by the bank."""
    moved: Money | None
    """How the account moved on the day; None without a statement."""


@dataclass(frozen=True, slots=True)
class _Singles:
    """Lines that name single orders, by way, and the lines that name nothing."""

    sums: tuple[ItemSums, ...]
    differences: tuple[Difference, ...]
    unread: frozenset[int]


def bank_scope(day: date, channel: str = legs.UNIONPAY) -> str:
    """Name the comparison of the bank with a settlement day of a channel."""
    return f"bank/{day}" if channel == legs.UNIONPAY else f"bank/{channel}/{day}"


def compare(
    session: Session,
    day: date,
    channel: str,
    *,
    sides: Sequence[ItemSide],
    statements: Sequence[StatementFile],
) -> BankSide:
    """Compare the lines of a channel's account with its file of a settlement day.

    Without a statement of the day, or without its file, nothing is said about its sums.
    """
    scope = bank_scope(day, channel)
    account_of = {
        entry.line: (file.source, entry)
        for file in statements
        for entry in gathering.lines_of_statement(session, file)
    }
    entries = [entry for _, entry in account_of.values()]
    single = _single_lines(entries, sides)
    credited = [
        Credited(account=account, entry=entry)
        for account, entry in account_of.values()
        if entry.line in single.unread and entry.direction is Direction.IN
    ]
    named = {one.entry.line for one in credited}
    strangers = dict.fromkeys(single.unread - named, "no reference that says what it is for")
    strangers |= _out_of_place(session, day, channel, entries)
    differences = [
        *single.differences,
        *(banking.unexplained(e, strangers[e.line]) for e in entries if e.line in strangers),
    ]
    lines = gathering.lines_of_day(session, day, channel=channel)
    settled: set[Purpose] = set()
    for side, sums in zip(sides if statements else (), single.sums, strict=False):
        tie = banking.tie(lines, side.expected, items=sums)
        differences += tie.differences
        settled |= {purpose for purpose, is_tied in tie.sides.items() if is_tied}
    if sides and statements:
        settled |= _let_settle(comparing.standing(session, scope, differences))
    return BankSide(
        found=tuple(Found(scope=scope, difference=one) for one in differences),
        settled={purpose: _settled_on(day, purpose, lines) for purpose in settled},
        credited=tuple(credited),
        deposits=tuple(e for e in entries if (t := banking.told(e)) and t.purpose is Purpose.FUND),
        moved=_moved(statements),
    )


def _single_lines(entries: Sequence[BankEntry], sides: Sequence[ItemSide]) -> _Singles:
    left = tables.bank(entry for entry in entries if banking.told(entry) is None)
    sums: list[ItemSums] = []
    differences: list[Difference] = []
    for side in sides:
        single = match_lines(side.channel, left, flow=side.flow)
        left = single.strangers
        sums.append(single.sums)
        differences.extend(single.differences)
    return _Singles(tuple(sums), tuple(differences), frozenset(left["line"]))


def _out_of_place(
    session: Session, day: date, channel: str, entries: Iterable[BankEntry]
) -> dict[int, str]:
    """Name the lines that settle a day to come, or one whose file we do not have."""
    strangers = {}
    for entry in entries:
        told = banking.told(entry)
        if told is None or told.purpose is Purpose.FUND or told.day == day:
            continue
        if told.day > day:
            strangers[entry.line] = "it names a day that had not come"
        elif not importing.taken(session, FileKind.SETTLEMENT, told.day, channel=channel):
            strangers[entry.line] = "it settles a day whose file we do not have"
    return strangers


def _settled_on(day: date, purpose: Purpose, lines: Iterable[BankEntry]) -> date:
    """Tell the last day on which the bank posted a line of a purpose; `day` when it has none."""
    posted = [
        line.posted_on for line in lines if (t := banking.told(line)) and t.purpose is purpose
    ]
    return max(posted, default=day)


def _moved(statements: Sequence[StatementFile]) -> Money | None:
    if not statements:
        return None
    return Money.total((file.closing or ZERO) - (file.opening or ZERO) for file in statements)


def _let_settle(standing: Iterable[Difference]) -> set[Purpose]:
    """Tell what counts as settled although the sums differ, because two persons said so.

    A sum that holds the fee as well settles the fee: more than the principal when it left us, less
    when it reached us.
    """
    allowed = set()
    for one in standing:
        allowed |= {purpose for purpose in Purpose if one.subject.startswith(purpose)}
        if one.kind is BreakKind.NET_OF_FEE:
            more = ((one.theirs or ZERO) - (one.ours or ZERO)).fen
            allowed |= {
                flow.fee
                for flow in FLOWS
                if one.subject.startswith(flow.principal) and more * flow.sign < 0
            }
    return allowed
