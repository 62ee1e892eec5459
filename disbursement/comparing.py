"""Comparing one settlement day: gather, match, let the file settle what was undecided, tie the bank.

Nothing is written here but what the channel's file decides about legs, through `payouts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

import polars as pl
from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import breaks, gathering, importing, payouts
from disbursement.channels.channel import Outcome, Receipt
from disbursement.clearing import Agreed
from disbursement.gathering import Gathered
from disbursement.matching import banking, fees, tables
from disbursement.matching.banking import Expected
from disbursement.matching.flows import Purpose
from disbursement.matching.items import Items, match_items
from disbursement.matching.kinds import HOLDING, BreakKind, Difference
from disbursement.matching.one_by_one import match_lines
from disbursement.matching.suggestions import Loose, suggest
from disbursement.matching.tables import BankEntry, Stand
from disbursement.payouts import Source
from disbursement.records.breaks import Break, BreakStatus, Resolution
from disbursement.records.settlement import FileKind, StatementFile
from disbursement.statements.lines import LineKind
from kernel.money import ZERO, Money

AT_ONCE: Final = 1_000
_ABSENT: Final = frozenset({BreakKind.OURS_ONLY, BreakKind.UNRESOLVED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One difference, the comparison that found it, and what it may belong to."""

    scope: str
    difference: Difference
    leg_id: UUID | None = None
    suggestion: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSide:
    """What comparing the channel's file with the books gives."""

    found: tuple[Found, ...]
    agreed: tuple[Agreed, ...]
    """Rows that books and file agree on; the bank has still to agree."""
    expected: Expected
    channel: pl.DataFrame
    rows: dict[LineKind, int]
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BankSide:
    """What comparing the bank's statement with file and books gives."""

    found: tuple[Found, ...]
    settled: Mapping[Purpose, date]
    """What the bank has settled of the day, and the day on which it did."""
    moved: Money | None
    """How the account moved on the day; None without a statement."""


def item_scope(channel: str, day: date) -> str:
    """Name the comparison of a channel's file with the books."""
    return f"channel/{channel}/{day}"


def absent_scope(channel: str) -> str:
    """Name the search for legs in any file of a channel."""
    return f"absent/{channel}"


def bank_scope(day: date) -> str:
    """Name the comparison of the bank with a settlement day."""
    return f"bank/{day}"


def compare_items(session: Session, file: StatementFile, *, at: datetime) -> ItemSide:
    """Compare the books with a settlement file, and let the file settle what was undecided."""
    gathered, items = _match(session, file)
    notes = [one for one in items.differences if not one.needs_person]
    if _settle_by_file(session, file, gathered, items, at=at):
        gathered, items = _match(session, file)
    known = frozenset(gathered.channel["order_no"].drop_nulls())
    payouts.note_file(session, channel=file.source, day=file.day, known=known, at=at)
    differences = tuple(dict.fromkeys([*notes, *items.differences]))
    kinds = gathered.channel["kind"].cast(pl.String()).to_list()
    return ItemSide(
        found=tuple(_found_items(file, gathered, differences)),
        agreed=tuple(_agreed(session, file, gathered, items)),
        expected=_expected(file.day, gathered.channel, items.differences),
        channel=gathered.channel,
        rows={kind: kinds.count(kind) for kind in LineKind},
        waiting=items.waiting,
    )


def compare_bank(
    session: Session, day: date, *, items: ItemSide | None, statements: Sequence[StatementFile]
) -> BankSide:
    """Compare the bank's lines with the file of a settlement day, and deposits with the books.

    Without a statement of the day, or without its file, nothing is said about its sums.
    """
    scope = bank_scope(day)
    frame = tables.channel(()) if items is None else items.channel
    entries = [e for file in statements for e in gathering.lines_of_statement(session, file)]
    single = match_lines(frame, tables.bank(e for e in entries if banking.told(e) is None))
    unread = single.strangers["line"]
    strangers = dict.fromkeys(unread, "no reference that says what it is for")
    strangers |= _out_of_place(session, day, entries)
    differences = [
        *single.differences,
        *(banking.unexplained(e, strangers[e.line]) for e in entries if e.line in strangers),
    ]
    if statements:
        deposits = [e for e in entries if (t := banking.told(e)) and t.purpose is Purpose.FUND]
        differences += banking.fund(deposits, gathering.deposits(session, day))
    settled = set()
    lines = gathering.lines_of_day(session, day)
    if items is not None and statements:
        tie = banking.tie(lines, items.expected, items=single.sums)
        differences += tie.differences
        settled = {purpose for purpose, is_tied in tie.sides.items() if is_tied}
        settled |= _let_settle(_standing(session, scope, differences))
    return BankSide(
        found=tuple(Found(scope=scope, difference=one) for one in differences),
        settled={purpose: _settled_on(day, purpose, lines) for purpose in settled},
        moved=_moved(statements),
    )


