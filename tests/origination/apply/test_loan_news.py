"""What happens to a running loan reaches its debtor; arrears are told before they are reported."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from disbursement import credit_notices, loan_days, loans, servicing
from disbursement.records.commissions import Commission, CommissionStatus
from disbursement.records.loans import Loan
from kernel import db, events
from kernel.clock import business_day, shanghai
from kernel.money import Money
from origination import messages
from origination.records.applications import Application
from origination.records.messages import Message
from origination.records.referrals import Referral
from tests.origination.apply import builders as make
from tests.origination.apply import world
from tests.origination.apply.builders import Person


@pytest.fixture
def told(sandbox, outside):
    """The outside, with money in the funding account."""
    world.fund(sandbox)
    return outside


@pytest.fixture
def running(told):
    """A loan that runs, its card the one that was referred, confirmed by the issuer."""
    application = world.signed(told)
    with db.transaction() as session:
        referral = session.get_one(Referral, application.referral_id)
        referral.card_bin = Person().card().plain[:6]
    (leg,) = world.pay(told, application)
    world.verify(told, leg)
    world.follow(told)
    arrive(told)
    return make.again(application.id).loan_id


def loan(loan_id) -> Loan:
    with db.transaction() as session:
        return loans.get(session, loan_id)


def close(told, loan_id, *, days: int) -> date:
    """Let nothing be paid and close the days until so many after the first due date."""
    day = loan(loan_id).first_due + timedelta(days=days)
    told.clock.advance_to(shanghai(day + timedelta(days=1), 9))
    with db.transaction() as session:
        row = loans.lock(session, loan_id)
        loan_days.close_through(session, row, day=day, at=told.clock.now())
    world.follow(told)
    return day


def pay(told, loan_id, amount: Money | None = None):
    on = business_day(told.clock.now())
    with db.transaction() as session:
        if amount is None:
            amount = servicing.payoff_quote(session, loan_id, on=on).total
            verb = servicing.pay_off
        else:
            verb = servicing.repay
        event = verb(
            session, loan_id, payment_id=uuid4(), amount=amount, on=on,
            source="funding_bank/hxcf", by=make.SYSTEM, at=told.clock.now(),
        )  # fmt: skip
    world.follow(told)
    return event


def message(template: str) -> Message:
    with db.transaction() as session:
        return session.scalars(select(Message).where(Message.template == template)).one()


def arrive(told) -> None:
    """Send what is due to be sent, and let the gateway take it."""
    with db.transaction() as session:
        for dispatch in messages.claim(session, worker="w", at=told.clock.now()):
            messages.delivered(session, dispatch, gateway_id="SM1", at=told.clock.now())
    world.follow(told)


def test_a_payment_is_thanked_for_and_one_that_bounced_is_told(told, running):
    event = pay(told, running, Money.yuan("100.00"))
    with db.transaction() as session:
        servicing.take_back(
            session, running, event_id=event.id, reason="bounced",
            on=business_day(told.clock.now()), by=make.SYSTEM, at=told.clock.now(),
        )  # fmt: skip

    world.follow(told)

    assert {"loan_repaid", "loan_payment_taken_back"} <= set(world.told_debtor())


def test_a_collection_that_failed_is_told_with_its_amount(told, running):
    with db.transaction() as session:
        application = session.query(Application).one()
        body = {"application_ref": str(application.id), "amount": "799.64", "code": "51"}
        events.append(session, "debit.failed", subject=uuid4(), at=told.clock.now(), body=body)

    world.follow(told)

    assert "loan_debit_failed" in world.told_debtor()


def test_a_loan_that_is_paid_off_is_told_by_its_end_alone(told, running):
    pay(told, running)

    assert "loan_settled" in world.told_debtor()
    assert "loan_repaid" not in world.told_debtor()


def test_within_the_days_of_grace_nobody_is_written_to(told, running):
    close(told, running, days=3)

    assert "loan_overdue" not in world.told_debtor()


def test_arrears_are_told_once_for_a_spell_and_count_from_their_arrival(told, running):
    close(told, running, days=4)
    since = loan(running).first_due
    with db.transaction() as session:
        before = credit_notices.told_on(session, running, overdue_since=since)
    arrive(told)
    arrived_on = business_day(told.clock.now())

    close(told, running, days=40)

    with db.transaction() as session:
        after = credit_notices.told_on(session, running, overdue_since=since)
    assert before is None
    assert after == arrived_on
    assert world.told_debtor().count("loan_overdue") == 1


def test_a_notice_that_the_gateway_did_not_take_tells_nobody(told, running):
    close(told, running, days=4)
    with db.transaction() as session:
        for dispatch in messages.claim(session, worker="w", at=told.clock.now()):
            messages.failed(session, dispatch, reason="busy", at=told.clock.now())

    world.follow(told)

    with db.transaction() as session:
        (notice,) = credit_notices.of_loan(session, running)
    assert notice.delivered_at is None


def test_the_notice_waits_for_the_hours_in_which_one_may_write(told, running):
    day = loan(running).first_due + timedelta(days=4)
    told.clock.advance_to(shanghai(day + timedelta(days=1), 1))
    with db.transaction() as session:
        row = loans.lock(session, running)
        loan_days.close_through(session, row, day=day, at=told.clock.now())

    world.follow(told)

    assert message("loan_overdue").next_attempt_at == shanghai(day + timedelta(days=1), 8)


def test_a_first_instalment_that_stays_unpaid_costs_the_agency_its_fee(told, running):
    with db.transaction() as session:
        earned = session.scalars(select(Commission)).one().status
    close(told, running, days=31)

    with db.transaction() as session:
        after = session.scalars(select(Commission)).one().status

    assert (earned, after) == (CommissionStatus.EARNED, CommissionStatus.CLAWED_BACK)


def test_the_agency_hears_nothing_of_how_its_debtor_repays(told, running):
    before = world.told_agency()

    close(told, running, days=31)
    pay(told, running)

    assert world.told_agency() == before
