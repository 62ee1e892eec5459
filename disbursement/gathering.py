"""Gathering the tables that are compared: everything is read from the database at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import polars as pl
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from disbursement.channels.days import settlement_day
from disbursement.matching import tables, working_days
from disbursement.matching.flows import COLLECTION, PAYOUT, Flow, Purpose
from disbursement.matching.tables import BankEntry, OurLeg, Stand
from disbursement.records.payouts import LegStatus
from disbursement.records.settlement import (
    BankLine,
    FileKind,
    FileStatus,
    SettlementRow,
    StatementFile,
)
from disbursement.statements.lines import LineKind
from kernel.clock import business_day, shanghai
from kernel.money import Money

WORKING_DAYS_EARLY_MAX: Final = 1
WORKING_DAYS_LATE_MAX: Final = 2
"""A payment is looked for in the files from T-1 to T+2."""

STANDS: Final = {
    LegStatus.SUBMITTED.value: Stand.UNDECIDED,
    LegStatus.ACCEPTED.value: Stand.UNDECIDED,
    LegStatus.UNKNOWN.value: Stand.UNDECIDED,
    LegStatus.PAID.value: Stand.PAID,
    LegStatus.MATCHED.value: Stand.PAID,
    LegStatus.PAYOFF_VERIFIED.value: Stand.PAID,
    LegStatus.FAILED.value: Stand.FAILED,
    LegStatus.RETURNED.value: Stand.RETURNED,
}
"""By the status of a leg or of a debit order: what both have is called the same."""

# Orders that the file names, and orders that it, or an earlier one, should have named.
_ORDERS: Final = """
    WITH ours AS (
        SELECT id, order_no, reference, status, amount, card_masked, txn_time, value_date
        FROM {table}
        WHERE channel = :channel AND order_no IS NOT NULL AND (
            order_no IN (SELECT order_no FROM settlement_row WHERE file_id = :file)
            OR reference IN (SELECT reference FROM settlement_row
                             WHERE file_id = :file AND order_no IS NULL)
            OR (status IN ('submitted', 'accepted', 'unknown') AND txn_time < :until)
            OR (status IN ('paid', 'returned') AND txn_time < :until AND NOT EXISTS (
                SELECT 1 FROM matched_row m WHERE m.{column} = {table}.id AND m.kind = :went))
        )
    ), listed AS (
        SELECT r.order_no,
            min(r.reference) FILTER (WHERE r.kind = :went AND f.day < :day) AS earlier,
            bool_or(r.kind = :went) AS is_elsewhere,
            coalesce(bool_or(r.kind = :came_back AND f.day < :day), false) AS is_returned_earlier
        FROM settlement_row r JOIN statement_file f ON f.id = r.file_id
        WHERE f.status IN ('taken') AND f.source = :channel AND f.day <> :day
            AND r.order_no IN (SELECT order_no FROM ours)
        GROUP BY r.order_no
    )
    SELECT ours.*, listed.earlier, coalesce(listed.is_elsewhere, false) AS is_elsewhere,
        coalesce(listed.is_returned_earlier, false) AS is_returned_earlier
    FROM ours LEFT JOIN listed ON listed.order_no = ours.order_no
    ORDER BY ours.id
    """
_ORDERS_OF: Final = {
    PAYOUT: text(_ORDERS.format(table="payout_leg", column="leg_id")),
    COLLECTION: text(_ORDERS.format(table="debit_order", column="debit_id")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The books' side and the channel's side of a settlement day, for one way of the money."""

    flow: Flow
    order_ids: tuple[UUID, ...]
    """By the number that the table of orders gives them."""
    ours: pl.DataFrame
    channel: pl.DataFrame


