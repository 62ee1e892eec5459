"""Where the channel's file and the books differ, a break says how, and nothing is guessed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from disbursement import reconciliation
from disbursement.channels.channel import Outcome
from disbursement.matching.kinds import BreakKind
from disbursement.records.breaks import BreakStatus, Resolution
from disbursement.records.payouts import LegStatus, PayoutAbsence
from kernel.clock import shanghai
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
    sent,
)
from tests.disbursement.statements.files import DAY, NOON, Payment, Return

NINE = Money(900_000)


@pytest.fixture(autouse=True)
def books_agree(books):
    """After every example the books agree with themselves."""


def test_1_a_payment_that_the_file_lacks_is_a_break_until_a_file_has_it(session):
    leg = paid(session, 1)
    world.reconcile(session, Told())
    assert live(session) == [BreakKind.OURS_ONLY]
    assert of_kind(session, BreakKind.OURS_ONLY).leg_id == leg.id

    world.reconcile(session, Told(payments=[payment(leg)], day=world.NEXT))

    session.refresh(leg)
    assert live(session) == []
    assert of_kind(session, BreakKind.OURS_ONLY).status is BreakStatus.CURED
    assert of_kind(session, BreakKind.CUTOFF).status is BreakStatus.CURED
    assert leg.status is LegStatus.MATCHED


def test_1_it_stays_one_break_on_later_days(session):
    paid(session, 1)
    world.reconcile(session, Told())

    world.reconcile(session, Told(day=world.NEXT))

    assert live(session) == [BreakKind.OURS_ONLY]
    assert of_kind(session, BreakKind.OURS_ONLY).day == DAY


def test_2_a_payment_that_the_books_lack_keeps_nothing_else_waiting(session):
    leg = paid(session, 1)

    world.reconcile(session, Told(payments=[payment(leg), Payment(fen=77_700)]))

    session.refresh(leg)
    assert live(session) == [BreakKind.CHANNEL_ONLY]
    assert leg.status is LegStatus.MATCHED
    assert balance(session, world.TRANSIT) == Money(0)


def test_2_what_it_may_belong_to_is_only_suggested(session):
    leg = paid(session, 1)

    world.reconcile(session, Told(payments=[payment(leg, order="ANOTHERNUMBER000")]))

    session.refresh(leg)
    assert live(session) == [BreakKind.CHANNEL_ONLY, BreakKind.OURS_ONLY]
    assert leg.order_no in of_kind(session, BreakKind.CHANNEL_ONLY).suggestion
    assert "ANOTHERNUMBER000" in of_kind(session, BreakKind.OURS_ONLY).suggestion
    assert leg.status is LegStatus.PAID


def test_3_one_fen_too_much_in_the_file_holds_that_leg_alone(session):
    odd, even = paid(session, 1), paid(session, 2)
    # The bank moved what the books say.
    told = Told(payments=[payment(odd, fen=900_001), payment(even)])
    told.movements = [movement(1_800_000, "SETTLE20261120"), movement(200, "FEE20261120")]

    world.reconcile(session, told)

    session.expire_all()
    assert live(session) == [BreakKind.AMOUNT]
    assert (odd.status, even.status) == (LegStatus.PAID, LegStatus.MATCHED)
    assert balance(session, world.TRANSIT) == NINE


def test_3_two_persons_let_the_books_stand_and_it_is_cleared_at_their_amount(session):
    odd = paid(session, 1)
    told = Told(payments=[payment(odd, fen=900_001)])
    told.movements = [movement(900_000, "SETTLE20261120"), movement(100, "FEE20261120")]
    world.reconcile(session, told)
    resolve(session, of_kind(session, BreakKind.AMOUNT))

    result = world.run(session)

    session.refresh(odd)
    assert odd.status is LegStatus.MATCHED
    assert balance(session, world.TRANSIT) == Money(0)
    assert result.figures.matched_paid == NINE
    assert of_kind(session, BreakKind.AMOUNT).status is BreakStatus.RESOLVED


def test_3_any_other_resolution_leaves_it_apart(session):
    odd = paid(session, 1)
    world.reconcile(session, Told(payments=[payment(odd, fen=900_001)]))
    resolve(session, of_kind(session, BreakKind.AMOUNT), Resolution.CLAIMED)

    world.run(session)

    session.refresh(odd)
    assert odd.status is LegStatus.PAID


def test_4_the_file_settles_what_was_undecided(session):
    leg = sent(session, 1)

    result = world.reconcile(session, Told(payments=[payment(leg)]))

    session.refresh(leg)
    assert leg.status is LegStatus.MATCHED
    assert leg.value_date == DAY
    assert live(session) == []
    note = of_kind(session, BreakKind.STATUS)
    assert note.status is BreakStatus.CURED
    assert result.figures.matched_paid == NINE


def test_4_failed_in_the_books_and_paid_by_the_channel_books_nothing(session):
    leg = sent(session, 1)
    world.told(session, leg, Outcome.REFUSED)

    world.reconcile(session, Told(payments=[payment(leg)]))

    session.refresh(leg)
    assert leg.status is LegStatus.FAILED
    assert live(session) == [BreakKind.STATUS]
    assert leg.contradicted_at is not None
    assert balance(session, world.TRANSIT) == Money(0)


def test_4_what_no_file_knows_stays_undecided_and_is_named(session):
    leg = sent(session, 1)

    world.reconcile(session, Told())

    session.refresh(leg)
    assert leg.status is LegStatus.SUBMITTED
    assert live(session) == [BreakKind.UNRESOLVED]
    assert session.scalars(select(PayoutAbsence.day)).all() == [DAY]


def test_4_a_later_decision_cures_it(session):
    leg = sent(session, 1)
    world.reconcile(session, Told())
    world.told(session, leg, Outcome.REFUSED)

    world.run(session)

    assert live(session) == []


def test_5_one_order_paid_twice_is_never_matched(session):
    leg = paid(session, 1)
    again = payment(leg, trace=999_999)

    world.reconcile(session, Told(payments=[payment(leg), again]))

    session.refresh(leg)
    assert live(session) == [BreakKind.PAID_TWICE, BreakKind.PAID_TWICE]
    assert leg.status is LegStatus.PAID


def test_5_paid_again_on_a_later_day(session):
    leg = paid(session, 1)
    world.reconcile(session, Told(payments=[payment(leg)]))

    world.reconcile(session, Told(payments=[payment(leg, trace=999_999)], day=world.NEXT))

    assert live(session) == [BreakKind.PAID_TWICE]
    assert reconciliation.matched_total(session) == NINE


def test_5_the_same_row_in_two_files(session):
    leg = paid(session, 1)
    world.reconcile(session, Told(payments=[payment(leg)]))

    world.reconcile(session, Told(payments=[payment(leg)], day=world.NEXT))

    assert live(session) == [BreakKind.DUPLICATE_ROW]


def test_6_a_return_in_the_file_undoes_the_leg_and_the_money_comes_back(session):
    leg = paid(session, 1)
    world.reconcile(session, Told(payments=[payment(leg)]))

    world.reconcile(session, Told(returns=[Return(of=payment(leg))], day=world.NEXT))

    session.refresh(leg)
    assert leg.status is LegStatus.RETURNED
    assert leg.returned_on == world.NEXT
    assert live(session) == []
    assert of_kind(session, BreakKind.RETURNED).status is BreakStatus.CURED
    assert balance(session, world.TRANSIT) == Money(0)
    # Only the fee of 1.00 is gone.
    assert balance(session, world.BANK) == Money(-100)
    assert reconciliation.matched_total(session) == Money(0)


def test_6_paid_and_returned_on_one_day(session):
    leg = sent(session, 1)
    made = payment(leg)

    result = world.reconcile(session, Told(payments=[made], returns=[Return(of=made)]))

    session.refresh(leg)
    assert leg.status is LegStatus.RETURNED
    assert result.figures.matched_returned_rows == 1
    assert balance(session, world.TRANSIT) == Money(0)


def test_6_a_return_heard_of_before_its_file_agrees_later(session):
    leg = paid(session, 1)
    world.told(session, leg, Outcome.RETURNED, returned_on=world.NEXT)
    world.reconcile(session, Told(payments=[payment(leg)]))

    world.reconcile(session, Told(returns=[Return(of=payment(leg))], day=world.NEXT))

    assert live(session) == []
    assert balance(session, world.TRANSIT) == Money(0)


def test_7_a_return_of_nothing_we_know(session):
    world.reconcile(session, Told(returns=[Return(of=Payment(fen=500))]))

    assert live(session) == [BreakKind.RETURN_UNKNOWN]


def test_8_a_payment_just_before_the_cut_off_may_be_in_the_next_file(session):
    late = shanghai(DAY, 22, 59)
    leg = sent(session, 1, at=late)
    world.reconcile(session, Told())

    world.reconcile(session, Told(payments=[payment(leg)], day=world.NEXT))

    session.refresh(leg)
    assert leg.status is LegStatus.MATCHED
    assert leg.value_date == world.NEXT
    assert live(session) == []


def test_8_a_payment_after_the_cut_off_is_not_missed_before_its_day(session):
    leg = sent(session, 1, at=shanghai(DAY, 23, 1))
    world.reconcile(session, Told())
    assert live(session) == []

    world.reconcile(session, Told(payments=[payment(leg)], day=world.NEXT))

    assert live(session) == []


def test_8_a_week_later_needs_a_person(session):
    leg = sent(session, 1)
    week = DAY + timedelta(days=7)

    world.reconcile(session, Told(payments=[payment(leg)], day=week))

    session.refresh(leg)
    assert live(session) == [BreakKind.CUTOFF]
    assert leg.status is LegStatus.SUBMITTED


def test_an_unexpected_fee_is_not_booked(session):
    leg = paid(session, 1)

    world.reconcile(session, Told(payments=[payment(leg, fee=150)]))

    session.refresh(leg)
    assert live(session) == [BreakKind.FEE]
    assert leg.status is LegStatus.MATCHED
    assert balance(session, world.FEES) == Money(0)


def test_11_another_card_was_paid(session):
    leg = paid(session, 1)

    world.reconcile(session, Told(payments=[payment(leg, card="622588******0099")]))

    session.refresh(leg)
    assert live(session) == [BreakKind.PAYEE]
    assert leg.status is LegStatus.PAID


def test_13_a_return_listed_again_is_not_booked_twice(session):
    leg = paid(session, 1)
    world.reconcile(session, Told(payments=[payment(leg)], returns=[Return(of=payment(leg))]))

    again = Return(of=payment(leg), at=NOON + timedelta(days=1))
    world.reconcile(session, Told(returns=[again], day=world.NEXT))

    assert live(session) == [BreakKind.RE_PRESENTED]
    assert balance(session, world.TRANSIT) == Money(0)
