"""A person has an application assessed anew, and nothing is turned round by one person's wish."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from kernel import db, moves
from kernel.actors import Actor, Role
from kernel.events import Event
from origination import applicants, applications, assessing, closing
from origination.records.applications import APPLICATION_MOVES, ApplicationStatus
from tests.origination.apply import builders as make
from tests.origination.apply import world
from tests.origination.apply.builders import Person, by_debtor
from tests.origination.apply.test_lots_drawn import RISKY, drawn, small_card
from tests.origination.apply.world import told_debtor, waiting
from tests.underwriting import exploring
from underwriting import anew, askings, assessments, review_queue, reviews
from underwriting.decisions import Outcome
from underwriting.obstacles import Cause, Obstacle
from underwriting.records.assessments import Assessment
from underwriting.records.service import ExplorationLot, ReviewCause
from underwriting.reversals import Reversal

RISK, SECOND = (Actor(Role.RISK_OFFICER, name) for name in ("zhou", "wu"))
COURT = [{"list": "court", "reason": "listed"}]


def newest(application) -> Assessment:
    with db.transaction() as session:
        return assessments.get(session, make.again(application.id).assessment_id)


def ask(outside, application, *, reason="the bureau sent the file late", by=RISK):
    """Ask in the console, and let the application follow."""
    with db.transaction() as session:
        kept = assessments.get(session, make.again(application.id).assessment_id)
        anew.ask(session, kept, reason=reason, by=by, at=outside.clock.now())
    world.follow(outside)


def say(outside, application, outcome, *, by) -> bool:
    """Say an officer's word and let the application follow; tell whether it was the last one."""
    with db.transaction() as session:
        kept = assessments.get(session, make.again(application.id).assessment_id)
        reviews.resolve(session, kept, outcome=outcome, note="seen", by=by, at=outside.clock.now())
        is_done = reviews.of(session, kept) is not None
    world.follow(outside)
    return is_done


def status(application) -> ApplicationStatus:
    return make.again(application.id).status


def waiting_reviews(outside):
    with db.transaction() as session:
        return review_queue.queue(session, at=outside.clock.now())


def count(kind) -> int:
    with db.transaction() as session:
        return session.scalar(select(func.count()).select_from(kind))


@pytest.fixture
def unread(sandbox, outside):
    """An application in review, for the bureau had no file: there are no terms to approve."""
    world.load(sandbox, Person(), figures=None)
    application = waiting()
    assessing.run(outside)
    world.follow(outside)
    return application


@pytest.fixture
def objected(sandbox, outside):
    """A decline for want of income, and the debtor asked for a person."""
    world.load(sandbox, Person(), monthly_income=None)
    application = waiting(household=make.budget(income="0.00"))
    assessing.run(outside)
    outside.clock.advance(timedelta(hours=5))
    with db.transaction() as session:
        mine = applicants.get(session, application.id)
        applications.request_review(session, mine, by=by_debtor(mine), at=outside.clock.now())
    world.follow(outside)
    return application


def test_a_review_without_terms_becomes_an_offer_when_the_data_came(sandbox, outside, unread):
    before = newest(unread)

    ask(outside, unread)
    asked = make.again(unread.id)
    world.load(sandbox)
    assessing.run(outside)

    with db.transaction() as session:
        steps = moves.history(session, unread, table=APPLICATION_MOVES)
    (step,) = [one for one in steps if one.from_status == ApplicationStatus.REVIEW]
    assert not assessments.decision_of(before).has_terms
    assert asked.status is ApplicationStatus.SUBMITTED
    assert (step.actor, step.reason) == (str(RISK), "the bureau sent the file late")
    assert status(unread) is ApplicationStatus.OFFERED
    assert waiting_reviews(outside) == ()


def test_nobody_decides_on_an_assessment_that_is_given_up_and_its_clock_runs_on(outside, unread):
    (before,) = waiting_reviews(outside)
    ask(outside, unread)
    outside.clock.advance(timedelta(hours=9))

    with pytest.raises(askings.BeingAssessedAnew):
        say(outside, unread, Outcome.DECLINE, by=SECOND)

    (meanwhile,) = waiting_reviews(outside)
    assessing.run(outside)
    (after,) = waiting_reviews(outside)
    assert status(unread) is ApplicationStatus.REVIEW
    assert before.opened_at == meanwhile.opened_at == after.opened_at
    assert after.assessment_id != before.assessment_id
    # He was told once that a person looks at it, and that is still so.
    assert told_debtor().count("application_in_review") == 1