def gather(session: Session, file: StatementFile, flow: Flow) -> Gathered:
    """Read the rows of a settlement file and the orders it must be compared with.

    Rows of no known kind are told with the payouts.
    """
    as_kind: dict[LineKind, Any] = {
        flow.went: LineKind.PAID.value,
        flow.came_back: LineKind.RETURNED.value,
    }
    if flow is PAYOUT:
        as_kind[LineKind.OTHER] = LineKind.OTHER.value
    found = session.execute(
        _ORDERS_OF[flow],
        {
            "channel": file.source,
            "went": flow.went.value,
            "came_back": flow.came_back.value,
            "file": file.id,
            "day": file.day,
            # Sent on a later natural day than the file's: no earlier file could have it.
            "until": _end_of(file.day),
        },
    ).all()
    rows = session.execute(
        select(
            SettlementRow.id,
            SettlementRow.kind,
            SettlementRow.order_no,
            SettlementRow.reference,
            SettlementRow.amount,
            SettlementRow.fee,
            SettlementRow.net,
            SettlementRow.card_masked,
        ).where(SettlementRow.file_id == file.id, SettlementRow.kind.in_(as_kind))
    )
    return Gathered(
        flow=flow,
        order_ids=tuple(row.id for row in found),
        ours=tables.ours(_leg(number, row) for number, row in enumerate(found)),
        channel=tables.channel(
            tables.ChannelRow(
                row.id,
                as_kind[row.kind],
                row.order_no,
                row.reference,
                row.amount.fen,
                row.fee.fen,
                row.net.fen,
                row.card_masked,
            )
            for row in rows
        ),
    )


def lines_of_day(session: Session, day: date, *, channel: str) -> Sequence[BankEntry]:
    """List the lines of a channel's account that name a settlement day, on whatever statement."""
    return _entries(
        session,
        StatementFile.channel == channel,
        BankLine.settles_on == day,
        BankLine.purpose != Purpose.FUND,
    )


def lines_of_statement(session: Session, file: StatementFile) -> Sequence[BankEntry]:
    """List the lines of one statement."""
    return _entries(session, BankLine.file_id == file.id)


def deposits(session: Session, day: date) -> list[tuple[Money, date]]:
    """List what the books say was put into the funding account on a day."""
    found = session.execute(
        text(
            """
            SELECT t.amount, t.value_date FROM transfer t
            JOIN account d ON d.id = t.debit_id JOIN account c ON c.id = t.credit_id
            WHERE t.state = 'posted' AND t.value_date = :day AND t.reverses IS NULL
                AND d.code LIKE 'funding_bank/%' AND c.code LIKE 'capital/%'
                AND NOT EXISTS (SELECT 1 FROM transfer r WHERE r.reverses = t.id)
            """
        ),
        {"day": day},
    )
    return [(Money(row.amount), row.value_date) for row in found]


def booked_at_bank(session: Session, day: date) -> Money:
    """Add up how the books moved the funding accounts on a day; positive when money came in."""
    moved = session.scalar(
        text(
            """
            SELECT coalesce(sum(CASE WHEN t.debit_id = a.id THEN t.amount ELSE -t.amount END), 0)
            FROM account a JOIN transfer t ON a.id IN (t.debit_id, t.credit_id)
            WHERE a.code LIKE 'funding_bank/%' AND t.state = 'posted' AND t.value_date = :day
            """
        ),
        {"day": day},
    )
    return Money(int(moved or 0))


def _entries(session: Session, *where: Any) -> Sequence[BankEntry]:  # noqa: ANN401 - SQL conditions
    found = session.scalars(
        select(BankLine)
        .join(StatementFile, StatementFile.id == BankLine.file_id)
        .where(
            StatementFile.status == FileStatus.TAKEN, StatementFile.kind == FileKind.BANK, *where
        )
        .order_by(BankLine.id)
    )
    return [
        BankEntry(
            line=line.id,
            direction=line.direction,
            fen=line.amount.fen,
            reference=line.reference,
            value_date=line.value_date,
            posted_on=business_day(line.posted_at),
        )
        for line in found
    ]


def _leg(number: int, row: Any) -> OurLeg:  # noqa: ANN401 - a row of our own SQL
    sent_for = settlement_day(row.txn_time)
    expected = row.value_date or sent_for
    earliest, latest = _window(sent_for)
    return OurLeg(
        leg=number,
        order_no=row.order_no,
        reference=row.reference,
        stand=STANDS[row.status],
        fen=row.amount,
        card=row.card_masked,
        expected=expected,
        earliest=earliest,
        latest=latest,
        overdue=expected,
        earlier=row.earlier,
        is_elsewhere=row.is_elsewhere,
        is_returned_earlier=row.is_returned_earlier,
    )


@lru_cache(maxsize=1024)
def _window(day: date) -> tuple[date, date]:
    return (
        working_days.ahead(day, -WORKING_DAYS_EARLY_MAX),
        working_days.ahead(day, WORKING_DAYS_LATE_MAX),
    )


def _end_of(day: date) -> datetime:
    return shanghai(day + working_days.ONE_DAY)
