"""Comparing the books with a channel's file of a day: gather, match, let the file settle orders.

Nothing is written here but what the file decides about orders, through `payouts` and `debits`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final
from uuid import UUID

import polars as pl
from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import breaks, debits, gathering, payouts
from disbursement.channels.channel import Outcome, Receipt
from disbursement.clearing import Agreed
from disbursement.gathering import Gathered
from disbursement.matching import fees
from disbursement.matching.banking import Expected
from disbursement.matching.flows import PAYOUT, Flow
from disbursement.matching.items import Items, match_items
from disbursement.matching.kinds import HOLDING, BreakKind, Difference
from disbursement.matching.suggestions import Loose, suggest
from disbursement.matching.tables import Stand
from disbursement.payouts import Source
from disbursement.records.breaks import Break, BreakStatus, Resolution
from disbursement.records.settlement import StatementFile
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
    debit_id: UUID | None = None
    transfer_id: UUID | None = None
    suggestion: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSide:
    """What comparing the channel's file with the books gives, for one way of the money."""

    flow: Flow
    found: tuple[Found, ...]
    agreed: tuple[Agreed, ...]
    """Rows that books and file agree on; the bank has still to agree."""
    expected: Expected
    channel: pl.DataFrame
    rows: dict[LineKind, int]
    waiting: int


def item_scope(channel: str, day: date, flow: Flow) -> str:
    """Name the comparison of a channel's file with the books."""
    return f"channel/{channel}/{day}" if flow is PAYOUT else f"channel/{channel}/{flow.name}/{day}"


def absent_scope(channel: str, flow: Flow) -> str:
    """Name the search for orders in any file of a channel."""
    return f"absent/{channel}" if flow is PAYOUT else f"absent/{channel}/{flow.name}"


def compare_items(session: Session, file: StatementFile, flow: Flow, *, at: datetime) -> ItemSide:
    """Compare the books with a settlement file, and let the file settle what was undecided."""
    gathered, items = _match(session, file, flow)
    notes = [one for one in items.differences if not one.needs_person]
    is_changed, ended = _settle_by_file(session, file, gathered, items, at=at)
    notes += ended
    if is_changed:
        gathered, items = _match(session, file, flow)
    known = frozenset(gathered.channel["order_no"].drop_nulls())
    note = payouts.note_file if flow is PAYOUT else debits.note_file
    note(session, channel=file.source, day=file.day, known=known, at=at)
    differences = tuple(dict.fromkeys([*notes, *items.differences]))
    kinds = gathered.channel["kind"].cast(pl.String()).to_list()
    return ItemSide(
        flow=flow,
        found=tuple(_found_items(file, gathered, differences)),
        agreed=tuple(_agreed(session, file, gathered, items)),
        expected=_expected(file.day, gathered, items.differences),
        channel=gathered.channel,
        rows={kind: kinds.count(kind) for kind in LineKind},
        waiting=items.waiting,
    )


def _match(session: Session, file: StatementFile, flow: Flow) -> tuple[Gathered, Items]:
    gathered = gathering.gather(session, file, flow)
    terms = fees.agreed(file.source, on=file.day, flow=flow)
    items = match_items(gathered.ours, gathered.channel, day=file.day, terms=terms, flow=flow)
    return gathered, items


