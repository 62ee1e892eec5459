"""What waits for a person, how long it has waited, and whether answers come in time."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from kernel import config, db
from kernel.actors import Actor, Role, system
from kernel.clock import SetClock, shanghai
from kernel.events import Event
from kernel.surroundings import build
from tests.underwriting import builders as make
from underwriting import assessments, jobs, policy, review_queue, reviews
from underwriting.decisions import Outcome
from underwriting.records.assessments import Assessment
from underwriting.records.service import ReviewCause, ReviewEnd

RISK = Actor(Role.RISK_OFFICER, "risk")
POLICY = policy.load("2026-11")
START = shanghai(date(2026, 11, 25), 10)


def hours(count: float):
    return START + timedelta(hours=count)


def in_review(session, number: int, *, at=START, cause=ReviewCause.RULES) -> Assessment:
    told = make.gathered(
        make.dossier(application_ref=make.ref(number), watchlist_hits=(make.hit("court"),))
    )
    decision = assessments.decide(told.dossier, POLICY, make.Says("0.100000"))
    kept = assessments.record(session, told, decision, by=system("assess"), at=at)
    reviews.owe(session, kept, cause=cause, at=at)
    return kept


def answer(session, kept, *, at) -> None:
    reviews.resolve(session, kept, outcome=Outcome.APPROVE, note="seen", by=RISK, at=at)


def test_the_time_is_the_policys_and_what_is_due_first_comes_first(session):
    late, early = in_review(session, 1, at=hours(2)), in_review(session, 2)

    found = review_queue.queue(session, at=hours(49))

    assert [each.assessment_id for each in found] == [early.id, late.id]
    assert [each.due_at for each in found] == [hours(72), hours(74)]
    assert [each.stands_out for each in found] == [True, False]


def test_under_a_policy_without_a_time_a_review_is_open_and_never_overdue(session):
    before = shanghai(date(2026, 11, 20), 10)
    in_review(session, 1, at=before)

    (found,) = review_queue.queue(session, at=hours(1_000))

    assert (found.due_at, found.is_overdue) == (None, False)
    assert review_queue.standing(session, at=hours(1_000)).overdue == 0


def test_what_was_left_to_a_person_before_there_was_a_queue_waits_in_it(session):
    told = make.gathered(make.dossier(watchlist_hits=(make.hit("court"),)))
    decision = assessments.decide(told.dossier, POLICY, make.Says("0.100000"))
    kept = assessments.record(session, told, decision, by=system("assess"), at=START)

    (found,) = review_queue.queue(session, at=hours(1))

    assert (found.assessment_id, found.opened_at) == (kept.id, START)
    assert review_queue.waits(session, kept)


def test_a_proposal_is_seen_in_the_queue(session):
    kept = in_review(session, 1)
    reviews.resolve(session, kept, outcome=Outcome.DECLINE, note="open", by=RISK, at=hours(1))

    (found,) = review_queue.queue(session, at=hours(2))
    (proposal,) = review_queue.proposals(session, kept)

    assert (found.proposed, found.proposed_by) == (Outcome.DECLINE, str(RISK))
    assert (proposal.note, proposal.proposed_at) == ("open", hours(1))


def test_the_standing_counts_what_is_late_and_still_open_as_not_in_time(session):
    for number, after in enumerate((10, 20, 80), start=1):
        answer(session, in_review(session, number), at=hours(after))
    in_review(session, 4)
    in_review(session, 5, at=hours(50))

    found = review_queue.standing(session, at=hours(90))

    # Of five, two wait; one of them for 90 hours. Answered after 10, 20 and 80: the middle is 20.
    assert (found.open, found.overdue, found.oldest_hours) == (2, 1, Decimal("90.0"))
    assert (found.answered, found.in_time, found.median_hours) == (3, 2, Decimal("20.0"))
    # Two in time of three that were answered and one that is overdue.
    assert found.share_in_time == Decimal("0.5000")


def test_what_was_answered_long_ago_or_will_be_is_not_measured(session):
    answer(session, in_review(session, 1), at=hours(1))
    answer(session, in_review(session, 2, at=hours(24 * 95)), at=hours(24 * 96))

    found = review_queue.standing(session, at=hours(24 * 92))

    assert (found.answered, found.share_in_time, found.median_hours) == (0, None, None)


def test_a_new_assessment_answers_or_takes_the_time_over(session):
    first = in_review(session, 1, cause=ReviewCause.DEBTOR)
    again = in_review(session, 1, at=hours(30))
    (waiting,) = review_queue.queue(session, at=hours(31))

    reviews.close(session, again.application_ref, how=ReviewEnd.ASSESSED_ANEW, at=hours(40))

    found = review_queue.standing(session, at=hours(41))
    assert waiting.assessment_id == again.id != first.id
    assert (waiting.opened_at, waiting.due_at) == (START, hours(72))
    assert waiting.cause is ReviewCause.DEBTOR
    # One review, answered after forty hours: the first was carried on and is not counted.
    assert (found.open, found.answered, found.median_hours) == (0, 1, Decimal("40.0"))


def test_to_owe_twice_is_to_owe_once(session):
    kept = in_review(session, 1)

    reviews.owe(session, kept, cause=ReviewCause.DEBTOR, at=hours(5))

    (found,) = review_queue.queue(session, at=hours(6))
    assert (found.opened_at, found.cause) == (START, ReviewCause.RULES)


@pytest.mark.usefixtures("database")
def test_the_job_tells_each_breach_once():
    with db.transaction() as session:
        kept = in_review(session, 1)
        answer(session, in_review(session, 2), at=hours(10))
        in_review(session, 3, at=hours(10))
    settings = config.read({"DAICHANG_ENV": "test"})

    told = [
        jobs.tell_overdue_reviews(build(settings, SetClock(hours(after)))) for after in (72, 73, 74)
    ]

    with db.transaction() as session:
        (fact,) = session.scalars(select(Event).where(Event.kind == "review.overdue")).all()
    assert told == [0, 1, 0]
    assert fact.subject == kept.id
    assert datetime.fromisoformat(fact.body["due_at"]) == hours(72)
