"""Make legs, rows and bank lines for examples of matching; everything agrees unless said."""

from __future__ import annotations

from datetime import date, timedelta

from disbursement.matching.fees import FeeTerms
from disbursement.matching.items import Items, match_items
from disbursement.matching.tables import (
    BankEntry,
    ChannelRow,
    OurLeg,
    Stand,
    channel,
    ours,
)
from disbursement.statements.lines import Direction, LineKind
from kernel.money import Money

DAY = date(2026, 11, 20)
CARD = "622155******0015"
TERMS = FeeTerms(fixed=Money(100), share_millionths=0)


def order(number: int) -> str:
    return f"ORDER{number:011d}"


def reference(number: int) -> str:
    return f"20261120120000{number:06d}8"


def leg(number: int = 1, **changes) -> OurLeg:
    expected = changes.pop("expected", DAY)
    made = OurLeg(
        leg=number,
        order_no=order(number),
        reference=reference(number),
        stand=Stand.PAID,
        fen=100_000 + number,
        card=CARD,
        expected=expected,
        earliest=expected - timedelta(days=1),
        latest=expected + timedelta(days=2),
        overdue=expected,
    )
    return made._replace(**changes)


def row(number: int = 1, **changes) -> ChannelRow:
    fen = changes.pop("fen", 100_000 + number)
    fee = changes.pop("fee", 100)
    made = ChannelRow(
        row=1000 + number,
        kind=LineKind.PAID,
        order_no=order(number),
        reference=reference(number),
        fen=fen,
        fee=fee,
        net=-(fen + fee),
        card=CARD,
    )
    return made._replace(**changes)


def back(number: int = 1, **changes) -> ChannelRow:
    fen = changes.pop("fen", 100_000 + number)
    made = row(number)._replace(row=2000 + number, kind=LineKind.RETURNED, fen=fen, fee=0, net=fen)
    return made._replace(**changes)


def match(legs: list[OurLeg], rows: list[ChannelRow], day: date = DAY) -> Items:
    return match_items(ours(legs), channel(rows), day=day, terms=TERMS)


def pairs(frame) -> set[tuple[int, int]]:
    return set(frame.iter_rows())


def line(number: int, fen: int, of: str, **changes) -> BankEntry:
    is_in = of.startswith(("RETURN", "FUND"))
    made = BankEntry(
        line=number,
        direction=Direction.IN if is_in else Direction.OUT,
        fen=fen,
        reference=of,
        value_date=DAY,
        posted_on=DAY,
    )
    return made._replace(**changes)
