"""The three sides of the cash over some settlement days: books, channel files, bank statements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from disbursement import legs
from disbursement.records.payouts import LegStatus
from kernel.money import Money

_SIDES: Final = text(
    """
    SELECT
        (SELECT coalesce(sum(amount), 0) FROM payout_leg
            WHERE value_date BETWEEN :first AND :last AND paid_at IS NOT NULL) AS paid_books,
        (SELECT coalesce(sum(amount), 0) FROM payout_leg
            WHERE returned_on BETWEEN :first AND :last) AS returned_books,
        (SELECT coalesce(sum(t.amount), 0) FROM account a JOIN transfer t ON t.debit_id = a.id
            WHERE a.code LIKE 'channel_fees/%' AND t.state = 'posted'
              AND t.value_date BETWEEN :first AND :last) AS fees_books,
        file.*, bank.*, matched.*
    FROM
        (SELECT coalesce(sum(r.amount) FILTER (WHERE r.kind = 'paid'), 0) AS paid_channel,
                coalesce(sum(r.amount) FILTER (WHERE r.kind = 'returned'), 0) AS returned_channel,
                coalesce(sum(r.fee) FILTER (WHERE r.kind = 'paid'), 0) AS fees_channel
         FROM settlement_row r JOIN statement_file f ON f.id = r.file_id
         WHERE f.status = 'taken' AND f.day BETWEEN :first AND :last) file,
        (SELECT coalesce(sum(l.amount) FILTER (WHERE l.purpose = 'SETTLE'), 0) AS paid_bank,
                coalesce(sum(l.amount) FILTER (WHERE l.purpose = 'RETURN'), 0) AS returned_bank,
                coalesce(sum(l.amount) FILTER (WHERE l.purpose = 'FEE'), 0) AS fees_bank
         FROM bank_line l JOIN statement_file f ON f.id = l.file_id
         WHERE f.status = 'taken' AND l.settles_on BETWEEN :first AND :last) bank,
        (SELECT coalesce(sum(amount) FILTER (WHERE kind = 'paid'), 0) AS paid_matched,
                coalesce(sum(amount) FILTER (WHERE kind = 'returned'), 0) AS returned_matched,
                count(*) FILTER (WHERE kind = 'paid') AS rows_matched
         FROM matched_row WHERE day BETWEEN :first AND :last) matched
    """
)
_STANDING: Final = text(
    """
    SELECT
        count(*) FILTER (WHERE status = ANY(:in_flight)) AS unknown_count,
        coalesce(sum(amount) FILTER (WHERE status = ANY(:in_flight)), 0) AS unknown,
        count(*) FILTER (WHERE status = :planned) AS waiting_count,
        coalesce(sum(ceiling) FILTER (WHERE status = :planned), 0) AS waiting
    FROM payout_leg WHERE status = ANY(:in_flight) OR status = :planned
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One kind of movement on all three sides."""

    books: Money
    channel: Money
    bank: Money

    @property
    def agrees(self) -> bool:
        """Whether the three sides have the same sum."""
        return self.books == self.channel == self.bank

    @property
    def furthest(self) -> Money:
        """How far apart the highest and the lowest side are."""
        sides = (self.books, self.channel, self.bank)
        return max(sides) - min(sides)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreeSides:
    """The cash of some settlement days on all three sides."""

    paid: Line
    returned: Line
    fees: Line
    paid_matched: Money
    returned_matched: Money
    rows_matched: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is undecided or waits now."""

    unknown: Money
    unknown_count: int
    waiting: Money
    """The ceilings of payouts that nobody has sent."""
    waiting_count: int


def three_sides(session: Session, first: date, last: date) -> ThreeSides:
    """Add up the settlement days from first to last on every side."""
    row = session.execute(_SIDES, {"first": first, "last": last}).one()
    paid, returned, fees = (
        Line(
            books=Money(int(getattr(row, f"{name}_books"))),
            channel=Money(int(getattr(row, f"{name}_channel"))),
            bank=Money(int(getattr(row, f"{name}_bank"))),
        )
        for name in ("paid", "returned", "fees")
    )
    return ThreeSides(
        paid=paid,
        returned=returned,
        fees=fees,
        paid_matched=Money(int(row.paid_matched)),
        returned_matched=Money(int(row.returned_matched)),
        rows_matched=row.rows_matched,
    )


def standing(session: Session) -> Standing:
    """Tell what is undecided or waits now."""
    row = session.execute(
        _STANDING,
        {
            "in_flight": [status.value for status in legs.IN_FLIGHT],
            "planned": LegStatus.PLANNED.value,
        },
    ).one()
    return Standing(
        unknown=Money(int(row.unknown)),
        unknown_count=row.unknown_count,
        waiting=Money(int(row.waiting)),
        waiting_count=row.waiting_count,
    )
