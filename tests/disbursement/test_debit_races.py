"""Collecting by several workers at once, and dying between any two steps: taken once, never lost."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from disbursement import debit_orders, debiting, debits, fetching
from disbursement.channels.channel import Outcome, Receipt
from disbursement.debit_orders import DebitUndecided
from disbursement.payouts import Source
from disbursement.records.channels import PayoutFreeze
from disbursement.records.debits import DebitPurpose, DebitStatus
from kernel.claims import ClaimLost
from kernel.clock import shanghai
from kernel.db import transaction
from kernel.money import Money
from tests.disbursement.collecting import COLLECTION, Collecting
from tests.disbursement.reconciliation.test_fetching import put_in

DAY = timedelta(days=1)
WORKERS = 6


@pytest.fixture
def running(collecting: Collecting) -> Collecting:
    """Give a loan on its first due day with a card to collect from."""
    put_in(collecting.saga)
    collecting.begin()
    collecting.bind()
    collecting.stand_at(collecting.first_due()[0])
    return collecting


def at_once(work) -> list:
    together = threading.Barrier(WORKERS)

    def one(_: int):
        together.wait(10)
        return work()

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(one, range(WORKERS)))


def test_workers_racing_plan_send_and_ask_once(running):
    instalment = running.first_due()[1]

    planned = at_once(running.plan)
    sent = at_once(running.send)
    running.clock.advance(timedelta(minutes=4))
    asked = at_once(running.ask)

    assert (sum(planned), sum(sent), sum(asked)) == (1, 1, 1)
    assert running.taken() == instalment.fen
    assert running.balance(COLLECTION) == instalment
    assert running.saga.facts().count("debit.paid") == 1


def test_requests_and_the_job_at_once_leave_one_undecided_order(running):
    def work() -> int:
        try:
            running.request(Money.yuan("100.00"), DebitPurpose.INSTALMENT, key=uuid4())
        except DebitUndecided:
            return 0
        return 1

    made = at_once(lambda: work() + running.plan())

    assert sum(made) == 1
    assert len(running.orders()) == 1


def test_the_database_itself_refuses_a_second_undecided_order(running):
    running.plan()

    with pytest.raises(Exception, match="uq_debit_order_undecided"), transaction() as session:
        session.execute(
            text(
                "INSERT INTO debit_order (id, loan_id, card_id, card_masked, purpose, requested, "
                "channel, status, queries, in_suspense) SELECT gen_random_uuid(), loan_id, "
                "card_id, card_masked, purpose, requested, channel, 'planned', 0, false "
                "FROM debit_order"
            )
        )


def test_answers_from_everywhere_at_once_book_one_payment(running):
    running.plan()
    running.send()
    order, at = running.order(), running.clock.now()

    def work() -> None:
        with transaction() as session:
            paid = Receipt(outcome=Outcome.PAID, text="t", code="00", amount=order.amount)
            debits.record(session, order.id, paid, source=Source.QUERY, at=at)

    at_once(work)

    assert running.balance(COLLECTION) == order.amount
    assert running.saga.facts().count("debit.paid") == 1
    running.clock.advance(timedelta(minutes=2))
    assert running.partners.books()["collections"]["paid_fen"] == order.amount.fen


def test_a_worker_that_dies_after_claiming_leaves_the_order_to_others(running):
    running.plan()
    debiting.connect(running.surroundings).take()
    assert running.send() == 0

    running.clock.advance(timedelta(seconds=debits.CLAIM_SECONDS + 1))

    assert running.send() == 1


def test_a_worker_that_dies_before_the_first_byte_collects_nothing_and_is_found_out(running):
    due_on, _ = running.first_due()
    running.plan()
    dead = debiting.connect(running.surroundings)
    debit_id = dead.take()
    assert dead.prepare(debit_id) is not None
    assert running.status() is DebitStatus.SUBMITTED

    running.ask(minutes=4)
    assert running.status() is DebitStatus.UNKNOWN
    assert running.send() == 0
    for day in (due_on, due_on + DAY):
        running.clock.advance_to(max(running.clock.now(), shanghai(day + DAY, 9, 30)))
        running.ask()
        fetching.reconcile_day(running.surroundings, day)
    running.ask(minutes=40)

    assert running.status() is DebitStatus.FAILED
    assert running.taken() == 0


def test_a_worker_that_dies_after_sending_leaves_what_the_channel_says(running):
    instalment = running.first_due()[1]
    running.plan()
    dead = debiting.connect(running.surroundings)
    debit = dead.prepare(dead.take())
    dead.collect(debit)

    running.ask(minutes=4)

    assert running.status() is DebitStatus.PAID
    assert running.taken() == instalment.fen
    assert running.balance(COLLECTION) == instalment


def test_a_worker_that_wakes_too_late_neither_sends_nor_writes(running):
    running.plan()
    paused = debiting.connect(running.surroundings)
    debit_id = paused.take()
    running.clock.advance(timedelta(seconds=debits.CLAIM_SECONDS + 1))
    assert running.send() == 1

    with pytest.raises(ClaimLost):
        paused.prepare(debit_id)


def test_an_instruction_that_became_old_is_not_sent(running):
    running.plan()
    slow = debiting.connect(running.surroundings)
    debit = slow.prepare(slow.take())
    running.clock.advance(debiting.SEND_WITHIN + timedelta(seconds=1))

    assert slow.collect(debit) is None
    assert running.partners.books()["collections"]["orders"] == []


def test_the_number_of_an_order_is_derived_so_that_a_restored_backup_sends_the_same(running):
    from kernel import ids

    order = running.collect()

    assert order.order_no == ids.derived(order.id, "order").hex


def test_nothing_is_collected_while_payouts_are_frozen(running):
    running.plan()
    now = running.clock.now()
    with transaction() as session:
        session.add(
            PayoutFreeze(
                id=uuid4(),
                lost_from=now - DAY,
                lost_until=now,
                begun_by="operator:test",
                begun_at=now,
                is_open=True,
            )
        )

    assert running.send() == 0
    assert running.status() is DebitStatus.PLANNED


def test_a_channel_that_is_silent_is_left_alone_and_nothing_is_lost(running):
    running.plan()
    running.partners.outage("channel", "silent")
    running.send()
    assert running.status() is DebitStatus.UNKNOWN
    running.partners.outage("channel", "off")

    running.ask(minutes=6)

    # Nothing had arrived: the channel knows no such order, and it is not sent again.
    assert running.status() is DebitStatus.UNKNOWN
    assert running.send() == 0
    with transaction() as session:
        assert debit_orders.by_order_no(session, running.order().order_no) is not None
