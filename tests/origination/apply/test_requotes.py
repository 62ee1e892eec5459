"""A card that became dearer is asked about again; nothing is sent to it meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from disbursement import legs, loans, sending
from disbursement.records.loans import LoanStatus
from disbursement.records.payouts import LegStatus
from kernel import db
from kernel.actors import Actor, Role
from kernel.money import Money
from kernel.moves import MoveRefused
from origination import (
    applicants,
    application_jobs,
    closing,
    contracts,
    offers,
    requotes,
)
from origination.records.applications import ApplicationStatus
from origination.records.contracts import Contract
from origination.records.offers import Offer, OfferStatus
from tests.origination.apply import builders as make
from tests.origination.apply import world
from tests.origination.apply.builders import Person, by_debtor

TWO = (Person().card(0), Person().card(1))


@pytest.fixture
def dearer(sandbox, outside):
    """A signed application whose one card grew past its ceiling before anything was sent."""
    world.fund(sandbox)
    application = world.signed(outside)
    outside.clock.advance(timedelta(days=7))
    world.approve(outside, application)
    sending.send_due(outside)
    world.follow(outside)
    return outside, make.again(application.id)


def leg_statuses(application) -> list[LegStatus]:
    with db.transaction() as session:
        return sorted(leg.status for leg in legs.of_loan(session, application.loan_id))


def offer_statuses(application) -> list[OfferStatus]:
    with db.transaction() as session:
        return list(
            session.scalars(
                select(Offer.status)
                .where(Offer.application_id == application.id)
                .order_by(Offer.version)
            )
        )


def sign_again(surroundings, application) -> None:
    with db.transaction() as session:
        mine = applicants.get(session, application.id)
        then = make.ready_to_sign(session, mine, at=surroundings.clock.now())
    surroundings.clock.advance_to(then)
    with db.transaction() as session:
        mine = applicants.get(session, application.id)
        contracts.sign(session, mine, evidence={}, by=by_debtor(mine), at=then)


def decline(surroundings, application) -> None:
    with db.transaction() as session:
        mine = applicants.get(session, application.id)
        requotes.decline(session, mine, by=by_debtor(mine), at=surroundings.clock.now())


def withdraw(surroundings, application) -> None:
    with db.transaction() as session:
        mine = applicants.get(session, application.id)
        at = surroundings.clock.now()
        closing.withdraw(session, mine, reason="asked", by=by_debtor(mine), at=at)


def test_a_dearer_card_is_offered_anew_with_its_new_ceiling(dearer):
    _, application = dearer

    with db.transaction() as session:
        offer = offers.current(session, application)
        (card,) = offers.covered(session, offer)

    assert application.status is ApplicationStatus.REQUOTE
    assert leg_statuses(application) == [LegStatus.REQUOTE_NEEDED]
    # 9,000.00 and seven days of 4.50 are 9,031.50; with five more days 9,054.00.
    assert (card.quoted, card.ceiling) == (Money.yuan("9031.50"), Money.yuan("9054.00"))
    assert (offer.version, offer.principal) == (2, Money.yuan("9054.00"))
    assert offer_statuses(application) == [OfferStatus.SIGNED, OfferStatus.OPEN]
    assert "requote_needed" in world.told_debtor()


def test_the_debtor_signs_again_and_the_card_is_paid(dearer):
    surroundings, application = dearer

    sign_again(surroundings, application)
    signed = make.again(application.id)
    world.pay(surroundings, application)
    world.follow(surroundings)

    with db.transaction() as session:
        loan = loans.get(session, application.loan_id)
        papers = session.scalars(select(Contract.sha256)).all()
    assert signed.status is ApplicationStatus.SIGNED
    assert offer_statuses(application) == [OfferStatus.SUPERSEDED, OfferStatus.SIGNED]
    assert (loan.status, loan.ceiling) == (LoanStatus.ACTIVE, Money.yuan("9054.00"))
    assert loan.principal == Money.yuan("9031.50")
    assert len(set(papers)) == 2
    assert make.again(application.id).status is ApplicationStatus.ACTIVE


def test_a_debtor_who_says_no_owes_nothing(dearer):
    surroundings, application = dearer

    decline(surroundings, application)
    world.follow(surroundings)

    with db.transaction() as session:
        loan = loans.get(session, application.loan_id)
    assert make.again(application.id).status is ApplicationStatus.WITHDRAWN
    assert loan.status is LoanStatus.CANCELLED
    assert leg_statuses(application) == [LegStatus.CANCELLED]
    assert offer_statuses(application)[-1] is OfferStatus.WITHDRAWN
    assert "loan_cancelled" not in world.told_debtor()


def test_withdrawing_the_whole_application_says_no_as_well(dearer):
    surroundings, application = dearer

    withdraw(surroundings, application)

    assert make.again(application.id).status is ApplicationStatus.WITHDRAWN
    assert leg_statuses(application) == [LegStatus.CANCELLED]


def test_a_debtor_who_does_not_answer_owes_nothing(dearer):
    surroundings, application = dearer

    surroundings.clock.advance(timedelta(days=3))
    ended = application_jobs.end_what_is_over(surroundings)
    world.follow(surroundings)

    assert ended == 1
    assert make.again(application.id).status is ApplicationStatus.EXPIRED
    assert leg_statuses(application) == [LegStatus.CANCELLED]


def test_nobody_answers_for_the_debtor(dearer):
    surroundings, application = dearer

    with db.transaction() as session, pytest.raises(applicants.OnlyTheDebtor):
        requotes.decline(
            session,
            application,
            by=Actor(Role.OPERATOR, "ops"),
            at=surroundings.clock.now(),
        )


def test_there_is_nothing_to_decline_when_nothing_is_asked(session):
    application = make.signed(session)

    with pytest.raises(MoveRefused):
        requotes.decline(session, application, by=by_debtor(application), at=make.NOON)


@pytest.fixture
def one_of_two_dearer(sandbox, outside):
    """Of two signed cards one is paid and the other became dearer."""
    world.fund(sandbox)
    world.load(sandbox, Person(), *(world.card(number) for number in TWO))
    application = world.signed(outside, numbers=TWO)
    world.load(
        sandbox,
        Person(),
        world.card(TWO[0]),
        world.card(TWO[1], balance="9500.00"),
    )
    world.pay(outside, application)
    world.follow(outside)
    return outside, make.again(application.id)


def test_a_dearer_card_beside_a_paid_one_is_asked_about_alone(one_of_two_dearer):
    _, application = one_of_two_dearer

    with db.transaction() as session:
        covered = offers.covered(session, offers.current(session, application))

    assert application.status is ApplicationStatus.REQUOTE
    assert leg_statuses(application) == [LegStatus.PAID, LegStatus.REQUOTE_NEEDED]
    # The paid card keeps what was signed; 9,500.00 at 4.75 a day makes 9,523.75.
    assert [card.ceiling for card in covered] == [
        Money.yuan("9022.50"),
        Money.yuan("9523.75"),
    ]


def test_leaving_the_dearer_card_out_keeps_the_loan_for_the_paid_one(one_of_two_dearer):
    surroundings, application = one_of_two_dearer

    decline(surroundings, application)
    between = make.again(application.id).status
    world.follow(surroundings)

    with db.transaction() as session:
        loan = loans.get(session, application.loan_id)
    assert between is ApplicationStatus.PAYING
    assert make.again(application.id).status is ApplicationStatus.ACTIVE
    assert (loan.status, loan.principal) == (LoanStatus.ACTIVE, Money.yuan("9000.00"))


def test_not_answering_leaves_the_dearer_card_out(one_of_two_dearer):
    surroundings, application = one_of_two_dearer

    surroundings.clock.advance(timedelta(days=3))
    application_jobs.end_what_is_over(surroundings)
    world.follow(surroundings)

    assert make.again(application.id).status is ApplicationStatus.ACTIVE
    assert offer_statuses(application)[-1] is OfferStatus.EXPIRED


def test_money_on_its_way_cannot_be_withdrawn_from(one_of_two_dearer):
    surroundings, application = one_of_two_dearer

    with pytest.raises(MoveRefused):
        withdraw(surroundings, application)

    assert make.again(application.id).status is ApplicationStatus.REQUOTE


def test_signing_the_dearer_card_pays_it_too(one_of_two_dearer):
    surroundings, application = one_of_two_dearer

    sign_again(surroundings, application)
    world.pay(surroundings, application)
    world.follow(surroundings)

    with db.transaction() as session:
        loan = loans.get(session, application.loan_id)
    assert make.again(application.id).status is ApplicationStatus.ACTIVE
    assert loan.principal == Money.yuan("18500.00")
