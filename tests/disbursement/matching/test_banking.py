"""The bank's lines tie with the channel's day, or the difference is named."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from disbursement.matching import banking
from disbursement.matching.banking import Expected
from disbursement.matching.flows import Purpose
from disbursement.matching.kinds import BreakKind
from disbursement.matching.one_by_one import ItemSums, match_lines
from disbursement.matching.tables import bank, channel
from disbursement.statements.lines import Direction
from kernel.money import Money
from tests.disbursement.matching.examples import DAY, back, line, order, reference, row

SETTLE, FEE, RETURN = "SETTLE20261120", "FEE20261120", "RETURN20261120"


def expected(**changes) -> Expected:
    sums = {"paid": 10_000, "paid_by_books": None, "fees": 200, "returned": 0} | changes
    sums["paid_by_books"] = sums["paid_by_books"] or sums["paid"]
    return Expected(day=DAY, **{name: Money(fen) for name, fen in sums.items()})


def kinds(tie) -> list[BreakKind]:
    return [difference.kind for difference in tie.differences]


def test_a_day_that_ties_has_no_difference():
    lines = [line(1, 10_000, SETTLE), line(2, 200, FEE), line(3, 500, RETURN)]

    tie = banking.tie(lines, expected(returned=500))

    assert (tie.paid, tie.fees, tie.returned, tie.differences) == (True, True, True, ())


def test_an_empty_day_ties_with_no_lines():
    tie = banking.tie([], expected(paid=0, fees=0))

    assert (tie.paid, tie.fees, tie.returned, tie.differences) == (True, True, True, ())


@pytest.mark.parametrize("moved", [0, 9_999, 10_001, 20_000])
def test_10_the_bank_moved_another_sum(moved):
    lines = [line(2, 200, FEE), *([line(1, moved, SETTLE)] if moved else [])]

    tie = banking.tie(lines, expected())

    assert kinds(tie) == [BreakKind.BANK_TOTAL]
    assert not tie.paid
    assert tie.fees


def test_10_two_lines_for_one_day_count_together():
    lines = [line(1, 4_000, SETTLE), line(2, 6_000, SETTLE), line(3, 200, FEE)]

    assert banking.tie(lines, expected()).paid


def test_10_returned_money_that_is_not_back_yet():
    lines = [line(1, 10_000, SETTLE), line(2, 200, FEE)]

    tie = banking.tie(lines, expected(returned=500))

    assert kinds(tie) == [BreakKind.BANK_TOTAL]
    assert tie.paid
    assert not tie.returned


def test_the_bank_may_side_with_the_books_against_a_row_of_the_file():
    lines = [line(1, 10_000, SETTLE), line(2, 200, FEE)]

    tie = banking.tie(lines, expected(paid=10_001, paid_by_books=10_000))

    assert tie.paid


# 10,000 paid, 200 fees, 500 returned.
@pytest.mark.parametrize("moved", [10_200, 9_800, 9_700])
def test_9_principal_and_fee_in_one_sum(moved):
    tie = banking.tie([line(1, moved, SETTLE)], expected(returned=500))

    assert kinds(tie) == [BreakKind.NET_OF_FEE]
    assert not tie.paid


def test_another_sum_of_fees():
    lines = [line(1, 10_000, SETTLE), line(2, 300, FEE)]

    tie = banking.tie(lines, expected())

    assert kinds(tie) == [BreakKind.FEE]
    assert tie.paid


def test_14_the_value_date_is_not_the_day_of_posting():
    late = line(1, 10_000, SETTLE, value_date=DAY - timedelta(days=1))

    tie = banking.tie([late, line(2, 200, FEE)], expected())

    assert kinds(tie) == [BreakKind.VALUE_DATE]


def test_14_the_bank_settled_a_day_late():
    late = line(1, 10_000, SETTLE, value_date=DAY + timedelta(days=1))

    tie = banking.tie([late, line(2, 200, FEE)], expected())

    assert kinds(tie) == [BreakKind.VALUE_DATE]


@pytest.mark.parametrize(
    ("text", "direction", "purpose"),
    [
        (SETTLE, Direction.OUT, Purpose.SETTLE),
        (FEE, Direction.OUT, Purpose.FEE),
        (RETURN, Direction.IN, Purpose.RETURN),
        ("FUND2026112001", Direction.IN, Purpose.FUND),
        ("FUND20261120", Direction.IN, Purpose.FUND),
    ],
)
def test_a_reference_tells_purpose_and_day(text, direction, purpose):
    assert banking.told(line(1, 5, text, direction=direction)) == (purpose, DAY)


@pytest.mark.parametrize(
    ("text", "direction"),
    [
        (SETTLE, Direction.IN),
        (FEE, Direction.IN),
        (RETURN, Direction.OUT),
        ("FUND2026112001", Direction.OUT),
        ("SETTLE2026112001", Direction.OUT),
        ("SETTLE20261132", Direction.OUT),
        ("SETTLE", Direction.OUT),
        ("SETTLE20261120 ", Direction.OUT),
        ("settle20261120", Direction.OUT),
        ("SETTLE２０２６1120", Direction.OUT),
        ("", Direction.OUT),
    ],
)
def test_any_other_reference_tells_nothing(text, direction):
    assert banking.told(line(1, 5, text, direction=direction)) is None


def test_a_deposit_in_the_books_and_at_the_bank_agrees():
    entry = line(1, 500_000, "FUND2026112001")

    assert banking.fund([entry], [(Money(500_000), DAY)]) == ()


@pytest.mark.parametrize(
    "booked", [[], [(Money(500_001), DAY)], [(Money(500_000), date(2026, 11, 19))]]
)
def test_a_deposit_that_the_books_lack_or_have_otherwise(booked):
    differences = banking.fund([line(1, 500_000, "FUND2026112001")], booked)

    assert differences[0].kind is BreakKind.FUNDING
    assert differences[0].line == 1
    assert len(differences) == 1 + len(booked)


def test_one_deposit_in_the_books_answers_one_at_the_bank():
    lines = [line(1, 500, "FUND2026112001"), line(2, 500, "FUND2026112002")]

    (difference,) = banking.fund(lines, [(Money(500), DAY)])

    assert difference.line == 2


def single(number: int, fen: int, of: str, direction: Direction = Direction.OUT):
    return line(number, fen, of, direction=direction)


def test_payments_shown_one_by_one_are_found_by_either_number():
    rows = [row(1, fen=100), row(2, fen=200), back(1, fen=100)]
    lines = [
        single(1, 100, order(1)),
        single(2, 200, reference(2)),
        single(3, 100, order(1), Direction.IN),
        single(4, 7, "SOMETHING"),
    ]

    found = match_lines(channel(rows), bank(lines))

    assert set(found.pairs.iter_rows()) == {(1001, 1), (1002, 2), (2001, 3)}
    assert found.strangers["line"].to_list() == [4]
    assert found.sums == ItemSums(paid=Money(300), returned=Money(100))
    assert found.differences == ()


def test_a_single_line_of_another_sum_or_shown_twice_is_a_difference():
    rows = [row(1, fen=100), row(2, fen=200)]
    lines = [single(1, 101, order(1)), single(2, 200, order(2)), single(3, 200, order(2))]

    found = match_lines(channel(rows), bank(lines))

    assert [d.kind for d in found.differences] == [
        BreakKind.AMOUNT, BreakKind.DUPLICATE_ROW, BreakKind.DUPLICATE_ROW,
    ]  # fmt: skip
    assert found.pairs.is_empty()
    assert found.sums.paid == Money(501)


def test_single_lines_count_towards_the_day():
    tie = banking.tie([], expected(fees=0), items=ItemSums(paid=Money(10_000)))

    assert tie.paid
