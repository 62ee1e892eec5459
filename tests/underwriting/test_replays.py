from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from kernel.actors import Actor, Role, system
from tests.underwriting import builders as make
from tests.underwriting.models.rows import trained
from underwriting import assessments, canonical, policy, replays
from underwriting.models import registry, scoring
from underwriting.models.artifact import TrainedModel
from underwriting.records.assessments import Assessment
from underwriting.replays import Verdict

POLICY = policy.load("2026-08")
RISK = Actor(Role.RISK_OFFICER, "risk")
FIGURES = {
    "inquiries_12m": make.Decimal(1),
    "card_utilisation_pct": make.Decimal("20.5"),
    "debt_to_income_pct": make.Decimal("9.25"),
}


def registered(session, model: TrainedModel | None = None):
    return registry.register(session, model or trained(), by=RISK, at=make.AT)


def assessed(session, scorer=None, *, rules=POLICY, **changes) -> Assessment:
    told = make.dossier(**{"figures": FIGURES, **changes})
    gathered = make.gathered(told)
    decision = assessments.decide(told, rules, scorer or scoring.load(trained()))
    return assessments.record(session, gathered, decision, by=system("assess"), at=make.AT)


def told_otherwise(**changes) -> TrainedModel:
    document = canonical.load(trained().manifest)
    return replace(trained(), manifest=canonical.dump({**document, **changes}))


def rewrite(session, kept: Assessment, **values: str) -> None:
    """Change a stored row behind the trigger's back, as somebody with the server's keys could."""
    session.execute(text("ALTER TABLE assessment DISABLE TRIGGER assessment_append_only"))
    for column, value in values.items():
        session.execute(
            text(f"UPDATE assessment SET {column} = :value WHERE id = :id"),
            {"value": value, "id": kept.id},
        )
    session.execute(text("ALTER TABLE assessment ENABLE TRIGGER assessment_append_only"))
    session.expire(kept)


def test_an_approval_comes_out_again_byte_for_byte(session):
    registered(session)
    kept = assessed(session)

    found = replays.replay(session, kept.id)

    assert kept.outcome.value == "approve"
    assert found.verdict is Verdict.SAME
    assert found.same


def test_a_decline_comes_out_again_with_its_contributions(session):
    registered(session)
    kept = assessed(
        session,
        figures={"inquiries_12m": make.Decimal(15), "debt_to_income_pct": make.Decimal(44)},
    )

    assert kept.outcome.value == "decline"
    assert assessments.decision_of(kept).contributions
    assert replays.replay(session, kept.id).verdict is Verdict.SAME


def test_a_decline_explained_the_older_way_comes_out_again(session):
    document = canonical.load(trained().manifest)
    del document["contributions"]
    older = replace(trained(), manifest=canonical.dump(document))
    registered(session, older)
    kept = assessed(
        session,
        scoring.load(older),
        figures={"inquiries_12m": make.Decimal(15), "debt_to_income_pct": make.Decimal(44)},
    )

    assert assessments.decision_of(kept).contributions
    assert replays.replay(session, kept.id).verdict is Verdict.SAME


@pytest.mark.parametrize("has_model", [True, False])
def test_a_decision_with_workings_comes_out_again_with_and_without_its_model(session, has_model):
    if has_model:
        registered(session)
    kept = assessed(session, rules=policy.load("2026-11"), cards=(make.card(1, "60000.00"),))

    found = replays.replay(session, kept.id)

    told = assessments.decision_of(kept)
    assert told.workings.pd_bound > told.pd
    assert found.verdict is (Verdict.SAME if has_model else Verdict.SAME_WITHOUT_MODEL)


def test_a_decline_with_workings_comes_out_again_with_its_reasons(session):
    registered(session)
    kept = assessed(
        session,
        rules=policy.load("2026-11"),
        figures={"inquiries_12m": make.Decimal(15), "debt_to_income_pct": make.Decimal(44)},
    )

    assert kept.outcome.value == "decline"
    assert replays.replay(session, kept.id).verdict is Verdict.SAME


