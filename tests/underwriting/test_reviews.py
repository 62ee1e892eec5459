from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from disbursement.breaks import SamePerson
from kernel import db
from kernel.actors import Actor, Role, system
from kernel.events import Event
from tests.underwriting import builders as make
from underwriting import assessments, policy, reviews
from underwriting.decisions import Outcome
from underwriting.records.assessments import Assessment, Review
from underwriting.records.service import ReviewProposal
from underwriting.reviews import AlreadyReviewed, NoReviewer, NothingToApprove, ReviewFaulty

POLICY = policy.load("2026-08")
RISK, SECOND = (Actor(Role.RISK_OFFICER, name) for name in ("risk", "second"))
FRAUD = {"lender_inquiries_7d": make.Decimal(4)}
"""More than two in a week: a person looks; more than five would be a decline."""


def assessed(session, scorer=None, *, rules=POLICY, **changes) -> Assessment:
    gathered = make.gathered(make.dossier(**changes))
    decision = assessments.decide(gathered.dossier, rules, scorer or make.Says("0.100000"))
    return assessments.record(session, gathered, decision, by=system("assess"), at=make.AT)


def resolve(session, assessment, *, outcome=Outcome.APPROVE, note="Called the court", by=RISK):
    return reviews.resolve(session, assessment, outcome=outcome, note=note, by=by, at=make.AT)


def test_a_person_approves_the_terms_that_were_found(session):
    assessment = assessed(session, watchlist_hits=(make.hit("court"),))

    review = resolve(session, assessment)

    assert review.outcome is Outcome.APPROVE
    assert reviews.of(session, assessment) is review
    fact = session.scalars(select(Event).where(Event.kind == "assessment.reviewed")).one()
    assert fact.body == {"application_ref": str(make.APPLICATION), "outcome": "approve"}


def test_without_terms_there_is_nothing_to_approve(session):
    assessment = assessed(session, has_bureau_file=False, figures={})

    with pytest.raises(NothingToApprove):
        resolve(session, assessment)
    assert resolve(session, assessment, outcome=Outcome.DECLINE).outcome is Outcome.DECLINE


def test_a_review_is_final(session):
    assessment = assessed(session, watchlist_hits=(make.hit("court"),))
    resolve(session, assessment)

    with pytest.raises(AlreadyReviewed):
        resolve(session, assessment, outcome=Outcome.DECLINE)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.RISK_OFFICER])
def test_only_a_risk_officer_reviews(session, role):
    assessment = assessed(session, watchlist_hits=(make.hit("court"),))

    with pytest.raises(NoReviewer):
        resolve(session, assessment, by=Actor(role, "other"))


@pytest.mark.parametrize(
    ("outcome", "note"),
    [(Outcome.REVIEW, "later"), (Outcome.APPROVE, "  "), (Outcome.APPROVE, "x" * 2_001)],
)
def test_a_review_ends_in_a_word_with_a_reason(session, outcome, note):
    assessment = assessed(session, watchlist_hits=(make.hit("court"),))

    with pytest.raises(ReviewFaulty):
        resolve(session, assessment, outcome=outcome, note=note)


def facts(session, kind) -> int:
    return len(session.scalars(select(Event).where(Event.kind == kind)).all())


def test_a_decline_of_what_the_model_would_lend_to_needs_a_second_officer(session):
    assessment = assessed(session, watchlist_hits=(make.hit("court"),))

    proposal = resolve(session, assessment, outcome=Outcome.DECLINE, note="the case is open")
    undecided = reviews.of(session, assessment)
    review = resolve(session, assessment, outcome=Outcome.DECLINE, note="seen", by=SECOND)

    assert (type(proposal), undecided) == (ReviewProposal, None)
    assert (review.outcome, review.proposed_by, review.reviewed_by) == (
        Outcome.DECLINE,
        str(RISK),
        str(SECOND),
    )
    assert facts(session, "assessment.override_proposed") == 1
    assert facts(session, "assessment.reviewed") == 1
    assert reviews.proposed(session, assessment) is None


def test_what_a_fraud_rule_found_is_set_aside_by_two(session):
    assessment = assessed(session, rules=policy.load("2026-11"), figures=FRAUD)

    proposal = resolve(session, assessment)
    review = resolve(session, assessment, by=SECOND)

    assert assessment.outcome is Outcome.REVIEW
    assert type(proposal) is ReviewProposal
    assert (review.outcome, review.proposed_by) == (Outcome.APPROVE, str(RISK))


def test_nobody_confirms_his_own_word(session):
    assessment = assessed(session, watchlist_hits=(make.hit("court"),))
    resolve(session, assessment, outcome=Outcome.DECLINE)

    with pytest.raises(SamePerson):
        resolve(session, assessment, outcome=Outcome.DECLINE, note="I am still sure")
    assert reviews.of(session, assessment) is None


@pytest.mark.parametrize("by", [RISK, SECOND])
def test_a_word_with_the_model_sets_a_proposal_against_it_aside(session, by):
    assessment = assessed(session, watchlist_hits=(make.hit("court"),))
    resolve(session, assessment, outcome=Outcome.DECLINE)

    review = resolve(session, assessment, outcome=Outcome.APPROVE, by=by)

    assert (review.outcome, review.proposed_by) == (Outcome.APPROVE, None)
    assert reviews.proposed(session, assessment) is None
    with pytest.raises(AlreadyReviewed):
        resolve(session, assessment, outcome=Outcome.DECLINE, by=SECOND)


def test_upholding_a_decline_is_no_override(session):
    assessment = assessed(session, make.Says("0.900000"))

    review = resolve(session, assessment, outcome=Outcome.DECLINE)

    assert assessment.outcome is Outcome.DECLINE
    assert type(review) is Review


def test_two_officers_who_say_the_same_at_once_are_two(database):
    with db.transaction() as session:
        kept = assessed(session, watchlist_hits=(make.hit("court"),)).id
    barrier = threading.Barrier(2)

    def decline(by: Actor) -> type:
        barrier.wait(5)
        with db.transaction() as session:
            assessment = assessments.get(session, kept)
            return type(resolve(session, assessment, outcome=Outcome.DECLINE, by=by))

    with ThreadPoolExecutor(2) as pool:
        ends = {done.result(20) for done in [pool.submit(decline, by) for by in (RISK, SECOND)]}

    assert ends == {ReviewProposal, Review}


def test_one_officer_twice_at_once_is_one(database):
    with db.transaction() as session:
        kept = assessed(session, watchlist_hits=(make.hit("court"),)).id
    barrier = threading.Barrier(2)

    def decline(_: int) -> str:
        barrier.wait(5)
        try:
            with db.transaction() as session:
                resolve(session, assessments.get(session, kept), outcome=Outcome.DECLINE)
        except SamePerson:
            return "refused"
        return "proposed"

    with ThreadPoolExecutor(2) as pool:
        ends = sorted(pool.map(decline, range(2)))

    assert ends == ["proposed", "refused"]
