"""After a restore nothing is sent until the files of the lost time have told what had been."""

from __future__ import annotations

from datetime import timedelta

import pytest

from disbursement import batch_sending, fetching, legs, restoring
from disbursement.channels import registry, unionpay
from disbursement.channels.channel import Instruction, OrderKey
from disbursement.records.payouts import LegStatus, PayoutLeg
from kernel.actors import Actor, Role
from kernel.clock import business_day, shanghai
from kernel.db import transaction
from kernel.money import Money
from kernel.personal import PersonName
from tests.disbursement import builders as make
from tests.disbursement.saga import Saga

CARD = make.card_number(1)
DEBT = Money.yuan("9000.00")
OFFICER = Actor(Role.RISK_OFFICER, "sun.yi")


@pytest.fixture
def placed(saga) -> Saga:
    """A loan over one card, placed before the backup was made."""
    saga.partners.card(CARD, str(DEBT))
    saga.place(make.leg_order(1))
    return saga


def sent_in_the_lost_time(saga: Saga) -> None:
    """Pay the card as a process did of which the books remember nothing."""
    key = OrderKey(
        order_no=legs.order_no(saga.leg().id),
        txn_time=saga.clock.now().replace(microsecond=0),
    )
    order = Instruction(key=key, amount=DEBT, card=CARD, payee=PersonName(make.NAME))
    assert unionpay.connect(saga.surroundings).pay(order).code == "00"
    saga.clock.advance(timedelta(minutes=10))


def begin(saga: Saga, *, by: Actor = make.MAKER, minutes: int = 10) -> None:
    at = saga.clock.now()
    with transaction() as session:
        restoring.begin(
            session, lost_from=at - timedelta(minutes=minutes), lost_until=at, by=by, at=at
        )


def end(saga: Saga, *, by: Actor = make.CHECKER) -> int:
    with transaction() as session:
        return restoring.end(session, by=by, at=saga.clock.now()).legs


def let_files_come(saga: Saga, *, days: int = 2) -> None:
    """Let the morning come in which the files of so many days are there, and take them."""
    first = business_day(saga.clock.now())
    saga.clock.advance_to(shanghai(first + timedelta(days=days), 9, 5))
    fetching.reconcile_due(saga.surroundings)


@pytest.mark.parametrize("is_approved", [True, False])
def test_what_was_sent_is_taken_back_and_never_sent_again(placed, is_approved):
    if is_approved:
        placed.approve()
    sent_in_the_lost_time(placed)
    begin(placed)
    sent = placed.send()
    let_files_come(placed)

    recovered = end(placed)
    sent += placed.send()
    placed.ask(minutes=1)
    fetching.reconcile_due(placed.surroundings)

    assert (recovered, sent) == (1, 0)
    assert placed.status() is LegStatus.MATCHED
    assert placed.loan().principal == DEBT
    assert placed.partners.paid_to(CARD) == DEBT.fen


def test_a_file_of_payouts_uploaded_in_the_lost_time_is_taken_back_too(saga):
    saga.partners.control("/_control/batch/fund", {"amount": "20000.00"})
    saga.partners.card(CARD, str(DEBT))
    with transaction() as session:
        make.lender(session, code="cxbank")
    saga.start(make.leg_order(1), funder_code="cxbank")
    key = OrderKey(
        order_no=legs.order_no(saga.leg().id),
        txn_time=saga.clock.now().replace(microsecond=0),
    )
    order = Instruction(key=key, amount=DEBT, card=CARD, payee=PersonName(make.NAME))
    assert registry.connect("bank_direct", saga.surroundings).pay(order).code == "00"
    saga.clock.advance(timedelta(minutes=10))
    begin(saga)
    with pytest.raises(restoring.FilesMissing):
        end(saga)
    let_files_come(saga)

    recovered = end(saga)
    sent = saga.send() + batch_sending.send_due(saga.surroundings)
    saga.ask(minutes=1)

    assert (recovered, sent) == (1, 0)
    assert saga.status() is LegStatus.PAID
    books = saga.partners.control("/_control/batch/books", None)
    assert [order["fen"] for order in books["orders"]] == [DEBT.fen]


def test_without_the_freeze_the_issuer_would_say_that_nothing_is_owed(placed):
    """Which is why the loop must not simply try again what the books have forgotten."""
    placed.approve()
    sent_in_the_lost_time(placed)

    placed.send()

    assert placed.status() is LegStatus.CANCELLED
    assert placed.partners.paid_to(CARD) == DEBT.fen


def test_what_was_not_sent_goes_on_after_the_freeze(placed):
    placed.approve()
    begin(placed)
    let_files_come(placed)

    recovered = end(placed)
    sent = placed.send()
    placed.ask(minutes=4)

    assert (recovered, sent) == (0, 1)
    assert placed.status() is LegStatus.PAID


def test_it_ends_only_when_every_file_of_the_lost_time_is_there(placed):
    """Lost on the 20th: what was sent then may be paid on the 21st."""
    placed.approve()
    sent_in_the_lost_time(placed)
    begin(placed)
    let_files_come(placed, days=1)

    with pytest.raises(restoring.FilesMissing, match="2026-11-21"):
        end(placed)
    assert placed.send() == 0
    let_files_come(placed, days=1)

    assert end(placed) == 1


def test_two_persons_of_finance_decide(placed):
    with pytest.raises(restoring.NotForRestores):
        begin(placed, by=OFFICER)
    begin(placed)
    let_files_come(placed)

    with pytest.raises(restoring.NotForRestores):
        end(placed, by=OFFICER)
    with pytest.raises(restoring.SameRestorer):
        end(placed, by=make.MAKER)


def test_there_is_one_freeze_at_a_time_and_it_ends_once(placed):
    begin(placed)
    with pytest.raises(restoring.AlreadyFrozen):
        begin(placed)
    let_files_come(placed)
    end(placed)

    with pytest.raises(restoring.NotFrozen):
        end(placed)
    begin(placed)


@pytest.mark.parametrize("minutes", [0, -5, 60 * 24 * 10 + 1])
def test_a_lost_time_that_makes_no_sense_is_refused(placed, minutes):
    with pytest.raises(restoring.LostTimeMalformed):
        begin(placed, minutes=minutes)


def test_a_payment_of_another_payout_takes_nothing_back(placed):
    """The file names an order that is no number of ours."""
    placed.approve()
    key = OrderKey(order_no="ab" * 16, txn_time=placed.clock.now().replace(microsecond=0))
    order = Instruction(key=key, amount=DEBT, card=CARD, payee=PersonName(make.NAME))
    unionpay.connect(placed.surroundings).pay(order)
    placed.clock.advance(timedelta(minutes=10))
    begin(placed)
    let_files_come(placed)

    assert end(placed) == 0
    with transaction() as session:
        assert session.get_one(PayoutLeg, placed.leg().id).order_no is None