def test_a_debtor_who_asked_for_a_person_is_not_answered_by_the_machine(outside, objected):
    (before,) = waiting_reviews(outside)

    ask(outside, objected)
    outside.clock.advance(timedelta(hours=3))
    assessing.run(outside)
    world.follow(outside)

    (after,) = waiting_reviews(outside)
    assert status(objected) is ApplicationStatus.REVIEW
    assert newest(objected).outcome is Outcome.DECLINE
    assert (after.cause, after.opened_at) == (ReviewCause.DEBTOR, before.opened_at)
    assert told_debtor().count("application_declined") == 1
    assert say(outside, objected, Outcome.DECLINE, by=RISK)
    assert status(objected) is ApplicationStatus.DECLINED


def test_what_an_earlier_assessment_declined_is_lent_by_two_officers_only(
    sandbox, outside, objected
):
    world.load(sandbox)

    ask(outside, objected)
    assessing.run(outside)

    kept = newest(objected)
    held = status(objected)
    with db.transaction() as session:
        turned = reviews.turned(session, kept, Outcome.APPROVE)
    assert (kept.outcome, held) == (Outcome.APPROVE, ApplicationStatus.REVIEW)
    assert turned == (Reversal.DECLINED,)
    assert not say(outside, objected, Outcome.APPROVE, by=RISK)
    assert status(objected) is ApplicationStatus.REVIEW
    assert say(outside, objected, Outcome.APPROVE, by=SECOND)
    assert status(objected) is ApplicationStatus.OFFERED


def test_terms_that_were_found_are_not_lost_by_one_persons_wish(sandbox, outside):
    world.load(sandbox, Person(), watchlist=COURT)
    application = waiting(household=make.budget(income="0.00"))
    assessing.run(outside)
    had_terms = assessments.decision_of(newest(application)).has_terms
    world.load(sandbox, Person(), monthly_income=None)

    ask(outside, application)
    assessing.run(outside)

    assert had_terms
    assert newest(application).outcome is Outcome.DECLINE
    assert status(application) is ApplicationStatus.REVIEW
    assert not say(outside, application, Outcome.DECLINE, by=RISK)
    assert say(outside, application, Outcome.DECLINE, by=SECOND)
    assert status(application) is ApplicationStatus.DECLINED


def test_what_cannot_be_assessed_anew_goes_back_to_the_person(outside, unread):
    outside.clock.advance(timedelta(days=31))

    # Consents older than thirty days serve no more, so no source may be asked.
    ask(outside, unread)
    assessing.run(outside)

    after = make.again(unread.id)
    with db.transaction() as session:
        (asking,) = askings.listed(session, unread.id)
        left = anew.left(session, newest(unread), at=outside.clock.now())
    assert (after.status, after.parked) == (ApplicationStatus.REVIEW, False)
    assert asking.failed == Obstacle(Cause.CONSENT_MISSING)
    assert left == anew.times_max(outside.clock.now().date())
    assert say(outside, unread, Outcome.DECLINE, by=RISK)
    assert status(unread) is ApplicationStatus.DECLINED


def test_no_lot_is_drawn_for_whoever_was_assessed_before(sandbox, outside, tmp_path, monkeypatch):
    person = Person()
    world.load(sandbox, person, small_card(person), figures=None)
    application = waiting(person)
    assessing.run(outside)
    world.load(sandbox, person, small_card(person), figures=RISKY)

    with exploring.in_the_folder(tmp_path, monkeypatch):
        drawn(application, "0.05")
        ask(outside, application)
        assessing.run(outside)

    assert status(application) is ApplicationStatus.DECLINED
    assert count(ExplorationLot) == 0


def test_an_asking_that_comes_after_the_debtor_withdrew_does_nothing(outside, unread):
    with db.transaction() as session:
        kept = assessments.get(session, make.again(unread.id).assessment_id)
        anew.ask(session, kept, reason="late", by=RISK, at=outside.clock.now())
    with db.transaction() as session:
        mine = applicants.get(session, unread.id)
        closing.withdraw(session, mine, reason="done", by=by_debtor(mine), at=outside.clock.now())

    world.follow(outside)

    with db.transaction() as session:
        stuck = session.scalars(select(Event).where(Event.kind == "fact.parked")).all()
    assert status(unread) is ApplicationStatus.WITHDRAWN
    assert (waiting_reviews(outside), stuck) == ((), [])
