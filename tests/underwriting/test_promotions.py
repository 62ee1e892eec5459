"""A model serves by the gate or by two persons' word, one at a time, and there is a way back."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from disbursement.breaks import SamePerson
from kernel import db, ids
from kernel.actors import Actor, Role
from kernel.events import Event
from tests.underwriting import builders as make
from tests.underwriting import contenders
from tests.underwriting.contenders import ANNE, BERT, strong, weak
from tests.underwriting.models.rows import second
from underwriting import canonical, evidence, promotions
from underwriting.models import registry, scoring
from underwriting.models.registry import ChampionChanged
from underwriting.promotions import (
    GateNotPassed,
    MayNotPromote,
    NoSuchRequest,
    NothingToRollBack,
    PromotionFaulty,
)
from underwriting.records.models import ModelStatus
from underwriting.records.service import PromotionKind

OPERATOR = Actor(Role.OPERATOR, "command-line")


def both(session):
    champion, challenger = contenders.kept(session, weak()), contenders.kept(session, strong())
    promotions.publish_first(session, champion, by=OPERATOR, at=make.AT, reason="the first")
    return champion, challenger


def promoted(session, champion, challenger):
    found = contenders.better(session, champion, challenger)
    return promotions.promote(
        session, challenger, found, by=ANNE, at=make.AT, reason="better out of time"
    )


def asked(session, champion, other, *, by=ANNE, reason="the weak one breaks the law", at=make.AT):
    found = contenders.compared(session, champion, other, rows=400)
    return promotions.ask_override(session, other, found, reason=reason, by=by, at=at)


def serving(session) -> str:
    return registry.champion(session).name


def test_a_better_model_passes_the_gate_and_what_it_rests_on_is_kept(session):
    champion, challenger = both(session)

    promoted(session, champion, challenger)

    newest, first = promotions.history(session, limit=9)
    assert (serving(session), champion.status) == (challenger.name, ModelStatus.RETIRED)
    assert (newest.kind, newest.before) == (PromotionKind.GATE, champion.name)
    assert newest.evidence["kind"] == "file"
    assert newest.evidence["verdict"]["passed"] is True
    assert newest.evidence["verdict"]["loans"] == 6000
    assert (first.kind, first.before) == (PromotionKind.FIRST, None)
    facts = session.scalars(select(Event).where(Event.kind == "model.promoted")).all()
    assert [fact.body["kind"] for fact in facts] == ["first", "gate"]


def test_a_model_that_is_no_better_is_held_back_with_every_reason(session):
    weaker, champion = contenders.kept(session, weak()), contenders.kept(session, strong())
    promotions.publish_first(session, champion, by=OPERATOR, at=make.AT)
    found = contenders.compared(session, champion, weaker)

    with pytest.raises(GateNotPassed) as held:
        promotions.promote(session, weaker, found, by=ANNE, at=make.AT)

    assert "auc: -0.0" in held.value.detail
    assert serving(session) == champion.name


def test_without_evidence_nobody_is_promoted_and_what_lacks_is_named(session):
    champion, challenger = both(session)
    models = evidence.contest(session, champion, challenger)
    nothing = evidence.matured(session, models, at=make.AT)

    with pytest.raises(GateNotPassed, match="0 own loans have matured since 2026-06-01"):
        promotions.promote(session, challenger, nothing, by=ANNE, at=make.AT)


def test_evidence_against_another_champion_promotes_nobody(session):
    champion, challenger = both(session)
    found = contenders.better(session, champion, challenger)
    other = contenders.kept(session, second())
    request = asked(session, champion, other)
    promotions.confirm_override(session, request.id, by=BERT, at=make.AT)

    with pytest.raises(ChampionChanged):
        promotions.promote(session, challenger, found, by=ANNE, at=make.AT)
    with pytest.raises(ChampionChanged):
        promotions.promote(session, champion, found, by=ANNE, at=make.AT)
    assert serving(session) == other.name


def test_two_officers_override_the_gate(session):
    champion, other = both(session)

    request = asked(session, champion, other)
    before = serving(session)
    promotions.confirm_override(session, request.id, by=BERT, at=make.AT)

    newest = promotions.history(session, limit=1)[0]
    assert (before, serving(session)) == (champion.name, other.name)
    assert (newest.kind, newest.asked_by, newest.by) == (
        PromotionKind.OVERRIDE,
        str(ANNE),
        str(BERT),
    )
    assert newest.reason == "the weak one breaks the law"


def test_nobody_confirms_what_he_asked_for(session):
    champion, other = both(session)
    request = asked(session, champion, other)

    with pytest.raises(SamePerson):
        promotions.confirm_override(session, request.id, by=ANNE, at=make.AT)
    assert serving(session) == champion.name


def test_an_override_is_confirmed_once_within_a_week_and_by_nobody_else(session):
    champion, other = both(session)
    request = asked(session, champion, other)

    with pytest.raises(MayNotPromote):
        promotions.confirm_override(session, request.id, by=OPERATOR, at=make.AT)
    with pytest.raises(NoSuchRequest):
        promotions.confirm_override(session, ids.new(), by=BERT, at=make.AT)
    with pytest.raises(NoSuchRequest):
        promotions.confirm_override(
            session, request.id, by=BERT, at=make.AT + timedelta(days=7, seconds=1)
        )
    promotions.confirm_override(session, request.id, by=BERT, at=make.AT + timedelta(days=7))
    with pytest.raises(NoSuchRequest):
        promotions.confirm_override(session, request.id, by=BERT, at=make.AT)


def test_an_override_has_a_reason_and_two_risk_officers(session):
    champion, other = both(session)

    with pytest.raises(PromotionFaulty):
        asked(session, champion, other, reason=" ")
    with pytest.raises(MayNotPromote):
        asked(session, champion, other, by=OPERATOR)


def test_no_two_officers_override_a_model_that_is_not_what_it_says(session):
    champion, other = both(session)
    request = asked(session, champion, other)
    session.execute(
        text("UPDATE model SET artifact = artifact || 'x'::bytea WHERE id = :id"), {"id": other.id}
    )

    with pytest.raises(scoring.ArtifactChanged):
        promotions.confirm_override(session, request.id, by=BERT, at=make.AT)
    assert (serving(session), other.status) == (champion.name, ModelStatus.CANDIDATE)


def test_the_champion_before_comes_back_in_one_step_and_again_one_further(session):
    champion, challenger = both(session)
    promoted(session, champion, challenger)
    other = contenders.kept(session, second())
    request = asked(session, challenger, other)
    promotions.confirm_override(session, request.id, by=BERT, at=make.AT)

    served = [serving(session)]
    for _ in range(2):
        promotions.roll_back(session, reason="too many declines", by=OPERATOR, at=make.AT)
        served.append(serving(session))

    assert served == [other.name, challenger.name, champion.name]
    with pytest.raises(NothingToRollBack):
        promotions.roll_back(session, reason="once more", by=OPERATOR, at=make.AT)
    assert other.status is ModelStatus.RETIRED


def test_after_a_roll_back_the_same_model_may_be_promoted_again(session):
    champion, challenger = both(session)
    promoted(session, champion, challenger)
    promotions.roll_back(session, reason="a fault of ours", by=ANNE, at=make.AT)

    promoted(session, champion, challenger)
    promotions.roll_back(session, reason="again", by=ANNE, at=make.AT)

    assert serving(session) == champion.name


def test_a_roll_back_to_a_model_that_is_not_what_it_says_is_refused(session):
    champion, challenger = both(session)
    promoted(session, champion, challenger)
    manifest = registry.trained(session, champion).manifest.decode()
    # The golden rows of another model: the hash of the artifact holds, the numbers do not.
    golden = canonical.load(manifest.encode())
    golden["golden"]["pds"][0] = "0.5"
    changed = canonical.dump(golden)
    session.execute(
        text("UPDATE model SET manifest = :manifest, manifest_sha256 = :hash WHERE id = :id"),
        {
            "manifest": changed.decode(),
            "hash": canonical.sha256(changed),
            "id": champion.id,
        },
    )
    session.refresh(champion, ["manifest_sha256"])

    with pytest.raises(scoring.GoldenDiffers):
        promotions.roll_back(session, reason="back", by=ANNE, at=make.AT)

    assert serving(session) == challenger.name
    assert champion.status is ModelStatus.RETIRED
    assert len(promotions.history(session, limit=9)) == 2


def test_a_roll_back_has_a_reason_and_somebody_who_may(session):
    champion, challenger = both(session)
    promoted(session, champion, challenger)

    with pytest.raises(PromotionFaulty):
        promotions.roll_back(session, reason="", by=ANNE, at=make.AT)
    for role in set(Role) - {Role.RISK_OFFICER, Role.OPERATOR}:
        with pytest.raises(MayNotPromote):
            promotions.roll_back(session, reason="x", by=Actor(role, "other"), at=make.AT)


def test_of_two_promotions_at_once_one_is_refused_and_one_model_serves(database):
    with db.transaction() as session:
        champion, challenger = both(session)
        other = contenders.kept(session, second())
        found = contenders.better(session, champion, challenger)
        request = asked(session, champion, other).id
    barrier = threading.Barrier(2)

    def by_the_gate() -> str:
        barrier.wait(5)
        with db.transaction() as session:
            record = registry.find(session, challenger.name)
            promotions.promote(session, record, found, by=ANNE, at=make.AT)
        return challenger.name

    def by_override() -> str:
        barrier.wait(5)
        with db.transaction() as session:
            promotions.confirm_override(session, request, by=BERT, at=make.AT)
        return other.name

    with ThreadPoolExecutor(2) as pool:
        ends = [pool.submit(way) for way in (by_the_gate, by_override)]
    won = [end.result() for end in ends if end.exception() is None]
    lost = [type(end.exception()) for end in ends if end.exception() is not None]

    with db.transaction() as session:
        assert [serving(session)] == won
        assert len(promotions.history(session, limit=9)) == 2
        assert registry.find(session, champion.name).status is ModelStatus.RETIRED
    assert lost == [ChampionChanged]
