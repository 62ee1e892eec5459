from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from kernel import db, moves
from kernel.actors import Actor, Role
from tests.underwriting import builders as make
from tests.underwriting.models.rows import loans, small_spec, trained
from underwriting.models import registry, scoring, training
from underwriting.models.registry import NoServingModel, NoSuchModel
from underwriting.records.models import MODEL_MOVES, ModelStatus

RISK = Actor(Role.RISK_OFFICER, "risk")


def second(seed: int = 9):
    return training.train(loans(seed=seed), small_spec(), 11)


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


def test_publishing_retires_the_model_before(session):
    old = registry.register(session, trained(), by=RISK, at=make.AT)
    new = registry.register(session, second(), by=RISK, at=make.AT)

    registry.publish(session, old, by=RISK, at=make.AT)
    registry.publish(session, new, by=RISK, at=make.AT, reason="better out of time")

    assert (old.status, new.status) == (ModelStatus.RETIRED, ModelStatus.SERVING)
    assert registry.serving(session).model_id == new.name
    assert [step.to_status for step in moves.history(session, old, table=MODEL_MOVES)] == [
        "candidate",
        "serving",
        "retired",
    ]


def test_the_model_before_is_brought_back_in_one_step(session):
    old = registry.register(session, trained(), by=RISK, at=make.AT)
    new = registry.register(session, second(), by=RISK, at=make.AT)
    registry.publish(session, old, by=RISK, at=make.AT)
    registry.publish(session, new, by=RISK, at=make.AT)

    registry.publish(session, old, by=RISK, at=make.AT)

    assert registry.serving(session).model_id == old.name
    assert new.status is ModelStatus.RETIRED


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
    record = registry.register(session, second(seed=10), by=RISK, at=make.AT)
    registry.publish(session, record, by=RISK, at=make.AT)
    session.execute(text("UPDATE model SET artifact = artifact || 'x'::bytea"))

    with pytest.raises(scoring.ArtifactChanged):
        registry.serving(session)


def test_a_process_loads_a_model_once(session):
    record = registry.register(session, trained(), by=RISK, at=make.AT)
    registry.publish(session, record, by=RISK, at=make.AT)

    assert registry.serving(session) is registry.serving(session)


def test_an_unknown_model_is_named(session):
    with pytest.raises(NoSuchModel):
        registry.find(session, "nobody")


def test_two_who_publish_at_once_take_turns(database):
    with db.transaction() as session:
        names = [
            registry.register(session, model, by=RISK, at=make.AT).name
            for model in (trained(), second())
        ]
    barrier = threading.Barrier(2)

    def publish(name: str) -> None:
        barrier.wait(5)
        with db.transaction() as session:
            registry.publish(session, registry.find(session, name), by=RISK, at=make.AT)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(publish, name) for name in names]:
            done.result(20)

    with db.transaction() as session:
        statuses = sorted(record.status.value for record in registry.listed(session))
    assert statuses == ["retired", "serving"]
