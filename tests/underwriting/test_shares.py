"""A challenger decides over people by what it has shown and by two officers' word."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text

from disbursement.breaks import SamePerson
from kernel import ids
from kernel.actors import Actor, Role
from kernel.events import Event
from tests.underwriting import builders as make
from tests.underwriting import contenders
from tests.underwriting.contenders import ANNE, BERT, less, share
from tests.underwriting.models.rows import second, trained
from underwriting import evidence, promotions, routing, shares
from underwriting.evidence import Kind
from underwriting.models import gate, registry, scoring
from underwriting.models.registry import ChampionChanged
from underwriting.promotions import GateNotPassed, NoSuchRequest
from underwriting.shares import MayNotRoute, NoSmallerShare, NotAChallenger, RoutingFaulty

OPERATOR = Actor(Role.OPERATOR, "command-line")
HALF = Decimal("0.5")


def challenged(session):
    champion, challenger = (contenders.kept(session, each()) for each in (trained, second))
    registry.publish(session, champion, by=ANNE, at=make.AT)
    registry.challenge(session, challenger, by=ANNE, at=make.AT, reason="tuned anew")
    return champion, challenger


def asked(
    session, challenger, part="0.5", *, judged=None, by=ANNE, at=make.AT, reason="to compare"
):
    found = contenders.shown(session, challenger, judged)
    return shares.ask(session, Decimal(part), found, reason=reason, by=by, at=at)


def deciding(session, challenger, at=make.AT) -> Decimal:
    return routing.share_of(session, challenger, at=at)


def test_one_officers_word_gives_no_share_and_another_ones_does(session):
    _, challenger = challenged(session)

    request = asked(session, challenger)
    before = deciding(session, challenger)
    rule = shares.confirm(session, request.id, by=BERT, at=make.AT)

    (shown,) = routing.history(session, limit=9)
    assert (before, deciding(session, challenger)) == (0, HALF)
    assert (shown.id, shown.asked_by, shown.set_by) == (rule.id, str(ANNE), str(BERT))
    assert request.evidence["verdict"]["loans"] == 1_000
    facts = session.scalars(select(Event).where(Event.kind == "challenger.share_set")).all()
    assert [(fact.subject, fact.body["share"]) for fact in facts] == [(challenger.id, "0.5")]


def test_nobody_confirms_the_share_that_he_asked_for(session):
    _, challenger = challenged(session)
    request = asked(session, challenger)

    with pytest.raises(SamePerson):
        shares.confirm(session, request.id, by=ANNE, at=make.AT)
    assert deciding(session, challenger) == 0


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"signs": ("annual_income",)}, "signs: broken: annual_income"),
        ({"signs": None}, "signs: not probed"),
        # Three points beside the truth everywhere, and two are allowed.
        ({"off": 0.03}, "calibration_error: 0.0300"),
        ({"loans": 80}, "loans: 80, "),
    ],
)
def test_a_share_has_a_gate_of_its_own(session, changes, why):
    _, challenger = challenged(session)

    with pytest.raises(GateNotPassed, match=why):
        asked(session, challenger, judged=contenders.verdict(**changes))


def test_whoever_need_not_be_better_need_not_pass_the_whole_gate():
    # It says what the champion says, and nobody knows whom it learnt from.
    judged = contenders.verdict()

    assert not judged.is_passed
    assert judged.against_a_share == ()
    assert {check.name for check in judged.checks} >= gate.SHARE_CHECKS


def test_without_loans_whose_end_is_known_nobody_gets_a_share(session):
    champion, challenger = challenged(session)
    models = evidence.contest(session, champion, challenger)
    nothing = evidence.matured(session, models, at=make.AT)

    assert nothing.kind is Kind.NONE
    with pytest.raises(GateNotPassed, match="0 own loans have matured"):
        shares.ask(session, HALF, nothing, reason="to compare", by=ANNE, at=make.AT)


def test_a_model_that_is_not_what_it_says_gets_no_share_at_either_word(session):
    _, challenger = challenged(session)
    request = asked(session, challenger)
    session.execute(
        text("UPDATE model SET artifact = artifact || 'x'::bytea WHERE id = :id"),
        {"id": challenger.id},
    )

    with pytest.raises(scoring.ArtifactChanged):
        asked(session, challenger)
    with pytest.raises(scoring.ArtifactChanged):
        shares.confirm(session, request.id, by=BERT, at=make.AT)
    assert deciding(session, challenger) == 0


def test_a_request_is_confirmed_once_within_a_week_and_not_past_a_newer_routing(session):
    _, challenger = challenged(session)
    used, stopped = asked(session, challenger, "0.1"), asked(session, challenger, "0.5")
    soon, late = (make.AT + timedelta(days=days) for days in (1, 8))

    assert [each.id for each in shares.waiting(session, at=make.AT)].count(used.id) == 1
    with pytest.raises(NoSuchRequest):
        shares.confirm(session, ids.new(), by=BERT, at=soon)
    with pytest.raises(NoSuchRequest):
        shares.confirm(session, used.id, by=BERT, at=late)
    shares.confirm(session, used.id, by=BERT, at=make.AT)
    with pytest.raises(NoSuchRequest):
        shares.confirm(session, used.id, by=BERT, at=make.AT)
    less(session, challenger, at=soon)
    with pytest.raises(NoSuchRequest):
        # Somebody took the share away since: what was asked before that is no answer to it.
        shares.confirm(session, stopped.id, by=BERT, at=soon)
    assert shares.waiting(session, at=soon) == ()


def test_a_request_for_a_share_promotes_nobody_and_one_for_a_promotion_gives_no_share(session):
    champion, challenger = challenged(session)
    wish = asked(session, challenger)
    found = contenders.shown(session, challenger)
    override = promotions.ask_override(
        session, challenger, found, reason="the law", by=ANNE, at=make.AT
    )

    with pytest.raises(NoSuchRequest):
        promotions.confirm_override(session, wish.id, by=BERT, at=make.AT)
    with pytest.raises(NoSuchRequest):
        shares.confirm(session, override.id, by=BERT, at=make.AT)
    assert registry.champion(session).id == champion.id
    assert [each.id for each in shares.waiting(session, at=make.AT)] == [wish.id]


def test_a_share_beside_another_champion_is_asked_for_anew(session):
    champion, challenger = challenged(session)
    other = contenders.kept(session, contenders.weak())
    request, found = asked(session, challenger), contenders.shown(session, challenger)
    registry.succeed(
        session, other, instead_of=champion.id, by=ANNE, at=make.AT, reason="by override"
    )

    with pytest.raises(ChampionChanged):
        shares.confirm(session, request.id, by=BERT, at=make.AT)
    with pytest.raises(ChampionChanged):
        shares.ask(session, HALF, found, reason="to compare", by=ANNE, at=make.AT)


def test_a_share_is_taken_away_by_one_person_at_once_and_never_made_larger(session):
    _, challenger = challenged(session)
    share(session, challenger, "0.3")

    for part in ("0.3", "0.4"):
        with pytest.raises(NoSmallerShare):
            less(session, challenger, part)
    smaller = shares.lower(
        session, challenger, Decimal("0.1"), reason="too many", by=OPERATOR, at=make.AT
    )
    less(session, challenger)

    assert smaller.share == Decimal("0.1")
    assert deciding(session, challenger) == 0
    with pytest.raises(NoSmallerShare):
        less(session, challenger)


def test_a_share_that_ended_with_its_challenge_is_not_revived_by_making_it_smaller(session):
    _, challenger = challenged(session)
    share(session, challenger, "0.3")
    later = make.AT + timedelta(hours=1)
    registry.retire(session, challenger, by=ANNE, at=later, reason="no better")
    registry.challenge(session, challenger, by=ANNE, at=later, reason="once more")

    with pytest.raises(NoSmallerShare):
        less(session, challenger, "0.1", at=later)
    assert deciding(session, challenger, later) == 0


@pytest.mark.parametrize("part", ["0.500001", "0", "-0.1", "0.0000001", "NaN", "Infinity", "1E+40"])
def test_a_share_is_at_most_a_half_and_whole_millionths(session, part):
    _, challenger = challenged(session)

    with pytest.raises(RoutingFaulty):
        asked(session, challenger, part)


def test_a_share_has_a_reason_a_challenger_and_somebody_who_may(session):
    champion, challenger = challenged(session)
    found = replace(contenders.shown(session, challenger), challenger=champion.name)

    with pytest.raises(RoutingFaulty):
        asked(session, challenger, reason="  ")
    with pytest.raises(NotAChallenger):
        shares.ask(session, HALF, found, reason="to compare", by=ANNE, at=make.AT)
    for role in set(Role) - {Role.RISK_OFFICER}:
        with pytest.raises(MayNotRoute):
            asked(session, challenger, by=Actor(role, "other"))
    request = asked(session, challenger)
    for role in set(Role) - {Role.RISK_OFFICER}:
        with pytest.raises(MayNotRoute):
            shares.confirm(session, request.id, by=Actor(role, "other"), at=make.AT)
    for role in set(Role) - {Role.RISK_OFFICER, Role.OPERATOR}:
        with pytest.raises(MayNotRoute):
            shares.lower(
                session, challenger, Decimal(0), reason="x", by=Actor(role, "other"), at=make.AT
            )
    assert routing.history(session, limit=9) == ()
