"""Matching what was collected: the same rules, the principal in the other direction."""

from __future__ import annotations

import pytest

from disbursement.matching import banking, fees, items, tables
from disbursement.matching.banking import Expected
from disbursement.matching.flows import COLLECTION, PAYOUT, Purpose
from disbursement.matching.kinds import BreakKind
from disbursement.matching.one_by_one import match_lines
from disbursement.matching.tables import bank, channel
from disbursement.statements.lines import Direction
from kernel.money import Money
from tests.disbursement.matching.examples import DAY, back, leg, line, order, pairs, row

COLLECT, FEE, BACK = "COLLECT20261120", "COLLFEE20261120", "CHARGEBACK20261120"
TERMS = fees.agreed("unionpay", on=DAY, flow=COLLECTION)


def match(ours, rows):
    return items.match_items(
        tables.ours(ours), channel(rows), day=DAY, terms=TERMS, flow=COLLECTION
    )


def collected(number: int = 1, **changes):
    """Make a row whose net reaches us: the amount less the fee."""
    made = row(number)
    return row(number, **({"net": made.fen - made.fee} | changes))


def expected(**changes) -> Expected:
    sums = {"paid": 10_000, "paid_by_books": 10_000, "fees": 200, "returned": 0} | changes
    return Expected(day=DAY, flow=COLLECTION, **{k: Money(v) for k, v in sums.items()})


def credit(number: int, fen: int, of: str):
    return line(number, fen, of, direction=Direction.IN)


def debit(number: int, fen: int, of: str):
    return line(number, fen, of, direction=Direction.OUT)


def kinds(found) -> list[BreakKind]:
    return [one.kind for one in found.differences]


def test_a_collection_that_agrees_is_a_pair():
    found = match([leg()], [collected()])

    assert pairs(found.paid) == {(1, 1001)}
    assert found.differences == ()


def test_a_net_that_left_us_is_no_collection():
    made = row()

    found = match([leg()], [row(net=-(made.fen + made.fee))])

    assert kinds(found) == [BreakKind.NET_OF_FEE]


def test_a_net_that_reached_us_is_no_payout():
    terms = fees.agreed("unionpay", on=DAY, flow=PAYOUT)

    found = items.match_items(
        tables.ours([leg()]), channel([collected()]), day=DAY, terms=terms, flow=PAYOUT
    )

    assert kinds(found) == [BreakKind.NET_OF_FEE]


def test_what_the_books_do_not_know_is_named():
    assert kinds(match([], [collected()])) == [BreakKind.CHANNEL_ONLY]


def test_a_charge_back_agrees_with_what_was_collected():
    found = match([leg()], [collected(), back(1)])

    assert pairs(found.returned) == {(1, 2001)}


def test_a_day_ties_by_its_own_three_lines_and_passes_those_of_payouts_by():
    lines = [
        credit(1, 10_000, COLLECT),
        debit(2, 200, FEE),
        debit(3, 500, BACK),
        debit(4, 77_000, "SETTLE20261120"),
    ]

    tie = banking.tie(lines, expected(returned=500))

    assert tie.differences == ()
    assert tie.sides == dict.fromkeys(COLLECTION.purposes(), True)


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ([credit(1, 9_999, COLLECT), debit(2, 200, FEE)], BreakKind.BANK_TOTAL),
        ([credit(1, 10_000, COLLECT), debit(2, 201, FEE)], BreakKind.FEE),
        # 100.00 less a fee of 2.00, credited in one sum.
        ([credit(1, 9_800, COLLECT)], BreakKind.NET_OF_FEE),
    ],
)
def test_a_bank_that_moved_otherwise_is_named(lines, kind):
    assert kinds(banking.tie(lines, expected())) == [kind]


def test_a_line_that_moves_the_wrong_way_says_nothing():
    assert banking.told(debit(1, 10_000, COLLECT)) is None
    assert banking.told(credit(1, 200, FEE)) is None
    assert banking.told(credit(1, 10_000, COLLECT)).purpose is Purpose.COLLECT


def test_a_bank_that_shows_collections_one_by_one_is_matched_by_their_numbers():
    rows = channel([collected()])
    amount = row().fen

    single = match_lines(rows, bank([credit(1, amount, order(1))]), flow=COLLECTION)
    wrong_way = match_lines(rows, bank([debit(1, amount, order(1))]), flow=COLLECTION)

    assert single.pairs.rows() == [(1001, 1)]
    assert single.sums.paid == Money(amount)
    assert wrong_way.pairs.height == 0
