"""An application meets the model that its lot says, and may be approved at random within a budget."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy import select

from kernel import config, db, sealing
from kernel.clock import shanghai
from kernel.events import Event
from origination import assessing, offers
from origination.records.applications import ApplicationStatus
from tests.origination.apply import builders as make
from tests.origination.apply import world
from tests.origination.apply.builders import Person
from tests.origination.apply.world import waiting
from tests.underwriting import contenders, exploring
from tests.underwriting.models.rows import second
from underwriting import assessments, canonical, exploration, lots, replays, routing
from underwriting.decisions import Decision
from underwriting.lots import Part, Purpose, Why
from underwriting.models import registry
from underwriting.models.artifact import TrainedModel
from underwriting.replays import Verdict

RISKY = {"inquiries_12m": 3, "card_utilisation_pct": 40.0, "debt_to_income_pct": 24.0}
"""The model of the tests gives them a probability of default between .27 and .35."""
NOVEMBER = shanghai(date(2026, 11, 24), 12)


def decision(application) -> Decision:
    with db.transaction() as session:
        kept = assessments.get(session, make.again(application.id).assessment_id)
        assert replays.replay(session, kept.id).verdict is Verdict.SAME
        return assessments.decision_of(kept)


def small_card(person: Person):
    return world.card(person.card(), balance="3000.00", minimum_due="300.00", past_due="300.00")


def drawn(
    application, share: str, purpose: Purpose = Purpose.EXPLORATION, *, falls: bool = True
) -> None:
    """Bind a key under which the lot of an application falls on the share, or does not."""
    settings = config.read({"DAICHANG_ENV": "test"})
    for number in range(2_000):
        key = number.to_bytes(32, "big")
        sealing.bind(sealing.Keyring(settings.seal_keys, key))
        place = routing.place(application.id, purpose)
        if lots.is_drawn(place, Decimal(share)) == falls:
            return
    raise AssertionError("no key of two thousand draws it")


def challenged(model: TrainedModel, share: str = "0.5"):
    """Give a challenger its share of the applications."""
    with db.transaction() as session:
        challenger = registry.register(session, model, by=make.SYSTEM, at=world.AT)
        registry.challenge(session, challenger, by=make.SYSTEM, at=world.AT, reason="tuned")
        rule = contenders.share(session, challenger, share, at=world.AT)
        return registry.champion(session), challenger, rule


def rewritten(model: TrainedModel, **facts) -> TrainedModel:
    """Give a model that says otherwise of itself where no golden row shows it."""
    whole = {**model.facts, **facts}
    return TrainedModel(artifact=model.artifact, manifest=canonical.dump(whole))


def test_the_lot_says_which_model_decides(outside):
    champion, challenger, rule = challenged(second())
    application = waiting()

    assessing.run(outside)

    found = decision(application)
    place = routing.place(application.id, Purpose.ROUTE)
    by = challenger if place < 500_000 else champion
    assert found.model_id == by.name
    assert (found.route.routing_id, found.route.place) == (rule.id, place)
    assert found.route.part is (Part.CHALLENGER if by is challenger else Part.CHAMPION)


def test_a_challenger_that_fails_at_a_debtor_leaves_him_to_the_champion_at_once(outside):
    # It loads and scores its golden rows; its bound is asked for after its score, by the policy of
    # November.
    outside.clock.advance_to(NOVEMBER)
    champion, challenger, _ = challenged(rewritten(second(), bound=[["a", "b"]]))
    application = waiting()
    drawn(application, "0.5", Purpose.ROUTE)

    done = assessing.run(outside)

    found = decision(application)
    with db.transaction() as session:
        (fact,) = session.scalars(select(Event).where(Event.kind == "challenger.failed"))
    after = make.again(application.id)
    assert (done, after.status, after.failures) == (1, ApplicationStatus.OFFERED, 0)
    assert (found.model_id, found.route.part) == (champion.name, Part.CHAMPION)
    assert (found.route.why, found.route.instead_of) == (Why.UNUSABLE, challenger.name)
    assert (fact.subject, fact.body) == (
        challenger.id,
        {"assessment_id": str(after.assessment_id), "fault": "InvalidOperation"},
    )


def test_a_champion_that_fails_at_a_debtor_leaves_him_waiting(outside):
    outside.clock.advance_to(NOVEMBER)
    champion, _, _ = challenged(second())
    application = waiting()
    drawn(application, "0.5", Purpose.ROUTE, falls=False)
    with db.transaction() as session:
        broken = registry.register(
            session, rewritten(second(), bound=[["a", "b"]]), by=make.SYSTEM, at=world.AT
        )
        registry.succeed(
            session, broken, instead_of=champion.id, by=make.SYSTEM, at=world.AT, reason="worse"
        )

    done = assessing.run(outside)

    after = make.again(application.id)
    assert (done, after.status, after.failures) == (0, ApplicationStatus.SUBMITTED, 1)
    assert after.assessment_id is None


def test_a_debtor_above_the_last_band_is_offered_a_small_loan_when_his_lot_says_so(
    sandbox, outside, tmp_path, monkeypatch
):
    person = Person()
    world.load(sandbox, person, small_card(person), figures=RISKY)
    with exploring.in_the_folder(tmp_path, monkeypatch):
        application = waiting(person)
        drawn(application, "0.05")

        assessing.run(outside)

        found = decision(application)
    with db.transaction() as session:
        (spent,) = exploration.spent(session, months=1)
        offer = offers.current(session, make.again(application.id))
    assert make.again(application.id).status is ApplicationStatus.OFFERED
    assert Decimal("0.27") < found.pd <= Decimal("0.35")
    assert (found.band, offer.annual_rate) == (exploration.BAND, Decimal("0.168"))
    assert found.grant.loss == spent.loss
    assert (spent.drawn, spent.granted) == (1, 1)


def test_by_the_policy_of_the_house_he_is_declined_whatever_his_lot(sandbox, outside):
    person = Person()
    world.load(sandbox, person, small_card(person), figures=RISKY)
    application = waiting(person)
    drawn(application, "0.05")

    assessing.run(outside)

    assert make.again(application.id).status is ApplicationStatus.DECLINED
    assert decision(application).grant is None
