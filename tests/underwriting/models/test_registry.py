from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import pytest
from sqlalchemy import text

from kernel import db, ids, moves
from kernel.actors import Actor, Role
from kernel.moves import MoveRefused
from tests.underwriting import builders as make
from tests.underwriting.models.rows import loans, second, small_spec, trained
from underwriting import canonical
from underwriting.models import registry, scoring, training
from underwriting.models.registry import (
    AnotherServes,
    ChampionChanged,
    NoServingModel,
    NoSuchModel,
    TooManyChallengers,
)
from underwriting.records.models import MODEL_MOVES, ModelStatus

RISK = Actor(Role.RISK_OFFICER, "risk")


@cache
def third():
    """Train a model that no other test has a process load."""
    return training.train(loans(seed=10), small_spec(), 11)


def first_and_candidate(session):
    old = registry.register(session, trained(), by=RISK, at=make.AT)
    new = registry.register(session, second(), by=RISK, at=make.AT)
    registry.publish(session, old, by=RISK, at=make.AT)
    return old, new


def test_a_model_is_kept_once_as_a_candidate(session):
    first = registry.register(session, trained(), by=RISK, at=make.AT)
    again = registry.register(session, trained(), by=RISK, at=make.AT)

    assert again is first
    assert first.status is ModelStatus.CANDIDATE
    assert first.name == trained().model_id
    assert registry.trained(session, first) == trained()


def test_without_a_published_model_nobody_is_scored(session):
    registry.register(session, trained(), by=RISK, at=make.AT)

    with pytest.raises(NoServingModel):
        registry.serving(session)


def test_a_successor_retires_the_champion(session):
    old, new = first_and_candidate(session)

    registry.succeed(session, new, instead_of=old.id, by=RISK, at=make.AT, reason="better")

    assert (old.status, new.status) == (ModelStatus.RETIRED, ModelStatus.SERVING)
    assert registry.serving(session).model_id == new.name
    assert [step.to_status for step in moves.history(session, old, table=MODEL_MOVES)] == [
        "candidate",
        "serving",
        "retired",
    ]


def test_a_second_model_is_not_simply_published(session):
    old, new = first_and_candidate(session)

    with pytest.raises(AnotherServes):
        registry.publish(session, new, by=RISK, at=make.AT)
    assert (old.status, new.status) == (ModelStatus.SERVING, ModelStatus.CANDIDATE)


def test_a_champion_succeeds_nobody_but_the_one_it_was_compared_with(session):
    old, new = first_and_candidate(session)

    for instead_of in (new.id, ids.new()):
        with pytest.raises(ChampionChanged):
            registry.succeed(session, new, instead_of=instead_of, by=RISK, at=make.AT, reason="")
    with pytest.raises(ChampionChanged):
        registry.succeed(session, old, instead_of=old.id, by=RISK, at=make.AT, reason="")


def test_a_challenger_scores_beside_the_champion_until_it_is_retired(session):
    old, new = first_and_candidate(session)

    registry.challenge(session, new, by=RISK, at=make.AT, reason="tuned")
    registry.challenge(session, new, by=RISK, at=make.AT, reason="once more")
    challenging = [each.name for each in registry.challengers(session)]
    registry.retire(session, new, by=RISK, at=make.AT, reason="no better")

    assert challenging == [new.name]
    assert registry.challengers(session) == []
    with pytest.raises(MoveRefused):
        registry.retire(session, old, by=RISK, at=make.AT, reason="nobody would score")
    with pytest.raises(MoveRefused):
        registry.challenge(session, old, by=RISK, at=make.AT, reason="against itself")


def test_challengers_are_few(session, monkeypatch):
    _, new = first_and_candidate(session)
    monkeypatch.setattr(registry, "CHALLENGERS_MAX", 0)

    with pytest.raises(TooManyChallengers):
        registry.challenge(session, new, by=RISK, at=make.AT, reason="one too many")


def test_publishing_the_serving_model_changes_nothing(session):
    record = registry.register(session, trained(), by=RISK, at=make.AT)
    registry.publish(session, record, by=RISK, at=make.AT)

    registry.publish(session, record, by=RISK, at=make.AT)

    assert len(moves.history(session, record, table=MODEL_MOVES)) == 2


def test_a_model_whose_bytes_were_changed_is_not_published(session):
    record = registry.register(session, trained(), by=RISK, at=make.AT)
    session.execute(text("UPDATE model SET artifact = artifact || 'x'::bytea"))

    with pytest.raises(scoring.ArtifactChanged):
        registry.publish(session, record, by=RISK, at=make.AT)
    assert record.status is ModelStatus.CANDIDATE


def test_a_model_whose_bytes_were_changed_in_service_scores_nobody(session):
    # Not loaded by this process yet: what is loaded needs the stored bytes no more.
    record = registry.register(session, third(), by=RISK, at=make.AT)
    registry.publish(session, record, by=RISK, at=make.AT)
    session.execute(text("UPDATE model SET artifact = artifact || 'x'::bytea"))

    with pytest.raises(scoring.ArtifactChanged):
        registry.serving(session)


def test_a_model_whose_manifest_was_changed_is_not_used_though_every_golden_row_holds(session):
    record = registry.register(session, third(), by=RISK, at=make.AT)
    bounds = {"bound": [["0.500000", "0.500000"]]}
    changed = canonical.dump({**third().facts, **bounds}).decode()
    session.execute(text("UPDATE model SET manifest = :manifest"), {"manifest": changed})

    for use in (registry.publish, registry.challenge):
        with pytest.raises(scoring.ManifestChanged):
            use(session, record, by=RISK, at=make.AT, reason="x")
    with pytest.raises(scoring.ManifestChanged):
        registry.loaded(session, record)
    assert scoring.load(registry.trained(session, record)).model_id != record.name


def test_a_process_loads_a_model_once(session):
    record = registry.register(session, trained(), by=RISK, at=make.AT)
    registry.publish(session, record, by=RISK, at=make.AT)

    assert registry.serving(session) is registry.serving(session)


def test_an_unknown_model_is_named(session):
    with pytest.raises(NoSuchModel):
        registry.find(session, "nobody")


def test_a_process_that_refused_a_model_goes_on_refusing_it(session):
    record = registry.register(session, third(), by=RISK, at=make.AT)
    registry.publish(session, record, by=RISK, at=make.AT)
    session.execute(text("UPDATE model SET artifact = artifact || 'x'::bytea"))

    for _ in range(3):
        with pytest.raises(scoring.ArtifactChanged):
            registry.serving(session)


def test_of_two_who_publish_the_first_model_at_once_one_is_refused(database):
    with db.transaction() as session:
        names = [
            registry.register(session, model, by=RISK, at=make.AT).name
            for model in (trained(), second())
        ]
    barrier = threading.Barrier(2)

    def publish(name: str) -> str:
        barrier.wait(5)
        try:
            with db.transaction() as session:
                registry.publish(session, registry.find(session, name), by=RISK, at=make.AT)
        except AnotherServes:
            return "refused"
        return "published"

    with ThreadPoolExecutor(2) as pool:
        ends = sorted(done.result(20) for done in [pool.submit(publish, name) for name in names])

    with db.transaction() as session:
        statuses = sorted(record.status.value for record in registry.listed(session))
    assert ends == ["published", "refused"]
    assert statuses == ["candidate", "serving"]
