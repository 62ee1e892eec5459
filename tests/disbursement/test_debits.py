"""Collecting instalments from a debit card over real HTTP: planned, sent, told, booked."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text, update

from disbursement import debit_terms, debits, ledger, payees, servicing
from disbursement.channels.channel import Outcome, Receipt
from disbursement.payouts import Source
from disbursement.records.debits import DebitOrder, DebitStatus, RepaymentCard
from disbursement.records.loans import LoanStatus
from kernel import sealing
from kernel.clock import shanghai
from kernel.db import transaction
from kernel.money import ZERO, Money
from kernel.personal import PersonName
from tests.disbursement import builders as make
from tests.disbursement.collecting import COLLECTION, DEBTOR_REF, Collecting

DAY = timedelta(days=1)
TODAY = date(2026, 11, 20)


@pytest.fixture
def running(collecting: Collecting) -> Collecting:
    """Give a loan that runs, and stand on its first due day with a card to collect from."""
    collecting.begin()
    collecting.bind()
    collecting.stand_at(collecting.first_due()[0])
    return collecting


def test_an_instalment_is_collected_on_its_due_day(running):
    _, instalment = running.first_due()

    order = running.collect()

    assert order.status is DebitStatus.PAID
    assert order.amount == instalment
    assert running.taken() == instalment.fen
    assert running.balance(COLLECTION) == instalment
    assert running.owed().due == ZERO
    assert running.steps() == ["planned", "submitted", "accepted", "paid"]
    assert "debit.paid" in running.saga.facts()


def test_nothing_is_collected_before_the_due_day_nor_twice_on_it(running):
    due_on, instalment = running.first_due()
    running.collect()

    assert running.plan() == 0
    running.stand_at(due_on + DAY)
    assert running.plan() == 0
    assert running.taken() == instalment.fen


def test_nothing_is_planned_before_it_falls_due(collecting):
    collecting.begin()
    collecting.bind()
    collecting.stand_at(collecting.first_due()[0] - DAY)

    assert collecting.plan() == 0


@pytest.mark.parametrize(
    ("hour", "minute", "opens"), [(7, 59, 8), (8, 0, 8), (19, 59, 19), (20, 0, 32)]
)
def test_instalments_are_collected_by_day_only(hour, minute, opens):
    terms, today = debit_terms.in_force(TODAY), shanghai(TODAY, hour, minute)

    # 32 o'clock is eight in the morning of the next day.
    expected = today if terms.allows(today) else shanghai(TODAY) + timedelta(hours=opens)
    assert terms.next_opening(today) == expected
    assert terms.allows(today) is (8 <= hour < 20)


def test_nothing_is_planned_at_night(running):
    due_on, _ = running.first_due()
    running.stand_at(due_on, 20)

    assert running.plan() == 0


def test_an_order_left_over_at_night_waits_for_the_morning(running):
    due_on, _ = running.first_due()
    running.plan()
    running.stand_at(due_on, 21)

    assert running.send() == 0
    assert running.status() is DebitStatus.PLANNED

    running.stand_at(due_on + DAY, 8)
    assert running.send() == 1


def test_a_card_that_is_short_is_tried_again_on_another_day(collecting):
    collecting.begin()
    collecting.bind(balance="10.00")
    due_on, instalment = collecting.first_due()
    collecting.stand_at(due_on)
    first = collecting.collect()
    assert (first.status, first.code) == (DebitStatus.FAILED, "64")
    assert collecting.plan() == 0
    collecting.partners.salary(collecting.card, "5000.00")

    collecting.stand_at(due_on + DAY)
    second = collecting.collect()

    assert second.status is DebitStatus.PAID
    assert (second.attempt, second.due_on) == (2, due_on)
    assert second.order_no != first.order_no
    # A day late is within the days of grace: no penalty.
    assert second.amount == instalment


def test_a_card_that_stays_short_is_tried_five_times_and_no_more(collecting):
    collecting.begin()
    collecting.bind(balance="0.00")
    due_on, _ = collecting.first_due()

    for n in range(8):
        collecting.stand_at(due_on + n * DAY)
        collecting.plan()
        collecting.send()

    assert [one.attempt for one in collecting.orders()] == [1, 2, 3, 4, 5]
    assert {one.status for one in collecting.orders()} == {DebitStatus.FAILED}


@pytest.mark.parametrize("code", ["63", "66"])
def test_a_card_that_is_refused_is_put_aside_until_another_is_named(running, code):
    due_on, _ = running.first_due()
    running.partners.fault(running.card, f"refuse_{code}")
    assert running.collect().status is DebitStatus.FAILED
    running.stand_at(due_on + DAY)
    assert running.plan() == 0

    other = Collecting(saga=running.saga, card=make.card_number(78, "621700", 19))
    other.bind()

    assert other.collect().status is DebitStatus.PAID


def test_what_was_paid_meanwhile_is_not_collected(running):
    due_on, instalment = running.first_due()
    running.plan()
    pay_by_hand(running, instalment - Money.yuan("100.00"))

    order = running.collect()

    assert order.amount == Money.yuan("100.00")
    assert running.taken() == 10_000
    assert running.owed(due_on).due == ZERO


def test_when_nothing_is_owed_any_more_nothing_is_sent(running):
    _, instalment = running.first_due()
    running.plan()
    pay_by_hand(running, instalment)

    running.send()

    assert running.status() is DebitStatus.CANCELLED
    assert running.taken() == 0


def pay_by_hand(running: Collecting, amount: Money, *, payment_id: UUID | None = None) -> None:
    with transaction() as session:
        servicing.repay(
            session,
            running.loan_id,
            payment_id=payment_id or uuid4(),
            amount=amount,
            on=running.first_due()[0],
            source="funding_bank/hxcf",
            by=make.MAKER,
            at=running.clock.now(),
        )


def test_a_return_days_later_makes_it_owed_again(running):
    due_on, instalment = running.first_due()
    running.partners.fault(running.card, "return_later", return_after_days=2)
    assert running.collect().status is DebitStatus.PAID

    running.stand_at(due_on + 2 * DAY, 16)
    running.ask()

    order = running.order()
    assert (order.status, order.returned_on) == (DebitStatus.RETURNED, due_on + 2 * DAY)
    assert running.balance(COLLECTION) == ZERO
    assert running.owed().due >= instalment
    assert running.steps()[-2:] == ["paid", "returned"]


def test_a_returned_instalment_is_collected_again_on_another_day(running):
    due_on, _ = running.first_due()
    running.partners.fault(running.card, "return_later", return_after_days=1)
    running.collect()
    running.stand_at(due_on + DAY, 16)
    running.ask()

    running.stand_at(due_on + 2 * DAY)
    order = running.collect()

    assert (order.status, order.attempt) == (DebitStatus.PAID, 2)
    assert running.owed().due == ZERO
    assert running.taken() == order.amount.fen


def test_what_the_channel_takes_a_day_late_counts_for_that_day(running):
    due_on, instalment = running.first_due()
    running.partners.fault(running.card, "late")
    running.plan()
    running.send()
    running.ask(minutes=4)
    assert running.status() is DebitStatus.ACCEPTED

    running.stand_at(due_on + DAY, 11)
    running.ask()

    order = running.order()
    assert (order.status, order.value_date) == (DebitStatus.PAID, due_on + DAY)
    with transaction() as session:
        on = session.scalar(
            text('SELECT "on" FROM loan_event WHERE id = :id'), {"id": running.order().id}
        )
    assert on == due_on + DAY
    assert running.taken() == instalment.fen


def test_a_swapped_card_is_seen_before_anything_is_collected(running):
    running.plan()
    stranger = make.card_number(99, "621700", 19)
    with transaction() as session:
        session.execute(update(RepaymentCard).values(card=sealing.seal(stranger)))

    running.send()

    assert running.order().parked
    assert running.status() is DebitStatus.PLANNED
    assert running.partners.books()["collections"]["orders"] == []
    assert "debit.stopped" in running.saga.facts()


def test_the_same_card_bound_twice_is_one_card_and_another_takes_its_place(collecting):
    collecting.begin()
    collecting.bind()
    collecting.bind()
    with transaction() as session:
        assert session.query(RepaymentCard).count() == 1

    Collecting(saga=collecting.saga, card=make.card_number(5, "621700", 19)).bind()

    with transaction() as session:
        cards = session.query(RepaymentCard).order_by(RepaymentCard.bound_at).all()
        ended = sorted(card.ended_at is None for card in cards)
        assert ended == [False, True]
        assert all(card.debtor_ref == DEBTOR_REF for card in cards)
        (used,) = [card for card in cards if card.ended_at is None]
        name = PersonName(make.NAME)
        number = make.card_number(5, "621700", 19)
        assert used.digest == payees.digest(used.id, number, name)


def test_a_debit_order_shows_no_card_number_in_evidence(running):
    running.collect()

    with transaction() as session:
        kept = "".join(
            f"{request}{reply!r}"
            for request, reply in session.execute(
                text("SELECT request, reply FROM channel_evidence WHERE kind = 'collect'")
            )
        )
    assert "orderId" in kept
    assert running.card.plain not in kept


def test_a_payment_for_a_loan_that_was_undone_stands_in_suspense(collecting):
    collecting.partners.card(make.card_number(1), "9000.00", fault="return_later")
    collecting.partners.fault(make.card_number(1), "return_later", return_after_days=30)
    collecting.saga.start(make.leg_order(1))
    collecting.saga.send()
    collecting.saga.ask(minutes=4)
    collecting.bind(fault="late")
    due_on, instalment = collecting.first_due()
    collecting.stand_at(due_on)
    collecting.plan()
    collecting.send()
    return_the_payout(collecting)
    assert collecting.saga.loan().status is LoanStatus.UNDONE

    collecting.stand_at(due_on + DAY, 11)
    collecting.ask()

    with transaction() as session:
        assert session.query(DebitOrder).one().status is DebitStatus.PAID
    credit = collecting.balance(f"loan_credit/{collecting.loan_id}")
    aside = collecting.balance("suspense/hxcf")
    assert credit + aside == instalment


def return_the_payout(collecting: Collecting) -> None:
    from disbursement import payouts

    with transaction() as session:
        leg = collecting.saga.leg()
        back = Receipt(outcome=Outcome.RETURNED, text="t", code="RT", amount=leg.amount)
        payouts.record(session, leg.id, back, source=Source.QUERY, at=collecting.clock.now())


def test_the_books_name_a_collection_that_they_do_not_hold(running):
    running.collect()
    with transaction() as session:
        session.execute(update(DebitOrder).values(requested=Money(1_000_000), amount=Money(1)))

        found = ledger.check_books(session)

        session.rollback()
    assert "collection/unionpay does not hold what was collected and is not cleared" in found


@pytest.fixture
def aside(running: Collecting) -> Collecting:
    """Give a collection that its loan cannot take: something else was booked under its identity."""
    running.plan()
    running.send()
    pay_by_hand(running, Money.yuan("1.00"), payment_id=running.order().id)
    running.ask(minutes=4)
    return running


def test_what_a_loan_cannot_take_stands_in_suspense_for_a_person(aside):
    order = aside.order()

    assert (order.status, order.in_suspense, order.parked) == (DebitStatus.PAID, True, True)
    assert aside.balance("suspense/hxcf") == order.amount
    assert aside.balance(COLLECTION) == order.amount
    assert "debit.in_suspense" in aside.saga.facts()


def test_it_stays_there_while_the_loan_still_cannot_take_it(aside):
    with transaction() as session:
        debits.rebook(session, aside.order().id, by=make.MAKER, at=aside.clock.now())

    assert aside.order().in_suspense
    assert aside.balance("suspense/hxcf") == aside.order().amount


def test_what_comes_back_from_suspense_leaves_nothing_behind(aside):
    with transaction() as session:
        back = Receipt(outcome=Outcome.RETURNED, text="t", code="RT")
        debits.record(session, aside.order().id, back, source=Source.QUERY, at=aside.clock.now())

    assert aside.status() is DebitStatus.RETURNED
    assert (aside.balance("suspense/hxcf"), aside.balance(COLLECTION)) == (ZERO, ZERO)
