"""Facts from every floor move the application on, and tell debtor and agency what they may know."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from sqlalchemy import select

from disbursement import legs
from disbursement.records.payouts import LegStatus
from kernel import db, events, ids
from kernel.actors import Actor, Role
from kernel.events import Event
from origination import applicants, assessing, closing, consents, followers, invitations
from origination.records.applications import ApplicationStatus
from origination.records.consents import Purpose
from origination.records.facts import StuckFact
from tests.origination.apply import builders as make
from tests.origination.apply import world
from tests.origination.apply.builders import NOON, Person, by_debtor
from tests.origination.front import builders as front
from underwriting import reviews
from underwriting.decisions import Outcome
from underwriting.records.assessments import Assessment

RISK = Actor(Role.RISK_OFFICER, "zhou")
OPERATOR = Actor(Role.OPERATOR, "ops")
TWO = (Person().card(0), Person().card(1))


@pytest.fixture
def told(sandbox, outside):
    """The outside, with an agency that is told by webhook and money in the funding account."""
    world.fund(sandbox)
    with db.transaction() as session:
        agency = front.agency(session)
        agency.webhook_url = "http://127.0.0.1:9/"
    return outside


def status(application) -> ApplicationStatus:
    return make.again(application.id).status


def test_a_loan_that_is_paid_makes_the_application_active(told):
    application = world.signed(told)
    world.pay(told, application)

    world.follow(told)

    assert status(application) is ApplicationStatus.ACTIVE
    assert world.told_debtor() == [
        "application_submitted",
        "contract_signed",
        "loan_active",
        "offer_ready",
        "payout_paid",
    ]
    assert world.told_agency() == ["received", "invited", "applied", "approved"]


def test_the_agency_hears_of_the_payoff_only_by_the_issuers_word(told):
    application = world.signed(told)
    (leg,) = world.pay(told, application)
    world.follow(told)
    before = world.told_agency()

    world.verify(told, leg)
    world.follow(told)

    assert "paid_off" not in before
    assert world.told_agency()[-1] == "paid_off"
    assert make.again(application.id).paid_off_at == told.clock.now()


def test_a_payment_that_comes_back_ends_the_loan_and_is_told_as_returned(told):
    application = world.signed(told)
    (leg,) = world.pay(told, application)
    world.follow(told)

    world.return_(told, leg)
    world.follow(told)

    assert status(application) is ApplicationStatus.FAILED
    assert world.told_agency()[-1] == "returned"
    assert "payout_returned" in world.told_debtor()


def test_one_of_two_payments_that_comes_back_leaves_the_loan_running(sandbox, told):
    world.load(sandbox, Person(), *(world.card(number) for number in TWO))
    application = world.signed(told, numbers=TWO)
    sent = world.pay(told, application)
    world.follow(told)

    with db.transaction() as session:
        second = next(
            leg.id for leg in legs.of_loan(session, application.loan_id) if leg.id in sent
        )
    world.return_(told, second)
    world.follow(told)

    assert status(application) is ApplicationStatus.ACTIVE
    assert world.told_debtor().count("payout_returned") == 1


def test_a_payment_refused_for_good_fails_the_application(sandbox, told):
    world.control(sandbox, "faults", {"card_number": Person().card().plain, "fault": "refuse_63"})
    application = world.signed(told)
    world.pay(told, application)

    world.follow(told)

    assert status(application) is ApplicationStatus.FAILED
    assert "loan_cancelled" in world.told_debtor()
    assert world.told_agency()[-1] == "declined_or_withdrawn"


def test_a_debtor_who_withdraws_is_not_told_that_a_payment_failed(told):
    application = world.signed(told)
    with db.transaction() as session:
        mine = applicants.get(session, application.id)
        closing.withdraw(session, mine, reason="asked", by=by_debtor(mine), at=told.clock.now())

    world.follow(told)

    assert status(application) is ApplicationStatus.WITHDRAWN
    assert "loan_cancelled" not in world.told_debtor()
    assert world.told_agency()[-1] == "declined_or_withdrawn"


def test_a_decline_and_a_withdrawal_look_alike_to_the_agency(sandbox, told):
    world.load(sandbox, Person(), monthly_income=None)
    world.waiting(household=make.budget(income="0.00"))
    assessing.run(told)

    world.follow(told)

    assert world.told_agency()[-1] == "declined_or_withdrawn"
    assert world.told_debtor() == ["application_declined", "application_submitted"]


def test_an_agency_is_told_nothing_once_the_debtor_took_that_consent_back(told):
    application = world.waiting()
    with db.transaction() as session:
        mine = applicants.get(session, application.id)
        consents.withdraw(session, mine, Purpose.AGENCY_STATUS, by=by_debtor(mine), at=NOON)
    assessing.run(told)

    world.follow(told)

    assert status(application) is ApplicationStatus.OFFERED
    assert world.told_agency() == ["received", "invited"]


def test_an_invitation_nobody_wants_is_told(told):
    with db.transaction() as session:
        opened = make.referral(session)
        invitations.decline(
            session,
            opened,
            reason=invitations.DeclineReason.NOT_ME,
            by=front.debtor_actor(opened),
            at=NOON,
        )

    world.follow(told)

    assert world.told_agency() == ["received", "invited", "declined_or_withdrawn"]


def test_an_agency_never_hears_that_another_one_owns_the_debtor(told):
    with db.transaction() as session:
        owner = make.consented(session, agency="haoyuan")
        closing.withdraw(session, owner, reason="asked", by=by_debtor(owner), at=NOON)
        make.consented(session, Person(1, telephone=7), agency="beichen")

    world.follow(told)

    assert world.told_agency() == ["received", "invited"]


def test_a_persons_approval_in_the_risk_console_becomes_an_offer(sandbox, told):
    world.load(sandbox, Person(), watchlist=[{"list": "court", "reason": "listed"}])
    application = world.waiting()
    assessing.run(told)
    with db.transaction() as session:
        kept = session.scalars(select(Assessment)).one()
        reviews.resolve(session, kept, outcome=Outcome.APPROVE, note="seen", by=RISK, at=NOON)

    world.follow(told)

    assert status(application) is ApplicationStatus.OFFERED
    assert world.told_debtor() == [
        "application_in_review",
        "application_submitted",
        "offer_ready",
    ]


def test_facts_are_acted_on_once_however_often_the_job_runs(told):
    application = world.signed(told)
    world.pay(told, application)
    world.follow(told)
    messages, hooks = world.told_debtor(), world.told_agency()

    again = followers.run(told)

    assert again == 0
    assert (world.told_debtor(), world.told_agency()) == (messages, hooks)


def unknown_fact(at) -> None:
    """A fact about an application that does not exist: its reaction fails."""
    with db.transaction() as session:
        events.append(
            session,
            "loan.activated",
            subject=ids.new(),
            at=at,
            body={"application_ref": str(ids.new())},
        )


def stuck() -> list[StuckFact]:
    with db.transaction() as session:
        return list(session.scalars(select(StuckFact)))


def try_until_parked(told) -> list[int]:
    """Run until the failing fact is parked; tell how many messages there were before that."""
    seen, until = [], time.monotonic() + 20
    while not any(row.parked_at for row in stuck()) and time.monotonic() < until:
        seen.append(len(world.told_debtor()))
        followers.run(told)
    return seen


def test_a_fact_that_fails_holds_the_others_for_a_few_tries_and_is_then_parked(told):
    unknown_fact(NOON)
    application = world.waiting()

    seen = try_until_parked(told)
    world.follow(told)

    (row,) = stuck()
    assert set(seen) == {0}
    assert (row.tries, row.fault) == (followers.TRIES_MAX, "NoSuchApplication")
    assert row.parked_at is not None
    assert world.told_debtor() == ["application_submitted"]
    assert status(application) is ApplicationStatus.SUBMITTED
    with db.transaction() as session:
        assert [fact.kind for fact in followers.parked(session)] == ["loan.activated"]
        told_of = session.scalars(select(Event.body).where(Event.kind == "fact.parked")).all()
    assert told_of == [{"kind": "loan.activated"}]


def test_a_fact_that_fails_leaves_nothing_half_done(sandbox, told):
    world.waiting()
    with db.transaction() as session:
        session.connection().exec_driver_sql(
            "ALTER TABLE webhook_message ADD CONSTRAINT broken CHECK (state <> 'applied')"
        )
    try:
        until = time.monotonic() + 20
        while not stuck() and time.monotonic() < until:
            followers.run(told)
        half_done = world.told_debtor()
    finally:
        with db.transaction() as session:
            session.connection().exec_driver_sql(
                "ALTER TABLE webhook_message DROP CONSTRAINT broken"
            )
    while stuck()[0].settled_at is None and time.monotonic() < until:
        followers.run(told)
    world.follow(told)

    (row,) = stuck()
    assert half_done == []
    assert row.settled_at is not None
    assert world.told_debtor() == ["application_submitted"]
    assert world.told_agency() == ["received", "invited", "applied"]


def test_a_parked_fact_is_tried_again_by_an_operator_alone(told):
    unknown_fact(NOON)
    try_until_parked(told)
    (row,) = stuck()

    with pytest.raises(followers.OnlyAnOperator):
        followers.retry(told, row.id, by=RISK)
    with pytest.raises(applicants.NoSuchApplication):
        followers.retry(told, row.id, by=OPERATOR)

    assert stuck()[0].settled_at is None


def test_a_parked_fact_that_goes_through_is_settled(told):
    application = world.signed(told)
    world.pay(told, application)
    with db.transaction() as session:
        fact = session.scalars(select(Event).where(Event.kind == "loan.activated")).one()
        session.add(
            StuckFact(
                id=ids.new(),
                reader=followers.READER,
                event_id=fact.id,
                kind=fact.kind,
                subject=fact.subject,
                tries=followers.TRIES_MAX,
                fault="OperationalError",
                first_at=NOON,
                parked_at=NOON,
            )
        )
    (row,) = stuck()

    followers.retry(told, row.id, by=OPERATOR)

    assert status(application) is ApplicationStatus.ACTIVE
    assert stuck()[0].settled_at == told.clock.now()
    with pytest.raises(followers.NoSuchStuckFact):
        followers.retry(told, row.id, by=OPERATOR)


def test_every_leg_is_where_the_application_says(told):
    application = world.signed(told)
    told.clock.advance(timedelta(minutes=1))
    world.pay(told, application)
    world.follow(told)

    with db.transaction() as session:
        found = {leg.status for leg in legs.of_loan(session, application.loan_id)}
    assert found == {LegStatus.PAID}
