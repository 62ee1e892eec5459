"""The same application always meets the same model, and the decision says by which way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import select, text

from kernel.actors import Actor, Role, system
from kernel.events import Event
from tests.underwriting import builders as make
from tests.underwriting.contenders import ANNE, BERT, less, share
from tests.underwriting.models.rows import loans, second, small_spec, trained
from underwriting import assessments, canonical, policy, replays, routing
from underwriting.lots import Part, Purpose, Route, Why
from underwriting.models import registry, training
from underwriting.models.scoring import ArtifactChanged
from underwriting.replays import Verdict
from underwriting.routing import Routed

RISK = Actor(Role.RISK_OFFICER, "risk")
POLICY = policy.load("2026-11")


def challenged(session, model=None):
    champion = registry.register(session, trained(), by=RISK, at=make.AT)
    challenger = registry.register(session, model or second(), by=RISK, at=make.AT)
    registry.publish(session, champion, by=RISK, at=make.AT)
    registry.challenge(session, challenger, by=RISK, at=make.AT, reason="tuned anew")
    return champion, challenger


def drawn_below(half: bool) -> UUID:
    """Find an application whose lot falls on a half, or does not."""
    return next(
        ref
        for ref in map(make.ref, range(1, 100))
        if (routing.place(ref, Purpose.ROUTE) < 500_000) == half
    )


ROUTE = Route(routing_id=UUID(int=7), part=Part.CHALLENGER, why=Why.LOT, place=12)


class Broken(make.Says):
    """A model that loads, and one of whose answers fails."""

    def __init__(self, broken: str):
        super().__init__("0.900000")
        self.model_id = "broken-1"
        setattr(self, broken, self._fail)

    def _fail(self, _asked):
        raise ArithmeticError("made to fail")


def lose_the_artifact(session, record):
    session.execute(text("UPDATE model SET artifact = ''::bytea WHERE id = :id"), {"id": record.id})


def swap_the_manifest(session, record):
    session.execute(
        text("UPDATE model SET manifest = manifest || ' ' WHERE id = :id"), {"id": record.id}
    )


def rewrite_the_manifest(session, record, change):
    facts = canonical.load(registry.trained(session, record).manifest)
    change(facts)
    spelled = canonical.dump(facts)
    session.execute(
        text("UPDATE model SET manifest = :spelled, manifest_sha256 = :hash WHERE id = :id"),
        {"spelled": spelled.decode(), "hash": canonical.sha256(spelled), "id": record.id},
    )
    session.refresh(record, ["manifest_sha256"])


HARMS = {
    "ArtifactChanged": lose_the_artifact,
    "ManifestChanged": swap_the_manifest,
    "GoldenDiffers": lambda session, record: rewrite_the_manifest(
        session, record, lambda facts: facts["golden"]["pds"].__setitem__(0, "0.5")
    ),
    "LibraryDiffers": lambda session, record: rewrite_the_manifest(
        session, record, lambda facts: facts["libraries"].update(xgboost="0.1")
    ),
}


def failures(session) -> list[tuple[UUID, str, str]]:
    facts = session.scalars(select(Event).where(Event.kind == "challenger.failed"))
    return [(fact.subject, fact.body["assessment_id"], fact.body["fault"]) for fact in facts]


def model_of(session, ref, *, at=make.AT):
    return routing.choose(session, ref, at=at).scorer.model_id


def decided(session, ref):
    routed = routing.choose(session, ref, at=make.AT)
    told = make.gathered(make.dossier(application_ref=ref))
    decision = assessments.decide(told.dossier, POLICY, routed.scorer)
    decision = replace(decision, route=routed.route)
    return assessments.record(session, told, decision, by=system("assess"), at=make.AT)


def test_without_a_routing_the_champion_decides_and_no_route_is_told(session):
    champion, _ = challenged(session)

    routed = routing.choose(session, make.APPLICATION, at=make.AT)

    assert (routed.scorer.model_id, routed.route) == (champion.name, None)


def test_the_lot_says_who_decides_and_the_decision_says_which_way(session):
    champion, challenger = challenged(session)
    rule = share(session, challenger, "0.5")

    theirs, ours = decided(session, drawn_below(half=True)), decided(session, drawn_below(False))

    assert (theirs.model_name, ours.model_name) == (challenger.name, champion.name)
    for kept, part in ((theirs, Part.CHALLENGER), (ours, Part.CHAMPION)):
        route = assessments.decision_of(kept).route
        assert (route.routing_id, route.part, route.why) == (rule.id, part, Why.LOT)
        assert replays.replay(session, kept.id).verdict is Verdict.SAME


def test_who_met_a_model_meets_it_again_whatever_the_share_is_now(session):
    champion, challenger = challenged(session)
    ref = drawn_below(half=True)
    share(session, challenger, "0.000001")
    first = decided(session, ref)

    share(session, challenger, "0.5")
    again = routing.choose(session, ref, at=make.AT)

    assert first.model_name == again.scorer.model_id == champion.name
    assert again.route.why is Why.BEFORE


def test_a_challenger_without_a_share_decides_on_nobody_it_met_before_either(session):
    champion, challenger = challenged(session)
    ref = drawn_below(half=True)
    share(session, challenger, "0.5")
    decided(session, ref)

    less(session, challenger)

    assert model_of(session, ref) == champion.name


def test_a_retired_challenger_decides_on_nobody(session):
    champion, challenger = challenged(session)
    share(session, challenger, "0.5")

    registry.retire(session, challenger, by=RISK, at=make.AT, reason="no better")

    assert model_of(session, drawn_below(half=True)) == champion.name


def test_a_share_ends_with_the_challenge_and_does_not_come_back_with_it(session):
    champion, challenger = challenged(session)
    ref = drawn_below(half=True)
    share(session, challenger, "0.5")
    later = make.AT + timedelta(hours=1)

    registry.retire(session, challenger, by=RISK, at=later, reason="no better")
    registry.challenge(session, challenger, by=RISK, at=later, reason="once more")
    again = model_of(session, ref, at=later)
    share(session, challenger, "0.5", at=later)

    assert again == champion.name
    assert model_of(session, ref, at=later) == challenger.name


@pytest.mark.parametrize("fault", list(HARMS))
def test_a_challenger_that_cannot_be_used_leaves_the_decision_to_the_champion(session, fault):
    # Not loaded by this process yet: what is loaded needs the stored bytes no more.
    unseen = training.train(loans(seed=12), small_spec(), 11)
    champion, challenger = challenged(session, unseen)
    share(session, challenger, "0.5")
    HARMS[fault](session, challenger)

    kept = decided(session, drawn_below(half=True))

    route = assessments.decision_of(kept).route
    assert kept.model_name == champion.name
    assert (route.part, route.why) == (Part.CHAMPION, Why.UNUSABLE)
    assert (route.instead_of, route.fault) == (challenger.name, fault)
    assert failures(session) == [(challenger.id, str(kept.id), fault)]
    assert replays.replay(session, kept.id).verdict is Verdict.SAME


@pytest.mark.parametrize("broken", ["pd", "bound", "contributions"])
def test_a_challenger_that_fails_when_it_scores_leaves_the_decision_to_the_champion(broken):
    champion = make.Says("0.100000")
    routed = Routed(Broken(broken), ROUTE, champion)
    told = make.dossier()

    with pytest.raises(ArithmeticError) as fault:
        # Whoever is above the last band is asked for the weights as well.
        assessments.decide(told, POLICY, routed.scorer)
    fallen = routing.fall_back(routed, fault.value)

    assert fallen.scorer is champion
    assert (fallen.route.part, fallen.route.why) == (Part.CHAMPION, Why.UNUSABLE)
    assert (fallen.route.instead_of, fallen.route.fault) == ("broken-1", "ArithmeticError")
    assert (fallen.route.routing_id, fallen.route.place) == (ROUTE.routing_id, ROUTE.place)


def test_a_champion_that_fails_has_nobody_to_fall_back_on():
    by_lot = replace(ROUTE, part=Part.CHAMPION)
    fault = ArithmeticError()

    assert routing.fall_back(Routed(Broken("pd"), None), fault) is None
    assert routing.fall_back(Routed(Broken("pd"), by_lot), fault) is None
    fallen = routing.fall_back(Routed(Broken("pd"), ROUTE, Broken("pd")), fault)
    assert routing.fall_back(fallen, fault) is None


def test_without_a_champion_that_can_be_used_no_challenger_decides_either(session):
    unseen = training.train(loans(seed=13), small_spec(), 11)
    champion = registry.register(session, unseen, by=RISK, at=make.AT)
    challenger = registry.register(session, second(), by=RISK, at=make.AT)
    registry.publish(session, champion, by=RISK, at=make.AT)
    registry.challenge(session, challenger, by=RISK, at=make.AT, reason="tuned anew")
    share(session, challenger, "0.5")
    session.execute(
        text("UPDATE model SET artifact = artifact || 'x'::bytea WHERE id = :id"),
        {"id": champion.id},
    )

    with pytest.raises(ArtifactChanged):
        routing.choose(session, drawn_below(half=True), at=make.AT)


def test_a_routing_begins_when_it_says_and_the_last_one_holds(session):
    champion, challenger = challenged(session)
    ref = drawn_below(half=True)
    share(session, challenger, "0.5", at=make.AT + timedelta(days=1))

    today, tomorrow = (model_of(session, ref, at=make.AT + timedelta(days=days)) for days in (0, 1))
    less(session, challenger, at=make.AT + timedelta(days=2))
    after = model_of(session, ref, at=make.AT + timedelta(days=2))

    assert (today, tomorrow, after) == (champion.name, challenger.name, champion.name)
    assert [
        (each.challenger, each.share, each.asked_by, each.set_by)
        for each in routing.history(session, limit=9)
    ] == [
        (challenger.name, Decimal(0), None, str(ANNE)),
        (challenger.name, Decimal("0.5"), str(ANNE), str(BERT)),
    ]
