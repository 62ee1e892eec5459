"""Who may have an application assessed anew, how often, and what it never turns round alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from kernel.actors import Actor, Role, system
from kernel.clock import shanghai
from kernel.events import Event
from tests.underwriting import builders as make
from underwriting import anew, askings, assessments, policy, reversals, review_queue, reviews
from underwriting.anew import AnewFaulty, AskedTooOften, NotBeforeAPerson
from underwriting.askings import BeingAssessedAnew
from underwriting.decisions import Outcome
from underwriting.obstacles import Cause, Obstacle
from underwriting.records.assessments import Assessment
from underwriting.reversals import Found, Reversal
from underwriting.reviews import NoReviewer

POLICY = policy.load("2026-11")
RISK, SECOND = (Actor(Role.RISK_OFFICER, name) for name in ("risk", "second"))
START = shanghai(date(2026, 11, 25), 10)
COURT = {"watchlist_hits": (make.hit("court"),)}
STACKING = {"figures": {"lender_inquiries_7d": make.Decimal(4)}}


def decided(**changes):
    told = make.dossier(**changes)
    return assessments.decide(told, POLICY, make.Says("0.100000"))


def in_review(session, *, days=0, **changes) -> Assessment:
    told = make.dossier(**(changes or COURT))
    at = START + timedelta(days=days)
    kept = assessments.record(
        session, make.gathered(told), decided(**(changes or COURT)), by=system("assess"), at=at
    )
    if kept.outcome is Outcome.REVIEW:
        reviews.owe(session, kept, cause=reviews.ReviewCause.RULES, at=at)
    return kept


def ask(session, kept, *, reason="the list was corrected", by=RISK, days=0):
    return anew.ask(session, kept, reason=reason, by=by, at=START + timedelta(days=days, hours=1))


def test_who_asks_and_why_are_kept_in_the_log(session):
    kept = in_review(session)

    asked = ask(session, kept)

    fact = session.scalars(select(Event).where(Event.kind == "assessment.asked_anew")).one()
    assert (fact.subject, fact.body["by"]) == (kept.id, str(RISK))
    assert fact.body["application_ref"] == str(kept.application_ref)
    assert askings.of(session, kept) == asked
    assert askings.listed(session, kept.application_ref) == (asked,)
    assert review_queue.waits(session, kept)


def test_only_a_risk_officer_asks_and_says_why(session):
    kept = in_review(session)

    with pytest.raises(NoReviewer):
        ask(session, kept, by=Actor(Role.OPERATOR, "ops"))
    for reason in (" ", "x" * (anew.REASON_LENGTH_MAX + 1)):
        with pytest.raises(AnewFaulty):
            ask(session, kept, reason=reason)


def test_it_is_asked_for_once_and_only_of_what_waits_for_a_person(session):
    kept = in_review(session)
    approved = assessments.record(
        session,
        make.gathered(make.dossier(application_ref=make.ref(2))),
        decided(application_ref=make.ref(2)),
        by=system("assess"),
        at=START,
    )
    ask(session, kept)

    with pytest.raises(BeingAssessedAnew):
        ask(session, kept, by=SECOND)
    with pytest.raises(NotBeforeAPerson):
        ask(session, approved)


def test_nobody_asks_until_the_answer_fits(session):
    times = anew.times_max(START.date())
    for day in range(times):
        ask(session, in_review(session, days=day), days=day)
    last = in_review(session, days=times)

    with pytest.raises(AskedTooOften):
        ask(session, last, days=times, by=SECOND)
    assert anew.left(session, last, at=START) == 0


def test_a_try_that_failed_is_no_answer_and_counts_for_none(session):
    kept = in_review(session)
    ask(session, kept)
    obstacle = Obstacle(Cause.SOURCE_SILENT, "bureau")

    askings.fail(session, kept, obstacle, at=START)

    assert askings.of(session, kept) is None
    assert anew.left(session, kept, at=START) == anew.times_max(START.date())
    assert [each.failed for each in askings.listed(session, kept.application_ref)] == [obstacle]
    ask(session, kept)
    assert askings.of(session, kept) is not None


def test_a_rule_against_fraud_that_forgets_is_not_set_aside_by_waiting(session):
    # Four lenders asked within a week; eight days later the bureau counts none any more.
    in_review(session, **STACKING)
    later = in_review(session, days=8)

    turned = reviews.turned(session, later, Outcome.APPROVE)
    first = reviews.resolve(session, later, outcome=Outcome.APPROVE, note="seen", by=RISK, at=START)
    second = reviews.resolve(
        session, later, outcome=Outcome.APPROVE, note="too", by=SECOND, at=START
    )

    assert turned == (Reversal.FRAUD,)
    assert (type(first).__name__, type(second).__name__) == ("ReviewProposal", "Review")
    assert (second.proposed_by, second.reviewed_by) == (str(RISK), str(SECOND))


def test_what_a_person_approved_is_not_held_against_the_debtor_afterwards(session):
    seen = in_review(session, **STACKING)
    for by in (RISK, SECOND):
        reviews.resolve(session, seen, outcome=Outcome.APPROVE, note="seen", by=by, at=START)

    later = in_review(session, days=8)

    assert reviews.turned(session, later, Outcome.APPROVE) == ()


def found(decision, funder_code="huaxin"):
    return Found(decision, funder_code)


@pytest.mark.parametrize(
    ("earlier", "reversal"),
    [
        (found(decided(age=17)), Reversal.DECLINED),
        (found(decided(**STACKING)), Reversal.FRAUD),
        (found(replace(decided(), policy_version="2026-08")), Reversal.POLICY),
        (found(replace(decided(), model_id="another")), Reversal.MODEL),
        (found(decided(), "another"), Reversal.LENDER),
    ],
)
def test_an_approval_names_what_it_turns_round(earlier, reversal):
    assert reversals.of(Outcome.APPROVE, found(decided()), [earlier]) == (reversal,)


def test_what_agrees_with_every_earlier_assessment_turns_nothing_round():
    unscored = found(decided(has_bureau_file=False, figures={}))

    assert reversals.of(Outcome.APPROVE, found(decided()), [unscored, found(decided())]) == ()
    assert reversals.of(Outcome.DECLINE, found(decided(age=17)), [unscored]) == ()
    assert reversals.of(Outcome.REVIEW, found(decided(**COURT)), [found(decided(age=17))]) == ()


def test_a_decline_turns_terms_round():
    assert reversals.of(Outcome.DECLINE, found(decided(age=17)), [found(decided())]) == (
        Reversal.TERMS,
    )
