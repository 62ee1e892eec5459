"""A person decides where the assessment left it to him, or where the debtor asks for one."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from kernel import db
from kernel.actors import Actor, Role
from kernel.clock import shanghai
from origination import applicants, applications, assessing, cards, closing, deciding
from origination.records.applications import Application, ApplicationStatus
from origination.records.referrals import Referral
from tests.origination.apply import builders as make
from tests.origination.apply import world
from tests.origination.apply.builders import Person, by_debtor, later
from tests.origination.apply.world import waiting
from tests.underwriting import builders as dossiers
from underwriting import assessments, policy, review_queue, reviews
from underwriting.decisions import Outcome
from underwriting.records.assessments import Assessment
from underwriting.records.service import ReviewCause

NEW_POLICY = shanghai(date(2026, 11, 24), 10)
"""The first day of a policy that promises an answer in time."""
RISK, SECOND = (Actor(Role.RISK_OFFICER, name) for name in ("zhou", "wu"))


def counted(kind) -> int:
    with db.transaction() as session:
        return session.scalar(select(func.count()).select_from(kind))


def ask_for_review(application, *, at):
    with db.transaction() as session:
        mine = applicants.get(session, application.id)
        applications.request_review(session, mine, by=by_debtor(mine), at=at)


def begin_again(application, *, at):
    with db.transaction() as session:
        opened = session.get_one(Referral, application.referral_id)
        by = by_debtor(application)
        applications.start(session, opened, locale=application.locale, by=by, at=at)


def in_review(sandbox, outside, **more) -> Application:
    world.load(sandbox, Person(), watchlist=[{"list": "court", "reason": "listed"}])
    application = waiting(**more)
    assessing.run(outside)
    return make.again(application.id)


def review(application, outcome, *, at):
    with db.transaction() as session:
        kept = session.get_one(Assessment, application.assessment_id)
        reviews.resolve(session, kept, outcome=outcome, note="seen", by=RISK, at=at)
        if reviews.of(session, kept) is None:
            reviews.resolve(session, kept, outcome=outcome, note="too", by=SECOND, at=at)
    with db.transaction() as session:
        mine = applicants.get(session, application.id)
        applicants.lock(session, mine)
        deciding.conclude(session, mine, outcome, by=RISK, at=at)


def test_a_person_may_approve_what_the_assessment_left_to_him(sandbox, outside):
    application = in_review(sandbox, outside)

    review(application, Outcome.APPROVE, at=later(hours=2))

    after = make.again(application.id)
    assert application.status is ApplicationStatus.REVIEW
    assert after.status is ApplicationStatus.OFFERED
    assert after.reviewed_at == later(hours=2)


def test_a_person_may_decline(sandbox, outside):
    application = in_review(sandbox, outside)

    review(application, Outcome.DECLINE, at=later(hours=2))

    assert make.again(application.id).status is ApplicationStatus.DECLINED


def test_an_approval_that_came_after_the_quotes_is_assessed_anew_and_stands(sandbox, outside):
    application = in_review(sandbox, outside)
    outside.clock.advance(timedelta(days=4))

    review(application, Outcome.APPROVE, at=outside.clock.now())
    waiting_again = make.again(application.id)
    assessing.run(outside)

    assert waiting_again.status is ApplicationStatus.SUBMITTED
    assert make.again(application.id).status is ApplicationStatus.OFFERED
    assert counted(Assessment) == 2
    assert waiting_reviews(at=outside.clock.now()) == ()


def looked_at_again(application, *, at):
    with db.transaction() as session:
        mine = applicants.get(session, application.id)
        deciding.look_again(session, mine, reason="new data", by=RISK, at=at)


def test_what_came_up_after_a_persons_word_is_not_cleared_by_looking_once_more(sandbox, outside):
    application = in_review(sandbox, outside)
    outside.clock.advance(timedelta(days=4))
    review(application, Outcome.APPROVE, at=outside.clock.now())
    court = {"list": "court", "reason": "listed"}
    world.load(sandbox, Person(), watchlist=[court], employment_months=600)
    assessing.run(outside)
    new = make.again(application.id)

    looked_at_again(application, at=outside.clock.now())
    assessing.run(outside)

    # Fifty years in work, for which he is too young, came up since: nobody has looked at that.
    assert new.status is ApplicationStatus.REVIEW
    assert make.again(application.id).status is ApplicationStatus.REVIEW
    assert counted(Assessment) == 3


def of_rules(*names):
    """A decision that rules against fraud left to a person for one and the same reason."""
    figures = {"ring_size": "9", "ring_agencies": "3"}
    told = {name: Decimal(value) for name, value in figures.items() if name in names}
    return assessments.decide(
        dossiers.dossier(figures={**dossiers.dossier().figures, **told}),
        policy.load("2026-11"),
        dossiers.Says("0.150000"),
    )


def test_another_rule_against_fraud_is_another_finding_though_its_reason_is_the_same():
    one, other, both = (
        of_rules(*names)
        for names in (["ring_size"], ["ring_agencies"], ["ring_size", "ring_agencies"])
    )

    assert one.reasons == other.reasons == both.reasons
    assert deciding.findings(one) < deciding.findings(both)
    assert not deciding.findings(other) <= deciding.findings(one)


def test_a_decline_is_reviewed_when_the_debtor_asks_once(sandbox, outside):
    world.load(sandbox, Person(), monthly_income=None)
    application = waiting(household=make.budget(income="0.00"))
    assessing.run(outside)

    for minutes in (1, 2):
        with db.transaction() as session:
            mine = applicants.get(session, application.id)
            applications.request_review(
                session, mine, by=by_debtor(mine), at=later(minutes=minutes)
            )
    asked = make.again(application.id)
    review(asked, Outcome.DECLINE, at=later(hours=1))

    assert asked.status is ApplicationStatus.REVIEW
    assert make.again(application.id).status is ApplicationStatus.DECLINED
    with pytest.raises(applications.DecidedAlready):
        ask_for_review(application, at=later(hours=2))


def test_a_review_cannot_be_asked_for_after_a_month(sandbox, outside):
    world.load(sandbox, Person(), monthly_income=None)
    application = waiting(household=make.budget(income="0.00"))
    assessing.run(outside)

    with pytest.raises(applications.ReviewTooLate):
        ask_for_review(application, at=later(days=31))


def test_a_review_asked_for_while_the_card_is_elsewhere_is_refused(sandbox, outside):
    world.load(sandbox, Person(), monthly_income=None)
    application = waiting(household=make.budget(income="0.00"))
    assessing.run(outside)
    waiting(Person(2), numbers=(Person().card(),))

    with pytest.raises(cards.CardInUse):
        ask_for_review(application, at=later(hours=1))

    assert make.again(application.id).status is ApplicationStatus.DECLINED


def test_corrected_data_are_assessed_anew_when_a_risk_officer_says_so(sandbox, outside):
    application = in_review(sandbox, outside)
    world.load(sandbox)
    with db.transaction() as session:
        deciding.look_again(
            session,
            applicants.get(session, application.id),
            reason="the list was wrong",
            by=RISK,
            at=later(hours=1),
        )

    assessing.run(outside)

    assert make.again(application.id).status is ApplicationStatus.OFFERED


def waiting_reviews(*, at):
    with db.transaction() as session:
        return review_queue.queue(session, at=at)


def test_the_debtors_request_starts_the_clock(sandbox, outside):
    outside.clock.advance_to(NEW_POLICY)
    world.load(sandbox, Person(), monthly_income=None)
    application = waiting(household=make.budget(income="0.00"))
    assessing.run(outside)
    before = waiting_reviews(at=NEW_POLICY)
    asked_at = NEW_POLICY + timedelta(hours=5)

    ask_for_review(application, at=asked_at)

    (found,) = waiting_reviews(at=asked_at + timedelta(hours=50))
    assert before == ()
    assert found.assessment_id == make.again(application.id).assessment_id
    assert (found.cause, found.outcome) == (ReviewCause.DEBTOR, Outcome.DECLINE)
    assert (found.opened_at, found.due_at) == (asked_at, asked_at + timedelta(hours=72))
    assert (str(found.hours), found.stands_out, found.is_overdue) == ("50.0", True, False)


def test_what_the_rules_leave_to_a_person_waits_until_he_decides(sandbox, outside):
    application = in_review(sandbox, outside)
    waited = waiting_reviews(at=later(hours=1))

    review(application, Outcome.APPROVE, at=later(hours=2))

    assert [each.cause for each in waited] == [ReviewCause.RULES]
    assert waiting_reviews(at=later(hours=3)) == ()


def test_a_debtor_who_withdraws_waits_for_nobody(sandbox, outside):
    application = in_review(sandbox, outside)

    with db.transaction() as session:
        mine = applicants.get(session, application.id)
        closing.withdraw(
            session, mine, reason="changed his mind", by=by_debtor(mine), at=later(hours=1)
        )

    with db.transaction() as session:
        standing = review_queue.standing(session, at=later(hours=2))
    assert waiting_reviews(at=later(hours=2)) == ()
    assert (standing.open, standing.answered) == (0, 0)


def test_a_new_assessment_in_review_goes_on_with_the_time_of_the_first(sandbox, outside):
    application = in_review(sandbox, outside)
    (first,) = waiting_reviews(at=later(hours=1))
    outside.clock.advance(timedelta(hours=30))
    looked_at_again(application, at=outside.clock.now())

    assessing.run(outside)

    (second,) = waiting_reviews(at=outside.clock.now())
    assert second.assessment_id != first.assessment_id
    assert second.opened_at == first.opened_at


def test_after_a_decline_the_same_link_begins_no_new_application(sandbox, outside):
    world.load(sandbox, Person(), monthly_income=None)
    application = waiting(household=make.budget(income="0.00"))
    assessing.run(outside)

    with pytest.raises(applications.DecidedAlready):
        begin_again(application, at=later(days=1))
