"""A few whom the score alone declines are approved at random, within the month's budget."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DatabaseError

from kernel import db
from kernel.actors import system
from kernel.events import Event
from tests.underwriting import builders as make
from tests.underwriting import exploring
from tests.underwriting.exploring import DRAWN, NOT_DRAWN
from underwriting import assessments, exploration, policy, replays
from underwriting.decisions import Outcome
from underwriting.limits import Constraint
from underwriting.policy_rules import Action
from underwriting.reasons import Reason
from underwriting.records.service import ExplorationLot, ExplorationMonth
from underwriting.replays import Verdict

BY = system("assessment")


def decided(rules, *, dossier=None, scorer=None, place=DRAWN):
    told, scorer = dossier or exploring.risky(), scorer or exploring.too_risky()
    plain = assessments.decide(told, rules, scorer)
    return plain, exploration.explore(told, rules, scorer, plain, place=place)


def recorded(session, rules, *, application=make.APPLICATION, at=make.AT):
    told = exploring.risky(application)
    plain, explored = decided(rules, dossier=told)
    return exploration.record(session, make.gathered(told), plain, explored=explored, by=BY, at=at)


def test_a_lot_makes_a_small_loan_at_the_last_price_of_a_decline_for_the_score():
    plain, explored = decided(exploring.rules())

    assert explored is not None
    approval = explored.decision
    assert (plain.outcome, approval.outcome) == (Outcome.DECLINE, Outcome.APPROVE)
    assert approval.band == exploration.BAND
    assert str(approval.annual_rate) == "16.80"
    # 3,000.00 and five days of 1.50 each.
    assert approval.principal == make.yuan("3007.50")
    # Loss given default .45 of it: 1,353.375, up to the fen.
    assert approval.grant.loss == make.yuan("1353.38")
    assert approval.grant.place == DRAWN
    # Nobody would lend so much for the profit: it is a loss by the policy's own figures.
    assert approval.workings.expected.profit < make.yuan("0.00")


def test_by_the_policies_of_the_house_nobody_is_approved_at_random():
    for version in ("2026-08", "2026-11"):
        _, explored = decided(policy.load(version), place=0)

        assert explored is None


@pytest.mark.parametrize(
    ("changes", "scorer", "why"),
    [
        ({"watchlist_hits": (make.hit("fraud"),)}, None, "on a list of fraud"),
        ({"watchlist_hits": (make.hit("court"),)}, None, "a person was to look"),
        ({"identity_matches": False}, None, "not the person"),
        ({"deceased": True}, None, "not alive"),
        ({"figures": {"lender_inquiries_7d": Decimal(6)}}, None, "many lenders at once"),
        ({"stated_monthly_income": make.yuan("900.00"),
          "verified_monthly_income": make.yuan("900.00")}, None, "no income"),
        ({"essential_costs": make.yuan("7500.00")}, None, "he cannot afford it"),
        ({"cards": (make.card(1, "3000.00", quote=make.quote("3000.00", daily_rate=Decimal(0))),)},
         None, "he would not be better off"),
        ({"cards": (make.card(1, "9000.00"),)}, None, "more than such a loan may be"),
        ({"lender": make.lender(annual_cap=make.Rate.percent("15.00"))}, None, "above the law's cap"),
        ({"has_bureau_file": False, "figures": {}}, None, "nothing to score"),
        ({}, make.Says("0.350001"), "above the budget's own bound"),
        ({}, make.Says("0.270000"), "within a band"),
    ],
)  # fmt: skip
def test_nothing_but_the_score_is_set_aside(changes, scorer, why):
    _, explored = decided(exploring.rules(), dossier=exploring.risky(**changes), scorer=scorer)

    assert explored is None, why


def test_whose_lot_does_not_fall_on_the_share_is_declined():
    _, explored = decided(exploring.rules(), place=NOT_DRAWN)

    assert explored is None


def test_a_fraud_rule_that_declines_declines_here():
    rules = exploring.rules()
    strict = replace(
        rules.added,
        fraud=(
            replace(
                rules.added.fraud[0], more_than=Decimal(0), action=Action.DECLINE,
                reason=Reason.MANY_LENDERS_AT_ONCE,
            ),
        ),
    )  # fmt: skip
    told = exploring.risky(figures={"lender_inquiries_7d": Decimal(1)})

    _, explored = decided(replace(rules, added=strict), dossier=told)

    assert explored is None


def test_the_amount_stays_below_the_cap_of_the_budget_and_what_he_can_afford():
    two = (make.card(1, "3000.00"), make.card(2, "4000.00"))

    _, explored = decided(exploring.rules(), dossier=exploring.risky(cards=two))

    assert explored.decision.limit == make.yuan("5000.00")
    assert explored.decision.binding is Constraint.PRODUCT
    assert explored.decision.principal < make.yuan("5000.00")


def test_a_grant_is_charged_to_the_month_and_told(session):
    kept = recorded(session, exploring.rules())

    lot = session.get_one(ExplorationLot, kept.id)
    month = session.get_one(ExplorationMonth, date(2026, 11, 1))
    fact = session.scalars(select(Event).where(Event.kind == "exploration.granted")).one()
    assert kept.outcome is Outcome.APPROVE
    assert (lot.granted, lot.place, lot.loss) == (True, DRAWN, make.yuan("1353.38"))
    assert (month.loss, month.loans) == (make.yuan("1353.38"), 1)
    assert fact.subject == kept.id
    assert [spent.granted for spent in exploration.spent(session, months=3)] == [1]


def test_what_would_exceed_the_month_is_declined_and_counted_as_drawn(session):
    rules = exploring.rules(loss_max_month="2706.75")

    outcomes = [recorded(session, rules, application=UUID(int=n)).outcome for n in range(3)]

    # Twice 1,353.38 is one fen more than the month has.
    assert outcomes == [Outcome.APPROVE, Outcome.DECLINE, Outcome.DECLINE]
    (spent,) = exploration.spent(session, months=3)
    assert (spent.drawn, spent.granted, spent.loss) == (3, 1, make.yuan("1353.38"))
    told = session.scalar(
        select(func.count()).select_from(Event).where(Event.kind == "exploration.over_budget")
    )
    assert told == 2


def test_a_new_month_has_its_own_budget(session):
    rules = exploring.rules(loss_max_month="1353.38")
    december = make.shanghai(date(2026, 12, 1), 0)

    first = recorded(session, rules)
    second = recorded(session, rules, application=UUID(int=2), at=december)

    assert (first.outcome, second.outcome) == (Outcome.APPROVE, Outcome.APPROVE)


def test_workers_at_the_cap_together_stay_below_it(database):
    # Three of eight fit: 4,060.14 of 5,000.00, and a fourth would be 5,413.52.
    rules = exploring.rules(loss_max_month="5000.00")
    barrier = threading.Barrier(8)

    def work(number: int) -> Outcome:
        barrier.wait(10)
        with db.transaction() as session:
            return recorded(session, rules, application=UUID(int=number)).outcome

    with ThreadPoolExecutor(8) as pool:
        outcomes = [done.result(30) for done in [pool.submit(work, n) for n in range(8)]]

    with db.transaction() as session:
        (spent,) = exploration.spent(session, months=1)
        month = session.get_one(ExplorationMonth, date(2026, 11, 1))
    assert outcomes.count(Outcome.APPROVE) == 3
    assert (spent.drawn, spent.granted) == (8, 3)
    assert spent.loss == month.loss == make.yuan("4060.14")


def test_a_grant_that_is_rolled_back_is_no_charge(session):
    with session.begin_nested() as inner:
        recorded(session, exploring.rules())
        inner.rollback()

    assert exploration.spent(session, months=1) == ()
    assert session.get(ExplorationMonth, date(2026, 11, 1)) is None


def test_a_grant_comes_out_again_byte_for_byte(session, tmp_path, monkeypatch):
    with exploring.in_the_folder(tmp_path, monkeypatch) as rules:
        kept = recorded(session, rules)

        found = replays.replay(session, kept.id)

    assert kept.outcome is Outcome.APPROVE
    # The scorer of the test is no kept model, so everything follows from the stored probability.
    assert found.verdict is Verdict.SAME_WITHOUT_MODEL, found


def test_a_grant_by_a_lot_that_does_not_draw_is_found_out(session, tmp_path, monkeypatch):
    with exploring.in_the_folder(tmp_path, monkeypatch) as rules:
        told = exploring.risky()
        plain, explored = decided(rules, dossier=told)
        forged = replace(explored.decision, grant=replace(explored.decision.grant, place=NOT_DRAWN))
        kept = assessments.record(session, make.gathered(told), forged, by=BY, at=make.AT)

        found = replays.replay(session, kept.id)

    assert plain.outcome is Outcome.DECLINE
    assert found.verdict is Verdict.DIFFERS


def test_a_lot_is_never_changed(session):
    recorded(session, exploring.rules())

    with pytest.raises(DatabaseError, match="never changed"), session.begin_nested():
        session.execute(text("UPDATE exploration_lot SET granted = false"))
