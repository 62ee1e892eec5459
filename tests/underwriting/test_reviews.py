from __future__ import annotations

import pytest
from sqlalchemy import select

from kernel.actors import Actor, Role, system
from kernel.events import Event
from tests.underwriting import builders as make
from underwriting import assessments, policy, reviews
from underwriting.decisions import Outcome
from underwriting.records.assessments import Assessment
from underwriting.reviews import AlreadyReviewed, NoReviewer, NothingToApprove, ReviewFaulty

POLICY = policy.load("2026-08")
RISK = Actor(Role.RISK_OFFICER, "risk")


def assessed(session, scorer=None, **changes) -> Assessment:
    gathered = make.gathered(make.dossier(**changes))
    decision = assessments.decide(gathered.dossier, POLICY, scorer or make.Says("0.100000"))
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
