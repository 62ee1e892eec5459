"""Random faults, deaths and delays: in the end our books say what the channel's own ledger says."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from disbursement import payouts, sending
from disbursement.channels.channel import Outcome, Receipt
from disbursement.channels.days import settlement_day
from disbursement.payouts import Source
from disbursement.records.loans import LoanStatus
from disbursement.records.payouts import LegStatus
from kernel.db import transaction
from kernel.money import Money
from tests.disbursement import builders as make

CARDS = 8
ACTIONS = 25
FAULTS = (
    None, None, "silent_paid", "silent_lost", "http_500_paid", "http_500_lost", "garbage_paid",
    "empty_paid", "bad_signature_paid", "other_order_paid", "refuse_61", "refuse_63", "refuse_66",
    "refuse_93", "late", "query_lags", "return_later", "return_in_file", "refuse_late",
    "file_only", "in_clearing", "busy_paid", "busy_lost",
)  # fmt: skip


@pytest.mark.parametrize(
    "seed",
    [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 12))],
)
def test_whatever_happens_nothing_is_paid_twice_and_nothing_is_lost(saga, seed):
    random = Random(seed)
    for serial in range(1, CARDS + 1):
        saga.partners.card(make.card_number(serial), "1000.00", fault=random.choice(FAULTS))
    saga.start(*(make.leg_order(n, "2000.00") for n in range(1, CARDS + 1)))

    for _ in range(ACTIONS):
        random.choice((send, send_and_die, ask, ask_and_die, wait))(saga, random)
    heal(saga)

    assert_agrees_with_the_channel(saga)


def send(saga, random: Random) -> None:
    saga.send()


def send_and_die(saga, random: Random) -> None:
    """Send one leg and die after a step, as a killed process would."""
    sender = sending.connect(saga.surroundings)
    work = sender.take()
    deaths = random.randrange(4)
    if work is None or deaths == 0:
        return
    findings = sender.look(work)
    if deaths == 1:
        return
    instruction = sender.prepare(work, findings)
    if instruction is None or deaths == 2:
        return
    sender.pay(work, instruction)


def ask(saga, random: Random) -> None:
    saga.ask(minutes=0)


def ask_and_die(saga, random: Random) -> None:
    """Claim a leg to be asked about, perhaps ask, and die."""
    sender = sending.connect(saga.surroundings)
    with transaction() as session:
        due = payouts.take_due(session, worker=sender.worker, at=saga.clock.now())
    if due is not None and random.random() < 0.5:
        sender.channels[due.channel].query(due.key)


def wait(saga, random: Random) -> None:
    saga.clock.advance(timedelta(minutes=random.choice((1, 3, 10, 45, 300))))


def heal(saga) -> None:
    """Let five quiet days go by, each with its settlement file in the morning."""
    for _ in range(5):
        for _ in range(6):
            saga.clock.advance(timedelta(hours=4))
            saga.send()
            saga.ask(minutes=0)
        import_files(saga)
        saga.ask(minutes=40)


def import_files(saga) -> None:
    """Do with the channel's own ledger what importing every file so far does."""
    orders = {
        order["orderId"]: order
        for order in saga.partners.books()["orders"]
        if order["state"] == "paid"
    }
    day, today = make.TEN.date(), settlement_day(saga.clock.now())
    with transaction() as session:
        while day < today:
            payouts.note_file(
                session, channel="unionpay", day=day, known=orders, at=saga.clock.now()
            )
            day += timedelta(days=1)
        for leg in saga.legs():
            order = orders.get(leg.order_no)
            if order is not None:
                outcome = Outcome.RETURNED if order["returned"] else Outcome.PAID
                receipt = Receipt(outcome=outcome, text="file", amount=Money(order["fen"]))
                payouts.record(session, leg.id, receipt, source=Source.FILE, at=saga.clock.now())


def assert_agrees_with_the_channel(saga) -> None:
    orders = {order["orderId"]: order for order in saga.partners.books()["orders"]}
    legs = saga.legs()
    assert set(orders) <= {leg.order_no for leg in legs}
    for leg in legs:
        order = orders.get(leg.order_no)
        assert leg.status is expected(order), (leg.status, order)
        assert leg.contradicted_at is None
    live = [order for order in orders.values() if order["state"] == "paid"]
    kept = Money(sum(order["fen"] for order in live if not order["returned"]))
    loan = saga.loan()
    assert loan.principal == kept
    assert loan.status is (LoanStatus.ACTIVE if kept else loan.status)
    assert loan.status is not LoanStatus.PENDING


def expected(order) -> LegStatus:
    if order is None or order["state"] == "refused":
        return LegStatus.FAILED
    assert order["state"] == "paid", "the quiet days decide every payment"
    return LegStatus.RETURNED if order["returned"] else LegStatus.PAID
