"""Every kind of difference between the books and the channel's file is told from the others."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disbursement.matching.kinds import BreakKind
from disbursement.matching.tables import Stand
from disbursement.statements.lines import LineKind
from kernel.money import Money
from tests.disbursement.matching import examples
from tests.disbursement.matching.examples import DAY, back, leg, match, pairs, row


def kinds(items) -> list[BreakKind]:
    return [difference.kind for difference in items.differences]


def the_one(items):
    (difference,) = items.differences
    return difference


def test_what_agrees_in_everything_is_a_pair_and_no_difference():
    items = match([leg(1), leg(2)], [row(2), row(1)])

    assert pairs(items.paid) == {(1, 1001), (2, 1002)}
    assert items.differences == ()
    assert items.waiting == 0


def test_nothing_on_both_sides_is_nothing():
    items = match([], [])

    assert items.paid.is_empty()
    assert items.differences == ()


def test_1_paid_in_the_books_and_in_no_file():
    items = match([leg(1)], [])

    found = the_one(items)
    assert found.kind is BreakKind.OURS_ONLY
    assert (found.leg, found.ours) == (1, Money(100_001))


def test_1_a_payment_that_may_still_be_in_the_next_file_is_waited_for():
    items = match([leg(1, overdue=DAY + timedelta(days=1))], [])

    assert items.differences == ()
    assert items.waiting == 1


def test_1_a_payment_that_another_file_has_is_not_missing():
    items = match([leg(1, is_elsewhere=True)], [])

    assert items.differences == ()
    assert items.waiting == 0


def test_2_paid_by_the_channel_and_not_in_the_books():
    items = match([], [row(1)])

    found = the_one(items)
    assert found.kind is BreakKind.CHANNEL_ONLY
    assert (found.leg, found.row, found.theirs) == (None, 1001, Money(100_001))
    assert items.paid.is_empty()


@pytest.mark.parametrize("off", [-1, 1])
def test_3_one_fen_is_another_amount(off):
    items = match([leg(1)], [row(1, fen=100_001 + off)])

    found = the_one(items)
    assert found.kind is BreakKind.AMOUNT
    assert (found.ours, found.theirs) == (Money(100_001), Money(100_001 + off))
    assert items.paid.is_empty()


def test_4_undecided_in_the_books_and_paid_by_the_file_is_settled_by_the_file():
    items = match([leg(1, stand=Stand.UNDECIDED, reference=None)], [row(1)])

    found = the_one(items)
    assert found.kind is BreakKind.STATUS
    assert not found.needs_person
    assert pairs(items.paid) == {(1, 1001)}


def test_4_failed_in_the_books_and_paid_by_the_channel_needs_a_person():
    items = match([leg(1, stand=Stand.FAILED)], [row(1)])

    found = the_one(items)
    assert found.kind is BreakKind.STATUS
    assert found.needs_person
    assert items.paid.is_empty()


def test_4_undecided_in_the_books_and_in_no_file():
    items = match([leg(1, stand=Stand.UNDECIDED)], [])

    assert the_one(items).kind is BreakKind.UNRESOLVED


def test_4_undecided_with_another_amount_stays_undecided():
    items = match([leg(1, stand=Stand.UNDECIDED)], [row(1, fen=5)])

    assert BreakKind.AMOUNT in kinds(items)
    assert items.paid.is_empty()


def test_failed_in_the_books_and_in_no_file_agrees():
    items = match([leg(1, stand=Stand.FAILED)], [])

    assert items.differences == ()


def test_5_one_order_paid_twice_in_one_file():
    again = row(1, row=1099, reference=examples.reference(99))

    items = match([leg(1)], [row(1), again])

    assert kinds(items) == [BreakKind.PAID_TWICE, BreakKind.PAID_TWICE]
    assert items.paid.is_empty(), "a key that is not unique makes no pair"


def test_5_one_order_paid_again_in_a_later_file():
    items = match([leg(1, earlier=examples.reference(7))], [row(1)])

    assert kinds(items) == [BreakKind.PAID_TWICE]
    assert items.paid.is_empty()


def test_a_row_listed_twice_in_one_file():
    items = match([leg(1)], [row(1), row(1, row=1099)])

    assert kinds(items) == [BreakKind.DUPLICATE_ROW, BreakKind.DUPLICATE_ROW]
    assert len({difference.row for difference in items.differences}) == 2


def test_a_row_listed_again_in_a_later_file():
    items = match([leg(1, earlier=examples.reference(1))], [row(1)])

    assert kinds(items) == [BreakKind.DUPLICATE_ROW]


def test_one_channel_number_under_two_orders():
    items = match([leg(1), leg(2)], [row(1), row(2, reference=examples.reference(1))])

    assert kinds(items) == [BreakKind.DUPLICATE_ROW, BreakKind.DUPLICATE_ROW]
    assert items.paid.is_empty()


def test_6_a_return_after_a_success():
    items = match([leg(1, is_elsewhere=True)], [back(1)])

    found = the_one(items)
    assert found.kind is BreakKind.RETURNED
    assert not found.needs_person
    assert pairs(items.returned) == {(1, 2001)}


def test_6_paid_and_returned_in_one_file():
    items = match([leg(1, stand=Stand.UNDECIDED)], [row(1), back(1)])

    assert kinds(items) == [BreakKind.STATUS, BreakKind.RETURNED]
    assert pairs(items.paid) == {(1, 1001)}
    assert pairs(items.returned) == {(1, 2001)}


def test_6_a_payment_known_as_returned_still_agrees_with_its_payment_row():
    items = match([leg(1, stand=Stand.RETURNED)], [row(1)])

    assert pairs(items.paid) == {(1, 1001)}
    assert items.differences == ()


def test_7_a_return_of_nothing_we_know():
    items = match([], [back(1)])

    assert the_one(items).kind is BreakKind.RETURN_UNKNOWN
    assert items.returned.is_empty()


def test_7_a_return_of_what_failed_in_the_books():
    items = match([leg(1, stand=Stand.FAILED, is_elsewhere=True)], [back(1)])

    assert kinds(items) == [BreakKind.RETURN_UNKNOWN]
    assert items.returned.is_empty()


def test_6_a_return_of_an_undecided_payment_says_that_it_was_made():
    items = match([leg(1, stand=Stand.UNDECIDED, is_elsewhere=True)], [back(1)])

    assert kinds(items) == [BreakKind.RETURNED]
    assert pairs(items.returned) == {(1, 2001)}


def test_a_return_of_another_amount():
    items = match([leg(1, is_elsewhere=True)], [back(1, fen=5)])

    assert kinds(items) == [BreakKind.AMOUNT]
    assert items.returned.is_empty()


def test_8_settled_a_day_later_is_written_down_and_paired():
    items = match([leg(1, expected=DAY - timedelta(days=1))], [row(1)])

    found = the_one(items)
    assert found.kind is BreakKind.CUTOFF
    assert not found.needs_person
    assert pairs(items.paid) == {(1, 1001)}


@pytest.mark.parametrize("days", [-2, 3])
def test_8_settled_outside_the_window_needs_a_person(days):
    items = match([leg(1, expected=DAY - timedelta(days=days))], [row(1)])

    found = the_one(items)
    assert found.kind is BreakKind.CUTOFF
    assert found.needs_person
    assert items.paid.is_empty()


def test_9_a_fee_taken_out_of_the_principal():
    items = match([leg(1)], [row(1, net=-(100_001 - 100))])

    found = the_one(items)
    assert found.kind is BreakKind.NET_OF_FEE
    assert (found.ours, found.theirs) == (Money(100_101), Money(99_901))
    assert items.paid.is_empty()


def test_an_unexpected_fee_leaves_the_principal_paired():
    items = match([leg(1)], [row(1, fee=150)])

    found = the_one(items)
    assert found.kind is BreakKind.FEE
    assert (found.ours, found.theirs) == (Money(100), Money(150))
    assert pairs(items.paid) == {(1, 1001)}


def test_11_another_card_was_paid():
    items = match([leg(1)], [row(1, card="622588******0099")])

    assert the_one(items).kind is BreakKind.PAYEE
    assert items.paid.is_empty()


def test_13_a_return_listed_again_in_a_later_file():
    items = match([leg(1, stand=Stand.RETURNED, is_returned_earlier=True)], [back(1)])

    assert BreakKind.RE_PRESENTED in kinds(items)
    assert items.returned.is_empty()


def test_13_a_return_listed_twice_in_one_file():
    items = match([leg(1, is_elsewhere=True)], [back(1), back(1, row=2099)])

    assert kinds(items) == [BreakKind.RE_PRESENTED, BreakKind.RE_PRESENTED]


def test_13_a_payment_that_went_out_again_after_its_return():
    again = leg(1, stand=Stand.RETURNED, is_returned_earlier=True, earlier=examples.reference(1))

    items = match([again], [row(1, reference=examples.reference(5))])

    assert kinds(items) == [BreakKind.RE_PRESENTED]


def test_a_row_of_an_unknown_kind():
    items = match([leg(1)], [row(1), row(2, kind=LineKind.OTHER)])

    assert kinds(items) == [BreakKind.UNKNOWN_ROW]
    assert pairs(items.paid) == {(1, 1001)}


def test_a_row_without_order_number_is_found_by_the_channels_number():
    items = match([leg(1), leg(2)], [row(1, order_no=None), row(2)])

    assert pairs(items.paid) == {(1, 1001), (2, 1002)}
    assert items.differences == ()


def test_a_known_channel_number_does_not_excuse_a_strange_order_number():
    items = match([leg(1)], [row(1, order_no="SOMEBODYELSES")])

    assert sorted(kinds(items)) == [BreakKind.CHANNEL_ONLY, BreakKind.OURS_ONLY]
    assert items.paid.is_empty()


def test_rows_without_any_known_key_stay_apart():
    strangers = [row(n, order_no=None, reference=examples.reference(n + 50)) for n in (1, 2)]

    items = match([], strangers)

    assert kinds(items) == [BreakKind.CHANNEL_ONLY, BreakKind.CHANNEL_ONLY]


def test_the_same_differences_get_the_same_names_again():
    legs, rows = [leg(1), leg(2)], [row(1, fen=1), row(3)]

    assert match(legs, rows).differences == match(legs, rows).differences


@st.composite
def days(draw):
    """Draw a day with legs and rows that agree, disagree or are missing."""
    legs, rows = [], []
    for number in range(1, draw(st.integers(0, 8)) + 1):
        stand = draw(st.sampled_from(Stand))
        if draw(st.booleans()):
            legs.append(leg(number, stand=stand))
        for copy in range(draw(st.sampled_from([0, 1, 1, 1, 2]))):
            off = draw(st.sampled_from([0, 0, 0, 1]))
            rows.append(row(number, row=number * 100 + copy, fen=100_000 + number + off))
        if draw(st.booleans()):
            rows.append(back(number, row=number * 100 + 50))
    return legs, rows, draw(st.randoms(use_true_random=False))


@given(days())
@settings(max_examples=150, deadline=None)
def test_the_order_of_the_tables_changes_nothing(drawn):
    legs, rows, random = drawn
    first = match(legs, rows)
    shuffled_legs, shuffled_rows = list(legs), list(rows)
    random.shuffle(shuffled_legs)
    random.shuffle(shuffled_rows)

    second = match(shuffled_legs, shuffled_rows)

    assert pairs(first.paid) == pairs(second.paid)
    assert pairs(first.returned) == pairs(second.returned)
    assert set(first.differences) == set(second.differences)


@given(days())
@settings(max_examples=150, deadline=None)
def test_every_row_is_paired_or_named_and_every_pair_agrees(drawn):
    legs, rows, _ = drawn

    items = match(legs, rows)

    paired = [*items.paid.iter_rows(), *items.returned.iter_rows()]
    named = {d.row for d in items.differences if d.needs_person and d.row is not None}
    assert {r.row for r in rows} == {number for _, number in paired} | named
    legs_by, rows_by = {x.leg: x for x in legs}, {x.row: x for x in rows}
    assert all(legs_by[mine].fen == rows_by[theirs].fen for mine, theirs in paired)
    assert len({mine for mine, _ in items.paid.iter_rows()}) == items.paid.height
