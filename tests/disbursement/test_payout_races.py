"""Workers, importers and people at the same time: one sender, one booking, nobody locked out."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from disbursement import loans, payouts
from disbursement.channels.channel import Outcome, Receipt
from disbursement.payouts import Source
from disbursement.records.payouts import LegStatus
from kernel.db import transaction
from kernel.money import Money
from kernel.moves import MoveRefused
from tests.disbursement import builders as make

CARD = make.card_number(1)


def test_eight_workers_racing_send_every_leg_once(saga):
    cards = [make.card_number(n) for n in range(1, 9)]
    for card in cards:
        saga.partners.card(card, "1000.00")
    saga.start(*(make.leg_order(n) for n in range(1, 9)))
    together = threading.Barrier(8)

    def work(_: int) -> int:
        together.wait(10)
        return saga.send()

    with ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(work, range(8)))
    saga.ask(minutes=3)

    assert sum(sent) == 8
    books = saga.partners.books()
    assert books["payments"] == 8
    assert all(saga.partners.paid_to(card) == 100_000 for card in cards)
    assert saga.loan().principal == Money.yuan("8000.00")


def test_eight_workers_asking_at_once_activate_a_loan_once(saga):
    for serial in range(1, 9):
        saga.partners.card(make.card_number(serial), "1000.00")
    saga.start(*(make.leg_order(n) for n in range(1, 9)))
    saga.send()
    saga.clock.advance(timedelta(minutes=3))
    together = threading.Barrier(8)

    def work(_: int) -> int:
        together.wait(10)
        return saga.ask(minutes=0)

    with ThreadPoolExecutor(8) as pool:
        asked = sum(pool.map(work, range(8)))

    assert asked == 8
    assert saga.facts().count("loan.activated") == 1
    assert saga.loan().principal == Money.yuan("8000.00")


def test_a_file_import_and_queries_at_once_do_not_lock_each_other_out(saga):
    for serial in range(1, 9):
        saga.partners.card(make.card_number(serial), "1000.00")
    saga.start(*(make.leg_order(n) for n in range(1, 9)))
    saga.send()
    saga.clock.advance(timedelta(minutes=3))
    waiting, together = [leg.id for leg in saga.legs()], threading.Barrier(4)

    def import_file() -> None:
        together.wait(10)
        with transaction() as session:
            for leg_id in waiting:
                paid = Receipt(outcome=Outcome.PAID, text="file")
                payouts.record(session, leg_id, paid, source=Source.FILE, at=saga.clock.now())

    def ask() -> None:
        together.wait(10)
        saga.ask(minutes=0)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(import_file), *(pool.submit(ask) for _ in range(3))]:
            done.result()

    assert {leg.status for leg in saga.legs()} == {LegStatus.PAID}
    assert all(leg.failures == 0 for leg in saga.legs())
    assert saga.facts().count("loan.activated") == 1


def test_a_cancel_racing_a_send_wins_before_the_order_number_or_not_at_all(saga):
    saga.partners.card(CARD)
    saga.start(make.leg_order(1))
    together = threading.Barrier(2)

    def cancel() -> bool:
        together.wait(10)
        try:
            with transaction() as session:
                loans.cancel(session, saga.loan_id, reason="x", by=make.DEBTOR, at=saga.clock.now())
        except MoveRefused:
            return False
        return True

    def send() -> int:
        together.wait(10)
        return saga.send()

    with ThreadPoolExecutor(2) as pool:
        cancelled, sent = pool.submit(cancel), pool.submit(send)
        outcome = (cancelled.result(), sent.result())
    saga.ask(minutes=3)

    assert outcome in {(True, 0), (False, 1)}
    assert saga.partners.books()["payments"] == outcome[1]
