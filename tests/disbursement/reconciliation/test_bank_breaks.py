"""Where the bank differs from file and books, a break says how, and nothing is cleared."""

from __future__ import annotations

import pytest

from disbursement import ledger
from disbursement.matching.kinds import BreakKind
from disbursement.records.payouts import LegStatus
from kernel.money import Money
from tests.disbursement.reconciliation import world
from tests.disbursement.reconciliation.world import (
    Told,
    balance,
    live,
    movement,
    of_kind,
    paid,
    payment,
    resolve,
)
from tests.disbursement.statements.files import Payment, Return

NINE = Money(900_000)


@pytest.fixture(autouse=True)
def books_agree(books):
    """After every example the books agree with themselves."""


def test_9_settled_net_of_fees_is_named_and_not_cleared(session):
    leg = paid(session, 1)
    told = Told(payments=[payment(leg)], movements=[movement(900_100, "SETTLE20261120")])

    world.reconcile(session, told)

    session.refresh(leg)
    assert live(session) == [BreakKind.NET_OF_FEE]
    assert leg.status is LegStatus.PAID


def test_9_when_two_persons_let_it_stand_principal_and_fee_are_booked_apart(session):
    leg = paid(session, 1)
    told = Told(payments=[payment(leg)], movements=[movement(900_100, "SETTLE20261120")])
    world.reconcile(session, told)
    resolve(session, of_kind(session, BreakKind.NET_OF_FEE))

    world.run(session)

    session.refresh(leg)
    assert leg.status is LegStatus.MATCHED
    assert balance(session, world.BANK) == Money(-900_100)
    assert balance(session, world.FEES) == Money(100)


def test_10_the_bank_moved_another_sum_and_nothing_is_cleared(session):
    leg = paid(session, 1)
    told = Told(payments=[payment(leg)])
    told.movements = [movement(899_999, "SETTLE20261120"), movement(100, "FEE20261120")]

    world.reconcile(session, told)

    session.refresh(leg)
    assert live(session) == [BreakKind.BANK_TOTAL]
    assert leg.status is LegStatus.PAID
    assert balance(session, world.TRANSIT) == NINE


def test_10_the_bank_settles_a_day_late(session):
    leg = paid(session, 1)
    world.reconcile(session, Told(payments=[payment(leg)], movements=[]))
    assert live(session) == [BreakKind.BANK_TOTAL, BreakKind.FEE]

    late = [
        movement(900_000, "SETTLE20261120", day=world.NEXT),
        movement(100, "FEE20261120", day=world.NEXT),
    ]
    world.reconcile(session, Told(day=world.NEXT, movements=late))

    session.refresh(leg)
    assert leg.status is LegStatus.MATCHED
    assert balance(session, world.TRANSIT) == Money(0)
    # Cured, but the bank's value dates are not the settlement day.
    assert live(session) == [BreakKind.VALUE_DATE, BreakKind.VALUE_DATE]


def test_14_a_value_date_that_is_not_the_day_of_posting(session):
    leg = paid(session, 1)
    told = Told(payments=[payment(leg)])
    odd = movement(900_000, "SETTLE20261120")
    told.movements = [odd, movement(100, "FEE20261120")]
    content = told.statement().replace(b",2026-11-20,D,9000.00", b",2026-11-19,D,9000.00")
    world.take_file(session, told.file())
    world.take_bank(session, content)

    world.run(session)

    session.refresh(leg)
    assert live(session) == [BreakKind.VALUE_DATE]
    assert leg.status is LegStatus.MATCHED


def test_a_bank_line_that_nothing_explains(session):
    world.reconcile(session, Told(movements=[movement(500, "MYSTERY")]))

    assert live(session) == [BreakKind.BANK_ONLY]


def test_a_bank_line_for_a_day_to_come_or_without_file(session):
    lines = [movement(500, "SETTLE20261121"), movement(500, "SETTLE20261119")]

    world.reconcile(session, Told(movements=lines))

    assert live(session) == [BreakKind.BANK_ONLY, BreakKind.BANK_ONLY]


def test_a_deposit_that_is_booked_is_no_break(session):
    world.deposit(session, 5_000_000)

    world.reconcile(session, Told(movements=[movement(5_000_000, "FUND2026112001", "C")]))

    assert live(session) == []
    assert balance(session, world.BANK) == Money(5_000_000)


def test_a_deposit_booked_later_cures_its_break(session):
    world.reconcile(session, Told(movements=[movement(5_000_000, "FUND2026112001", "C")]))
    assert live(session) == [BreakKind.FUNDING]
    world.deposit(session, 5_000_000)

    world.run(session)

    assert live(session) == []


def test_a_deposit_that_the_bank_does_not_show(session):
    world.deposit(session, 5_000_000)

    world.reconcile(session, Told())

    assert live(session) == [BreakKind.FUNDING]


def test_books_that_moved_otherwise_than_the_account_are_a_break(session):
    leg = paid(session, 1)
    world.book(session, debit="suspense/unionpay", credit=world.BANK, fen=500)

    world.reconcile(session, Told(payments=[payment(leg)]))

    found = of_kind(session, BreakKind.BALANCE)
    # 9,000.00 and a fee of 1.00 left the account; the books say 5.00 more.
    assert (found.theirs, found.ours) == (Money.yuan("-9001.00"), Money.yuan("-9006.00"))
    assert live(session) == [BreakKind.BALANCE]


def test_what_another_break_explains_is_not_told_twice(session):
    world.reconcile(session, Told(payments=[Payment(fen=77_700)]))

    assert live(session) == [BreakKind.CHANNEL_ONLY]


def test_a_bank_that_shows_payments_one_by_one_ties_as_well(session):
    leg = paid(session, 1)
    told = Told(payments=[payment(leg)])
    told.movements = [movement(900_000, leg.order_no), movement(100, "FEE20261120")]

    world.reconcile(session, told)

    session.refresh(leg)
    assert live(session) == []
    assert leg.status is LegStatus.MATCHED


def test_the_ledger_explains_the_bank_to_the_fen(session):
    world.deposit(session, 5_000_000)
    legs = [paid(session, n, fen=100_000 * n) for n in (1, 2, 3)]
    told = Told(payments=[payment(leg) for leg in legs], returns=[Return(of=payment(legs[0]))])
    told.movements = [*world.settled(told), movement(5_000_000, "FUND2026112001", "C")]

    world.reconcile(session, told)

    # 50,000.00 - (1,000 + 2,000 + 3,000) - 3 fees + 1,000 back
    assert balance(session, world.BANK) == Money.yuan("44997.00") + Money.yuan("0.00")
    assert ledger.check_books(session) == []
