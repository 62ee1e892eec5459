"""What the channel answers about a collection: said clearly, twice, late, wrongly or not at all."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from disbursement import debit_orders, debits
from disbursement.channels.channel import Outcome, Receipt
from disbursement.payouts import Source
from disbursement.records.debits import DebitStatus
from kernel.db import transaction
from kernel.money import ZERO, Money
from tests.disbursement import builders as make
from tests.disbursement.collecting import COLLECTION, Collecting

DAY = timedelta(days=1)


@pytest.fixture
def running(collecting: Collecting) -> Collecting:
    """Give a loan that runs, and stand on its first due day with a card to collect from."""
    collecting.begin()
    collecting.bind()
    collecting.stand_at(collecting.first_due()[0])
    return collecting


@pytest.mark.parametrize(
    "fault",
    ["silent_paid", "http_500_paid", "bad_signature_paid", "other_order_paid", "busy_paid"],
)
def test_an_answer_that_says_nothing_is_asked_about_and_taken_once(running, fault):
    _, instalment = running.first_due()
    running.partners.fault(running.card, fault)
    running.plan()
    running.send()
    assert running.status() in {DebitStatus.UNKNOWN, DebitStatus.ACCEPTED}

    running.ask(minutes=4)

    assert running.status() is DebitStatus.PAID
    assert running.taken() == instalment.fen
    assert len(running.partners.books()["collections"]["orders"]) == 1
    assert running.balance(COLLECTION) == instalment


def test_no_such_order_is_unknown_and_found_later(running):
    running.partners.fault(running.card, "query_lags")
    running.plan()
    running.send()

    running.ask(minutes=4)
    assert running.status() is DebitStatus.ACCEPTED
    running.ask(minutes=10)

    assert running.status() is DebitStatus.PAID
    assert running.taken() == running.first_due()[1].fen


def test_a_refusal_for_a_reason_of_ours_waits_for_a_person(running):
    due_on, _ = running.first_due()
    running.plan()
    running.send()
    with transaction() as session:
        receipt = Receipt(outcome=Outcome.REFUSED, text="collect 11", code="11", is_ours=True)
        debits.record(
            session, running.order().id, receipt, source=Source.PAY, at=running.clock.now()
        )

    running.stand_at(due_on + DAY)

    assert running.order().parked
    assert running.plan() == 0
    with transaction() as session:
        debit_orders.unpark(session, running.order().id, by=make.MAKER, at=running.clock.now())
    assert running.plan() == 1


def test_a_query_that_contradicts_a_failure_books_nothing_and_is_told(running):
    running.plan()
    running.send()
    order = running.order()
    at = running.clock.now()
    with transaction() as session:
        refused = Receipt(outcome=Outcome.REFUSED, text="t", code="64")
        debits.record(session, order.id, refused, source=Source.QUERY, at=at)

    with transaction() as session:
        paid = Receipt(outcome=Outcome.PAID, text="t", code="00", amount=order.amount)
        debits.record(session, order.id, paid, source=Source.QUERY, at=at)

    assert running.status() is DebitStatus.FAILED
    assert running.order().contradicted_at is not None
    assert running.balance(COLLECTION) == ZERO
    assert "debit.contradiction" in running.saga.facts()


@pytest.mark.parametrize("told", [Outcome.PAID, Outcome.RETURNED])
def test_an_answer_about_another_amount_books_nothing(running, told):
    running.plan()
    running.send()
    order = running.order()

    with transaction() as session:
        wrong = Receipt(outcome=told, text="t", code="00", amount=order.amount + Money(1))
        debits.record(session, order.id, wrong, source=Source.QUERY, at=running.clock.now())

    assert running.status() is DebitStatus.ACCEPTED
    assert running.order().contradicted_at is not None


def test_answers_repeated_and_out_of_order_do_no_harm(running):
    _, instalment = running.first_due()
    order = running.collect()
    at = running.clock.now()

    for outcome in (Outcome.ACCEPTED, Outcome.PAID, Outcome.UNKNOWN, Outcome.PAID):
        with transaction() as session:
            receipt = Receipt(outcome=outcome, text="t", code="00")
            debits.record(session, order.id, receipt, source=Source.QUERY, at=at)

    assert running.status() is DebitStatus.PAID
    assert running.balance(COLLECTION) == instalment


def test_what_the_channel_took_on_an_earlier_day_counts_for_that_day(running):
    due_on, _ = running.first_due()
    running.stand_at(due_on + 2 * DAY)
    running.plan()
    running.send()

    with transaction() as session:
        # As when a restored backup sends again what the channel had taken before.
        taken = Receipt(outcome=Outcome.PAID, text="t", settle_day=due_on)
        debits.record(
            session, running.order().id, taken, source=Source.FILE, at=running.clock.now()
        )

    with transaction() as session:
        event = text('SELECT "on" FROM loan_event WHERE id = :id')
        assert session.scalar(event, {"id": running.order().id}) == due_on
    assert running.owed(due_on).days_past_due == 0
    assert running.owed().due == ZERO
