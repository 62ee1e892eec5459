"""Refused for a reason on our side: the signed loan waits for a person instead of ending."""

from __future__ import annotations

import pytest

from disbursement import loans, payouts
from disbursement.records.loans import LoanStatus
from disbursement.records.payouts import LegStatus
from kernel.db import transaction
from kernel.money import Money
from tests.disbursement import builders as make
from tests.disbursement.partners import Partners
from tests.disbursement.saga import Saga

CARD = make.card_number(1)


@pytest.fixture
def short(surroundings, clock, sandbox, books) -> Saga:
    """Give a payout that the channel refused because the funding account is empty."""
    saga = Saga(surroundings, clock, Partners(sandbox, clock))
    saga.partners.card(CARD, "9000.00")
    saga.start(make.leg_order(1))
    saga.send()
    return saga


def test_a_loan_waits_while_its_payout_failed_for_lack_of_money(short):
    leg = short.leg()

    assert (leg.status, leg.code, leg.parked) == (LegStatus.FAILED, "64", True)
    assert short.loan().status is LoanStatus.PENDING
    assert short.facts() == ["payout.failed"]


def test_a_successor_pays_the_card_when_there_is_money_again(short):
    short.partners.fund()
    with transaction() as session:
        payouts.succeed_leg(session, short.leg().id, by=make.MAKER, at=short.clock.now())

    short.approve()
    short.send()
    short.ask(minutes=3)

    assert short.loan().status is LoanStatus.ACTIVE
    assert short.loan().principal == Money.yuan("9000.00")
    assert not any(leg.parked for leg in short.legs())


def test_a_person_who_gives_the_payout_up_ends_the_loan(short):
    with transaction() as session:
        payouts.unpark(session, short.leg().id, by=make.MAKER, at=short.clock.now())

    assert short.loan().status is LoanStatus.CANCELLED
    assert short.facts() == ["payout.failed", "payout.unparked", "loan.cancelled"]


def test_the_debtor_may_still_withdraw(short):
    with transaction() as session:
        loans.cancel(
            session, short.loan_id, reason="withdrawn", by=make.DEBTOR, at=short.clock.now()
        )

    assert short.loan().status is LoanStatus.CANCELLED
    assert not short.leg().parked
