"""What a debtor may ask to be collected: prepayment, payoff, what is due; once, and by his card."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from disbursement import debit_orders, debits
from disbursement.debit_orders import (
    DebitConflict,
    DebitUndecided,
    MandateMalformed,
    NotCollectable,
    NotForCollections,
)
from disbursement.records.debits import DebitPurpose, DebitStatus
from disbursement.records.loans import LoanStatus
from disbursement.repayment_cards import NoRepaymentCard
from kernel.db import transaction
from kernel.money import Money
from kernel.moves import MoveRefused
from kernel.personal import PersonName
from tests.disbursement import builders as make
from tests.disbursement.collecting import COLLECTION, DEBTOR_REF, Collecting

DAY = timedelta(days=1)
THOUSAND = Money.yuan("1000.00")


@pytest.fixture
def running(collecting: Collecting) -> Collecting:
    collecting.begin()
    collecting.bind()
    return collecting


def kinds(world: Collecting) -> list[str]:
    with transaction() as session:
        rows = text("SELECT kind FROM loan_event WHERE loan_id = :id ORDER BY number")
        return list(session.scalars(rows, {"id": world.loan_id}))


def send(world: Collecting) -> None:
    world.send()
    world.ask(minutes=4)


@pytest.mark.parametrize(
    "purpose", [DebitPurpose.PREPAY_SHORTEN, DebitPurpose.PREPAY_LOWER], ids=str
)
def test_a_prepayment_is_collected_and_booked_as_he_chose(running, purpose):
    before = running.owed().principal
    running.request(THOUSAND, purpose)

    send(running)

    assert running.status() is DebitStatus.PAID
    assert running.balance(COLLECTION) == THOUSAND
    assert kinds(running)[-1] == "prepaid"
    # The few days' interest comes first, the rest falls off the principal.
    assert before - THOUSAND <= running.owed().principal < before


def test_a_payoff_of_exactly_the_quote_closes_the_loan(running):
    running.stand_at(running.first_due()[0] - DAY)
    running.request(running.payoff(), DebitPurpose.PAYOFF)

    send(running)

    assert running.saga.loan().status is LoanStatus.SETTLED
    assert kinds(running)[-1] == "paid_off"


@pytest.mark.parametrize("change", [Money(-1), Money(1)])
def test_a_payoff_of_any_other_amount_is_refused(running, change):
    with pytest.raises(NotCollectable):
        running.request(running.payoff() + change, DebitPurpose.PAYOFF)


def test_a_payoff_that_is_sent_on_a_later_day_is_called_off(running):
    running.request(running.payoff(), DebitPurpose.PAYOFF)
    running.stand_at(running.clock.now().date() + DAY)

    running.send()

    assert running.status() is DebitStatus.CANCELLED
    assert running.taken() == 0


def test_a_payoff_taken_a_day_late_is_a_repayment_and_the_rest_his_credit(running):
    due_on, _ = running.first_due()
    running.stand_at(due_on - 10 * DAY)
    quote = running.payoff()
    running.partners.fault(running.card, "late")
    running.request(quote, DebitPurpose.PAYOFF)
    running.send()
    running.stand_at(due_on - 9 * DAY, 11)

    running.ask()

    assert running.status() is DebitStatus.PAID
    assert kinds(running)[-1] == "repaid"
    assert running.saga.loan().status is LoanStatus.ACTIVE
    assert running.owed().credit == quote


def test_what_is_due_can_be_paid_in_part_on_request(running):
    due_on, instalment = running.first_due()
    running.stand_at(due_on)
    part = Money.yuan("200.00")

    running.request(part, DebitPurpose.INSTALMENT)
    send(running)

    assert running.taken() == part.fen
    with pytest.raises(NotCollectable):
        running.request(instalment, DebitPurpose.INSTALMENT)


def test_the_same_key_is_the_same_order_and_other_content_is_refused(running):
    key = uuid4()
    first = running.request(THOUSAND, DebitPurpose.PREPAY_LOWER, key=key)

    assert running.request(THOUSAND, DebitPurpose.PREPAY_LOWER, key=key).id == first.id
    with pytest.raises(DebitConflict):
        running.request(THOUSAND, DebitPurpose.PREPAY_SHORTEN, key=key)
    assert len(running.orders()) == 1


def test_a_second_order_waits_until_the_first_is_decided(running):
    running.request(THOUSAND, DebitPurpose.PREPAY_LOWER)
    with pytest.raises(DebitUndecided):
        running.request(THOUSAND, DebitPurpose.PREPAY_LOWER)

    send(running)

    assert running.request(THOUSAND, DebitPurpose.PREPAY_LOWER).status is DebitStatus.PLANNED


def test_an_undecided_request_keeps_the_job_from_planning_another(running):
    running.request(THOUSAND, DebitPurpose.PREPAY_LOWER)
    running.stand_at(running.first_due()[0])

    assert running.plan() == 0


@pytest.mark.parametrize("amount", ["0.00", "-1.00"])
def test_nothing_is_no_amount(running, amount):
    with pytest.raises(NotCollectable):
        running.request(Money.yuan(amount), DebitPurpose.PREPAY_LOWER)


def test_without_a_card_nothing_is_collected(collecting):
    collecting.begin()

    with pytest.raises(NoRepaymentCard):
        collecting.request(THOUSAND, DebitPurpose.PREPAY_LOWER)
    collecting.stand_at(collecting.first_due()[0])
    assert collecting.plan() == 0


def test_a_card_bound_anew_takes_the_place_before_anything_was_sent(running):
    running.request(THOUSAND, DebitPurpose.PREPAY_LOWER)
    Collecting(saga=running.saga, card=make.card_number(5, "621700", 19)).bind()

    running.send()

    assert running.status() is DebitStatus.CANCELLED
    assert running.partners.books()["collections"]["orders"] == []


def test_a_request_is_called_off_before_it_is_sent_and_not_after(running):
    order = running.request(THOUSAND, DebitPurpose.PREPAY_LOWER)
    at = running.clock.now()
    with transaction() as session:
        debit_orders.cancel(session, order.id, reason="his wish", by=make.DEBTOR, at=at)
        assert debit_orders.cancel(
            session, order.id, reason="his wish", by=make.DEBTOR, at=at
        ).status is (DebitStatus.CANCELLED)
    other = running.request(THOUSAND, DebitPurpose.PREPAY_LOWER)
    running.send()

    with pytest.raises(MoveRefused), transaction() as session:
        debit_orders.cancel(session, other.id, reason="his wish", by=make.DEBTOR, at=at)


def test_a_loan_that_ended_is_not_collected_for(running):
    running.request(running.payoff(), DebitPurpose.PAYOFF)
    send(running)

    with pytest.raises(MoveRefused):
        running.request(THOUSAND, DebitPurpose.PREPAY_LOWER)


def test_a_mandate_is_named_by_its_hash(collecting):
    collecting.begin()
    with pytest.raises(MandateMalformed), transaction() as session:
        debit_orders.bind_card(
            session,
            debtor_ref=DEBTOR_REF,
            card=collecting.card,
            name=PersonName(make.NAME),
            mandate_sha256="yes",
            by=make.DEBTOR,
            at=collecting.clock.now(),
        )


@pytest.mark.parametrize("verb", [debit_orders.unpark, debits.rebook], ids=["unpark", "rebook"])
def test_only_finance_looks_after_collections(running, verb):
    order = running.request(THOUSAND, DebitPurpose.PREPAY_LOWER)

    with pytest.raises(NotForCollections), transaction() as session:
        verb(session, order.id, by=make.DEBTOR, at=running.clock.now())


def test_nothing_that_is_not_in_suspense_is_booked_again(running):
    running.request(THOUSAND, DebitPurpose.PREPAY_LOWER)
    send(running)

    with pytest.raises(MoveRefused), transaction() as session:
        debits.rebook(session, running.order().id, by=make.MAKER, at=running.clock.now())