def _match(session: Session, file: StatementFile) -> tuple[Gathered, Items]:
    gathered = gathering.gather(session, file)
    terms = fees.agreed(file.source, on=file.day)
    return gathered, match_items(gathered.ours, gathered.channel, day=file.day, terms=terms)


def _settle_by_file(
    session: Session, file: StatementFile, gathered: Gathered, items: Items, *, at: datetime
) -> bool:
    """Tell `payouts` what the file decides about legs, and say whether there was anything."""
    undecided = pl.col("stand") == Stand.UNDECIDED.value
    kept = gathered.ours.filter(pl.col("stand") != Stand.RETURNED.value)
    paid = set(items.paid["leg"]) & set(gathered.ours.filter(undecided)["leg"])
    returned = set(items.returned["leg"]) & set(kept["leg"])
    # Failed in the books, paid by the channel: nothing is booked, but the contradiction is told.
    contrary = {
        one.leg
        for one in items.differences
        if one.kind is BreakKind.STATUS and one.needs_person and one.leg is not None
    }
    references = dict(gathered.channel.select("row", "reference").iter_rows())
    by_leg = {leg: references[row] for leg, row in items.paid.iter_rows()}
    for number in sorted(paid | returned | contrary, key=gathered.leg_ids.__getitem__):
        if number in paid or number in contrary:
            receipt = Receipt(
                outcome=Outcome.PAID,
                text="paid in the settlement file",
                reference=by_leg.get(number),
                settle_day=file.day,
            )
            _record(session, gathered.leg_ids[number], receipt, at=at)
        if number in returned:
            receipt = Receipt(
                outcome=Outcome.RETURNED,
                text="returned in the settlement file",
                returned_on=file.day,
            )
            _record(session, gathered.leg_ids[number], receipt, at=at)
    return bool(paid or returned)


def _record(session: Session, leg_id: UUID, receipt: Receipt, *, at: datetime) -> None:
    payouts.record(session, leg_id, receipt, source=Source.FILE, at=at)


def _found_items(
    file: StatementFile, gathered: Gathered, differences: Iterable[Difference]
) -> Iterator[Found]:
    found = list(differences)
    hints = _hints(file.day, gathered, found)
    for one in found:
        is_absent = one.kind in _ABSENT
        yield Found(
            scope=absent_scope(file.source) if is_absent else item_scope(file.source, file.day),
            difference=one,
            leg_id=None if one.leg is None else gathered.leg_ids[one.leg],
            suggestion=hints.get(one),
        )


def _hints(
    day: date, gathered: Gathered, differences: Sequence[Difference]
) -> dict[Difference, str]:
    """Say for payments that one side alone has what they may belong to on the other."""
    absent = {d.leg: d for d in differences if d.kind in _ABSENT and d.leg is not None}
    strange = {d.row: d for d in differences if d.kind is BreakKind.CHANNEL_ONLY and d.row}
    ours = [
        Loose(leg, fen, card, expected)
        for leg, fen, card, expected in gathered.ours.filter(pl.col("leg").is_in(list(absent)))
        .select("leg", "fen", "card", "expected")
        .iter_rows()
    ]
    theirs = [
        Loose(row, fen, card, day)
        for row, fen, card in gathered.channel.filter(pl.col("row").is_in(list(strange)))
        .select("row", "fen", "card")
        .iter_rows()
    ]
    hints = {
        absent[leg]: "same sum, card and days: " + ", ".join(strange[row].subject for row in rows)
        for leg, rows in suggest(ours, theirs).items()
    }
    return hints | {
        strange[row]: "same sum, card and days: " + ", ".join(absent[leg].subject for leg in legs)
        for row, legs in suggest(theirs, ours).items()
    }


