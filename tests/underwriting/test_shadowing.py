"""Models that do not decide score every assessment afterwards, and nothing of it touches a decision."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DatabaseError

from kernel import config, db
from kernel.actors import Actor, Role, system
from kernel.clock import SetClock
from kernel.surroundings import build
from tests.underwriting import builders as make
from tests.underwriting.models.rows import loans, second, small_spec, trained
from underwriting import assessments, jobs, policy, shadowing
from underwriting.models import registry, scoring, training
from underwriting.records.assessments import Assessment
from underwriting.records.service import ShadowScore

RISK = Actor(Role.RISK_OFFICER, "risk")
POLICY = policy.load("2026-11")


def challenged(model=None) -> str:
    with db.transaction() as session:
        champion = registry.register(session, trained(), by=RISK, at=make.AT)
        challenger = registry.register(session, model or second(), by=RISK, at=make.AT)
        registry.publish(session, champion, by=RISK, at=make.AT)
        registry.challenge(session, challenger, by=RISK, at=make.AT, reason="tuned anew")
        return challenger.name


def decided(number: int = 1, *, scorer=None, **changes) -> Assessment:
    told = make.gathered(make.dossier(application_ref=make.ref(number), **changes))
    decision = assessments.decide(told.dossier, POLICY, scorer or scoring.load(trained()))
    with db.transaction() as session:
        return assessments.record(session, told, decision, by=system("assess"), at=make.AT)


def score() -> tuple[int, int]:
    with db.transaction() as session:
        return shadowing.score(session, at=make.AT)


def scores() -> list[ShadowScore]:
    with db.transaction() as session:
        return list(session.scalars(select(ShadowScore).order_by(ShadowScore.assessment_id)))


def test_a_challenger_says_what_it_would_have_said(database):
    challenged()
    kept = decided()

    score()

    (found,) = scores()
    told = make.dossier(application_ref=make.ref(1))
    alone = assessments.decide(told, POLICY, scoring.load(second()))
    assert found.assessment_id == kept.id
    assert found.pd == alone.pd != kept.pd
    assert found.fault is None


def test_what_was_scored_is_not_scored_again(database):
    challenged()
    decided()

    first, again = score(), score()

    assert (first[1], again) == (1, (0, 0))
    assert len(scores()) == 1


def test_the_champion_scores_what_a_challenger_decided(database):
    name = challenged()
    decided(scorer=scoring.load(second()))

    score()

    (found,) = scores()
    with db.transaction() as session:
        assert found.model_id == registry.champion(session).id
        assert registry.find(session, name).id != found.model_id


def test_nobody_scores_what_the_rules_alone_decided(database):
    challenged()
    decided(scorer=make.MustNotScore(), age=17)

    assert score()[1] == 0
    assert scores() == []


def test_without_challengers_nothing_is_scored_and_the_facts_are_passed_by(database):
    with db.transaction() as session:
        record = registry.register(session, trained(), by=RISK, at=make.AT)
        registry.publish(session, record, by=RISK, at=make.AT)
    decided()

    facts, kept = score()

    assert facts > 0
    assert kept == 0
    assert score() == (0, 0)


def test_a_challenger_that_cannot_be_used_is_noted_once_and_harms_nobody(database):
    # Not loaded by this process yet: what is loaded needs the stored bytes no more.
    challenged(training.train(loans(seed=13), small_spec(), 11))
    with db.transaction() as session:
        session.execute(
            text("UPDATE model SET artifact = artifact || 'x'::bytea WHERE status = 'challenger'")
        )
    kept = decided()

    score()

    (found,) = scores()
    assert (found.pd, found.fault) == (None, "ArtifactChanged")
    with db.transaction() as session:
        (counted,) = shadowing.counted(session)
        assert (counted.scored, counted.faulty) == (0, 1)
        assert session.get_one(Assessment, kept.id).decision == kept.decision


def test_a_dossier_that_cannot_be_read_holds_up_no_other(database):
    challenged()
    broken, whole = decided(1), decided(2)
    with db.transaction() as session:
        session.execute(text("ALTER TABLE assessment DISABLE TRIGGER assessment_append_only"))
        session.execute(
            text("UPDATE assessment SET dossier = '{}' WHERE id = :id"), {"id": broken.id}
        )
        session.execute(text("ALTER TABLE assessment ENABLE TRIGGER assessment_append_only"))

    score()

    found = {each.assessment_id: each.fault for each in scores()}
    assert found == {broken.id: "Unreadable", whole.id: None}


def test_the_job_scores_all_that_waits(database):
    challenged()
    for number in range(1, 6):
        decided(number)

    settings = config.read({"DAICHANG_ENV": "test"})

    done = jobs.score_in_the_shadow(build(settings, SetClock(make.AT)))

    assert done == 5
    with db.transaction() as session:
        assert session.scalar(select(func.count()).select_from(ShadowScore)) == 5


def test_a_shadow_score_is_never_changed(database):
    challenged()
    decided()
    score()

    with pytest.raises(DatabaseError, match="never changed"), db.transaction() as session:
        session.execute(text("DELETE FROM shadow_score"))
