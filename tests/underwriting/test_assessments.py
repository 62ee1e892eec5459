from __future__ import annotations

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from disbursement import quotes
from kernel import db, ids
from kernel.actors import system
from kernel.events import Event
from tests.underwriting import builders as make
from underwriting import assessments, canonical, policy
from underwriting.assessments import NoSuchAssessment
from underwriting.decisions import Outcome
from underwriting.records.assessments import Assessment, SourceAnswer

POLICY = policy.load("2026-08")
BY = system("assess")


def recorded(session, scorer=None, **changes) -> Assessment:
    gathered = make.gathered(make.dossier(**changes))
    decision = assessments.decide(gathered.dossier, POLICY, scorer or make.Says("0.100000"))
    return assessments.record(session, gathered, decision, by=BY, at=make.AT)


def test_a_decision_is_kept_with_its_dossier(session):
    kept = recorded(session)

    assert kept.outcome is Outcome.APPROVE
    assert assessments.dossier_of(kept) == make.dossier()
    assert assessments.decision_of(kept).months == 12
    assert kept.dossier_sha256 == canonical.sha256(make.dossier().to_bytes())
    assert str(kept.pd) == "0.100000"
    assert kept.decided_by == "system:assess"


def test_what_the_sources_said_is_kept_with_it(session):
    kept = recorded(session)

    answers = session.scalars(select(SourceAnswer).order_by(SourceAnswer.source)).all()
    assert [(answer.source, answer.reference) for answer in answers] == [
        ("bureau", "CR0001"),
        ("income", "IP0001"),
    ]
    assert all(answer.assessment_id == kept.id for answer in answers)
    assert quotes.latest(session, make.ref(1)).amount == make.yuan("10000.00")


def test_the_floor_above_is_told_by_a_fact(session):
    kept = recorded(session, make.Says("0.900000"))

    fact = session.scalars(select(Event).where(Event.subject == kept.id)).one()
    assert fact.kind == "assessment.decided"
    assert fact.body == {"application_ref": str(make.APPLICATION), "outcome": "decline"}


def test_the_newest_assessment_of_an_application_is_found(session):
    recorded(session)
    newest = recorded(session, make.Says("0.900000"))

    assert assessments.latest(session, make.APPLICATION) is newest
    assert assessments.latest(session, ids.new()) is None


def test_an_unknown_assessment_is_named(session):
    with pytest.raises(NoSuchAssessment):
        assessments.get(session, ids.new())


@pytest.mark.parametrize("table", ["assessment", "source_answer"])
@pytest.mark.parametrize("change", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_the_database_refuses_to_change_what_was_decided(database, table, change):
    with db.transaction() as session:
        recorded(session)

    with pytest.raises(IntegrityError), db.transaction() as session:
        session.execute(text(change.format(table)))
