"""An agency is owed for the card it referred and no other, and is told no more than it may know."""

from __future__ import annotations

from datetime import timedelta

import pytest

from disbursement import commissions
from disbursement.records.commissions import Commission, CommissionStatus
from kernel import db
from kernel.clock import business_day
from kernel.money import ZERO, Money
from origination import agencies, agency_statements, applicants, consents
from origination.records.consents import Purpose
from origination.records.referrals import Referral
from tests.origination.apply import builders as make
from tests.origination.apply import world
from tests.origination.apply.builders import Person
from tests.origination.front import builders as front

TWO = (Person().card(0), Person().card(1))


@pytest.fixture
def told(sandbox, outside):
    """The outside, with an agency that is told by webhook and money in the funding account."""
    world.fund(sandbox)
    with db.transaction() as session:
        agency = front.agency(session)
        agency.webhook_url = "http://127.0.0.1:9/"
    return outside


def referred_card(application, number) -> None:
    """Have the agency's case be about this card."""
    with db.transaction() as session:
        referral = session.get_one(Referral, application.referral_id)
        referral.card_bin, referral.card_last4 = number.plain[:6], number.last4


def owed() -> list[Commission]:
    with db.transaction() as session:
        return list(session.query(Commission).order_by(Commission.id))


def statement(told):
    with db.transaction() as session:
        agency = agencies.by_code(session, "beichen")
        month = business_day(told.clock.now())
        return agency_statements.of_month(session, agency, month=month)


@pytest.fixture
def paid_off(told):
    """An application whose referred card is paid and confirmed by its issuer."""
    application = world.signed(told)
    referred_card(application, Person().card())
    (leg,) = world.pay(told, application)
    world.follow(told)
    world.verify(told, leg)
    world.follow(told)
    return application, leg


def test_the_card_it_referred_earns_an_agency_its_fee(paid_off):
    (commission,) = owed()

    assert commission.agency_code == "beichen"
    assert commission.leg_id == paid_off[1]
    assert commission.status is CommissionStatus.EARNED


def test_of_two_cards_only_the_one_that_was_referred_earns_a_fee(sandbox, told):
    world.load(sandbox, Person(), *(world.card(number) for number in TWO))
    application = world.signed(told, numbers=TWO)
    referred_card(application, TWO[1])
    for leg in world.pay(told, application):
        world.verify(told, leg)

    world.follow(told)

    with db.transaction() as session:
        (commission,) = commissions.of_loan(session, make.again(application.id).loan_id)
        leg = session.get_one(commissions.PayoutLeg, commission.leg_id)
    assert leg.card_masked.endswith(TWO[1].last4)


def test_a_card_that_nobody_referred_earns_nobody_anything(told):
    application = world.signed(told)
    referred_card(application, Person(number=9).card())
    (leg,) = world.pay(told, application)
    world.verify(told, leg)

    world.follow(told)

    assert world.told_agency()[-1] == "paid_off"
    assert owed() == []


def test_a_payment_that_comes_back_takes_the_fee_back(told, paid_off):
    told.clock.advance(timedelta(days=2))
    world.return_(told, paid_off[1])

    world.follow(told)

    assert [commission.status for commission in owed()] == [CommissionStatus.TAKEN_BACK]
    assert statement(told).closing == ZERO


def test_the_agency_is_told_the_case_of_a_fee_while_its_debtor_lets_it(told, paid_off):
    before = statement(told)
    with db.transaction() as session:
        application = applicants.get(session, paid_off[0].id)
        consents.withdraw(
            session, application, Purpose.AGENCY_STATUS,
            by=make.by_debtor(application), at=told.clock.now(),
        )  # fmt: skip

    after = statement(told)

    assert [line.case_no for line in before.earned] == ["beichen-0001"]
    assert [line.case_no for line in after.earned] == [None]
    assert before.closing == after.closing == owed()[0].fee


def test_a_fee_clawed_back_names_no_case_and_no_reason(told, paid_off):
    with db.transaction() as session:
        mine = make.again(paid_off[0].id)
        loan = session.get_one(commissions.Loan, mine.loan_id)
        commissions.judge_default(
            session, loan.id, overdue_since=loan.first_due, by=make.SYSTEM,
            on=loan.first_due + timedelta(days=31), at=told.clock.now(),
        )  # fmt: skip

    sheet = agency_statements.as_csv(statement(told))

    fee = owed()[0].fee
    month = business_day(told.clock.now()).replace(day=1)
    assert f"{month},taken_back,,,{-fee}" in sheet.splitlines()
    assert f"{month},closing,,,{Money(0)}" in sheet.splitlines()
    assert "clawed" not in sheet
    assert "default" not in sheet


def test_the_webhook_says_nothing_of_a_fee_and_nothing_of_a_default(told, paid_off):
    before = world.told_agency()
    with db.transaction() as session:
        loan = session.get_one(commissions.Loan, make.again(paid_off[0].id).loan_id)
        commissions.judge_default(
            session, loan.id, overdue_since=loan.first_due, by=make.SYSTEM,
            on=loan.first_due + timedelta(days=31), at=told.clock.now(),
        )  # fmt: skip

    world.follow(told)

    assert [commission.status for commission in owed()] == [CommissionStatus.CLAWED_BACK]
    assert world.told_agency() == before