def _agreed(
    session: Session, file: StatementFile, gathered: Gathered, items: Items
) -> Iterator[Agreed]:
    wrong_fees = {one.row for one in items.differences if one.kind is BreakKind.FEE}
    fee_of = dict(gathered.channel.select("row", "fee").iter_rows())
    for leg, row in items.paid.iter_rows():
        fee = ZERO if row in wrong_fees else Money(fee_of[row])
        yield Agreed(leg_id=gathered.leg_ids[leg], row_id=row, kind=LineKind.PAID, fee=fee)
    for leg, row in items.returned.iter_rows():
        yield Agreed(leg_id=gathered.leg_ids[leg], row_id=row, kind=LineKind.RETURNED, fee=ZERO)
    yield from _let_stand(session, file, gathered, items)


def _let_stand(
    session: Session, file: StatementFile, gathered: Gathered, items: Items
) -> Iterator[Agreed]:
    """Give the held pairs of which two persons said, of every difference, that the books stand."""
    scope = item_scope(file.source, file.day)
    by_row: dict[tuple[int, int], list[Difference]] = {}
    for one in items.differences:
        if one.needs_person and one.leg is not None and one.row is not None:
            by_row.setdefault((one.leg, one.row), []).append(one)
    kind_of = dict(gathered.channel.select("row", pl.col("kind").cast(pl.String())).iter_rows())
    stand_of = dict(gathered.ours.select("leg", pl.col("stand").cast(pl.String())).iter_rows())
    held = [pair for pair, why in by_row.items() if all(d.kind in HOLDING for d in why)]
    standing = _standing(session, scope, [one for pair in held for one in by_row[pair]])
    for leg, row in held:
        is_certain = stand_of[leg] in {Stand.PAID.value, Stand.RETURNED.value}
        if is_certain and all(one in standing for one in by_row[leg, row]):
            yield Agreed(
                leg_id=gathered.leg_ids[leg], row_id=row, kind=LineKind(kind_of[row]), fee=ZERO
            )


def _standing(
    session: Session, scope: str, differences: Sequence[Difference]
) -> frozenset[Difference]:
    """Give the differences about which two persons let the books stand."""
    by_id = {breaks.identity(scope, one): one for one in differences}
    wanted = list(by_id)
    found: set[UUID] = set()
    for start in range(0, len(wanted), AT_ONCE):
        query = select(Break.id).where(
            Break.id.in_(wanted[start : start + AT_ONCE]),
            Break.status == BreakStatus.RESOLVED,
            Break.resolution == Resolution.BOOKS_STAND,
        )
        found.update(session.scalars(query))
    return frozenset(by_id[one] for one in found)


def _expected(day: date, channel: pl.DataFrame, differences: Iterable[Difference]) -> Expected:
    def total(column: str, kind: LineKind) -> Money:
        rows = channel.filter(pl.col("kind").cast(pl.String()) == kind.value)
        return Money(int(rows[column].sum()))

    payments = set(channel.filter(pl.col("kind").cast(pl.String()) == LineKind.PAID.value)["row"])
    too_much = Money.total(
        (one.theirs or ZERO) - (one.ours or ZERO)
        for one in differences
        if one.kind is BreakKind.AMOUNT and one.row in payments
    )
    paid = total("fen", LineKind.PAID)
    return Expected(
        day=day,
        paid=paid,
        paid_by_books=paid - too_much,
        fees=total("fee", LineKind.PAID),
        returned=total("fen", LineKind.RETURNED),
    )


def _out_of_place(session: Session, day: date, entries: Iterable[BankEntry]) -> dict[int, str]:
    """Name the lines that settle a day to come, or one whose file we do not have."""
    strangers = {}
    for entry in entries:
        told = banking.told(entry)
        if told is None or told.purpose is Purpose.FUND or told.day == day:
            continue
        if told.day > day:
            strangers[entry.line] = "it names a day that had not come"
        elif not importing.taken(session, FileKind.SETTLEMENT, told.day):
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
    """Tell what counts as settled although the sums differ, because two persons said so."""
    allowed = set()
    for one in standing:
        allowed |= {purpose for purpose in Purpose if one.subject.startswith(purpose)}
        if one.kind is BreakKind.NET_OF_FEE and (one.theirs or ZERO) > (one.ours or ZERO):
            allowed.add(Purpose.FEE)
    return allowed