def _settle_by_file(
    session: Session, file: StatementFile, gathered: Gathered, items: Items, *, at: datetime
) -> tuple[bool, list[Difference]]:
    """Tell what the file decides about orders: whether any moved, and which differences that ends.

    What failed in the books and is paid in the file is told as a contradiction: of a payout nothing
    is booked; a collection is the debtor's money, and the file's is the last word about it.
    """
    undecided = pl.col("stand") == Stand.UNDECIDED.value
    kept = gathered.ours.filter(pl.col("stand") != Stand.RETURNED.value)
    paid = set(items.paid["leg"]) & set(gathered.ours.filter(undecided)["leg"])
    returned = set(items.returned["leg"]) & set(kept["leg"])
    contradicted = [
        one
        for one in items.differences
        if one.kind is BreakKind.STATUS and one.needs_person and one.leg is not None
    ]
    contrary = {one.leg for one in contradicted if one.leg is not None}
    references = dict(gathered.channel.select("row", "reference").iter_rows())
    by_leg = {leg: references[row] for leg, row in items.paid.iter_rows()}
    for number in sorted(paid | returned | contrary, key=gathered.order_ids.__getitem__):
        if number in paid or number in contrary:
            receipt = Receipt(
                outcome=Outcome.PAID,
                text="paid in the settlement file",
                reference=by_leg.get(number),
                settle_day=file.day,
            )
            _record(session, gathered, number, receipt, at=at)
        if number in returned:
            receipt = Receipt(
                outcome=Outcome.RETURNED,
                text="returned in the settlement file",
                returned_on=file.day,
            )
            _record(session, gathered, number, receipt, at=at)
    if gathered.flow is PAYOUT:
        return bool(paid or returned), []
    ended = [replace(one, needs_person=False) for one in contradicted]
    return bool(paid or returned or ended), ended


def _record(
    session: Session, gathered: Gathered, number: int, receipt: Receipt, *, at: datetime
) -> None:
    record = payouts.record if gathered.flow is PAYOUT else debits.record
    record(session, gathered.order_ids[number], receipt, source=Source.FILE, at=at)


def _found_items(
    file: StatementFile, gathered: Gathered, differences: Iterable[Difference]
) -> Iterator[Found]:
    found = list(differences)
    hints = _hints(file.day, gathered, found)
    for one in found:
        order_id = None if one.leg is None else gathered.order_ids[one.leg]
        is_payout = gathered.flow is PAYOUT
        yield Found(
            scope=(
                absent_scope(file.source, gathered.flow)
                if one.kind in _ABSENT
                else item_scope(file.source, file.day, gathered.flow)
            ),
            difference=one,
            leg_id=order_id if is_payout else None,
            debit_id=None if is_payout else order_id,
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
        yield Agreed(order_id=gathered.order_ids[leg], row_id=row, is_back=False, fee=fee)
    for leg, row in items.returned.iter_rows():
        yield Agreed(order_id=gathered.order_ids[leg], row_id=row, is_back=True, fee=ZERO)
    yield from _let_stand(session, file, gathered, items)


def _let_stand(
    session: Session, file: StatementFile, gathered: Gathered, items: Items
) -> Iterator[Agreed]:
    """Give the held pairs of which two persons said, of every difference, that the books stand."""
    scope = item_scope(file.source, file.day, gathered.flow)
    by_row: dict[tuple[int, int], list[Difference]] = {}
    for one in items.differences:
        if one.needs_person and one.leg is not None and one.row is not None:
            by_row.setdefault((one.leg, one.row), []).append(one)
    kind_of = dict(gathered.channel.select("row", pl.col("kind").cast(pl.String())).iter_rows())
    stand_of = dict(gathered.ours.select("leg", pl.col("stand").cast(pl.String())).iter_rows())
    held = [pair for pair, why in by_row.items() if all(d.kind in HOLDING for d in why)]
    agreed = standing(session, scope, [one for pair in held for one in by_row[pair]])
    for leg, row in held:
        is_certain = stand_of[leg] in {Stand.PAID.value, Stand.RETURNED.value}
        if is_certain and all(one in agreed for one in by_row[leg, row]):
            yield Agreed(
                order_id=gathered.order_ids[leg],
                row_id=row,
                is_back=kind_of[row] == LineKind.RETURNED.value,
                fee=ZERO,
            )


def standing(
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


def _expected(day: date, gathered: Gathered, differences: Iterable[Difference]) -> Expected:
    channel = gathered.channel

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
        flow=gathered.flow,
        paid=paid,
        paid_by_books=paid - too_much,
        fees=total("fee", LineKind.PAID),
        returned=total("fen", LineKind.RETURNED),
    )