def test_a_bound_that_was_changed_is_found(session):
    registered(session)
    kept = assessed(session, rules=policy.load("2026-11"), cards=(make.card(1, "60000.00"),))
    told = assessments.decision_of(kept)
    lower = replace(told, workings=replace(told.workings, pd_bound=told.pd)).to_bytes()
    rewrite(session, kept, decision=lower.decode(), decision_sha256=canonical.sha256(lower))

    found = replays.replay(session, kept.id)

    assert found.verdict is Verdict.DIFFERS
    assert found.differences == ("workings",)


def test_a_decision_by_the_rules_needs_no_model(session):
    kept = assessed(session, make.MustNotScore(), age=70)

    assert replays.replay(session, kept.id).verdict is Verdict.SAME


def test_another_version_of_the_library_with_the_same_numbers_is_the_same(session):
    older = told_otherwise(libraries={"xgboost": "2.0.0", "numpy": "1.26.0"})
    registered(session, older)
    kept = assessed(session, scoring.load_under_any_library(older))

    assert replays.replay(session, kept.id).verdict is Verdict.SAME


def test_a_library_that_scores_otherwise_is_said_and_the_rest_is_verified(session):
    golden = trained().facts["golden"]
    other = told_otherwise(golden={**golden, "pds": ["0.5", *golden["pds"][1:]]})
    registered(session, other)
    kept = assessed(session, make.Says("0.123456"))
    told = assessments.decision_of(kept)
    named = replace(told, model_id=other.model_id).to_bytes()
    rewrite(session, kept, decision=named.decode(), decision_sha256=canonical.sha256(named))

    found = replays.replay(session, kept.id)

    assert found.verdict is Verdict.SAME_FROM_STORED_PD
    assert not found.same
    assert "another library" in found.detail


def test_a_model_that_is_gone_leaves_the_rest_to_be_verified(session):
    kept = assessed(session)

    assert replays.replay(session, kept.id).verdict is Verdict.SAME_WITHOUT_MODEL


def test_a_model_that_was_changed_leaves_the_rest_to_be_verified(session):
    registered(session)
    kept = assessed(session)
    session.execute(text("UPDATE model SET artifact = artifact || 'x'::bytea"))

    assert replays.replay(session, kept.id).verdict is Verdict.SAME_WITHOUT_MODEL


@pytest.mark.parametrize("column", ["dossier", "decision"])
def test_a_stored_text_that_was_changed_is_found(session, column):
    registered(session)
    kept = assessed(session)
    rewrite(session, kept, **{column: getattr(kept, column).replace("10000.00", "10000.01")})

    assert replays.replay(session, kept.id).verdict is Verdict.TAMPERED


def test_a_decision_that_does_not_come_out_again_names_what_differs(session):
    registered(session)
    kept = assessed(session)
    told = assessments.decision_of(kept)
    assert told.months is not None
    forged = replace(told, months=36).to_bytes()
    rewrite(session, kept, decision=forged.decode(), decision_sha256=canonical.sha256(forged))

    found = replays.replay(session, kept.id)

    assert found.verdict is Verdict.DIFFERS
    assert found.differences == ("months",)


def test_a_policy_that_was_changed_since_is_said(session):
    registered(session)
    kept = assessed(session)
    told = replace(assessments.decision_of(kept), policy_sha256="0" * 64).to_bytes()
    rewrite(session, kept, decision=told.decode(), decision_sha256=canonical.sha256(told))

    found = replays.replay(session, kept.id)

    assert found.verdict is Verdict.DIFFERS
    assert "policy 2026-08 was changed" in found.detail


def test_a_score_that_was_never_stored_cannot_be_retold(session):
    kept = assessed(session)
    told = replace(assessments.decision_of(kept), pd=None).to_bytes()
    rewrite(session, kept, decision=told.decode(), decision_sha256=canonical.sha256(told))

    assert replays.replay(session, kept.id).verdict is Verdict.DIFFERS
