"""Four eyes: how many approve, who may, that nobody counts twice, and that the payee is bound."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from sqlalchemy import text

from disbursement import approvals, legs
from disbursement.approvals import ApprovedAlready, NotAnApprover, PayeeChanged
from disbursement.records.payouts import LegStatus
from kernel.actors import Actor, Role, system
from kernel.db import transaction
from kernel.money import Money
from kernel.moves import MoveRefused
from kernel.personal import PersonName
from kernel.sealing import seal
from tests.disbursement import builders as make
from tests.disbursement.builders import TEN

CARD = make.card_number(1)
OTHER_CARD = make.card_number(2)


def approve(saga, by: Actor) -> LegStatus:
    with transaction() as session:
        return approvals.approve(session, saga.leg().id, by=by, at=TEN).status


@pytest.mark.parametrize(
    ("ceiling", "needed"), [("0.01", 1), ("20000.00", 1), ("20000.01", 2), ("200000.00", 2)]
)
def test_the_ceiling_decides_how_many_people_approve(ceiling, needed):
    policy = approvals.policy(Money.yuan(ceiling), on=date(2026, 11, 20))

    assert policy.approvals == needed
    assert Role.SYSTEM not in policy.first_by


@pytest.mark.parametrize("person", [make.MAKER, make.CHECKER])
def test_a_small_payout_needs_one_approval(saga, person):
    saga.place(make.leg_order(1, "20000.00"))

    assert approve(saga, person) is LegStatus.APPROVED


def test_a_large_payout_needs_a_second_person_who_is_a_checker(saga):
    saga.place(make.leg_order(1, "20000.01"))

    assert approve(saga, make.MAKER) is LegStatus.PLANNED
    with pytest.raises(NotAnApprover):
        approve(saga, Actor(Role.FINANCE_MAKER, "zhao.lei"))
    assert approve(saga, make.CHECKER) is LegStatus.APPROVED


@pytest.mark.parametrize("role", [Role.FINANCE_MAKER, Role.FINANCE_CHECKER])
def test_the_same_person_never_counts_twice_in_whatever_role(saga, role):
    saga.place(make.leg_order(1, "20000.01"))
    approve(saga, Actor(role, "li.na"))

    with pytest.raises(ApprovedAlready):
        approve(saga, Actor(Role.FINANCE_CHECKER, "li.na"))

    assert saga.status() is LegStatus.PLANNED


@pytest.mark.parametrize(
    "by",
    [
        make.DEBTOR,
        system("payout-send"),
        Actor(Role.RISK_OFFICER, "sun.yi"),
        Actor(Role.OPERATOR, "ops"),
        Actor(Role.AGENCY, "agency-1"),
    ],
)
def test_nobody_outside_finance_approves(saga, by):
    saga.place(make.leg_order(1))

    with pytest.raises(NotAnApprover):
        approve(saga, by)


def test_an_approved_payout_waits_for_no_further_approval(saga):
    saga.place(make.leg_order(1))
    approve(saga, make.MAKER)

    with pytest.raises(MoveRefused):
        approve(saga, make.CHECKER)


def test_two_checkers_at_once_are_two_approvals_and_one_move(saga):
    saga.place(make.leg_order(1, "50000.00"))
    approve(saga, make.MAKER)
    together = threading.Barrier(4)

    def try_it(number: int) -> bool:
        together.wait(10)
        try:
            approve(saga, Actor(Role.FINANCE_CHECKER, f"checker-{number}"))
        except MoveRefused:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(try_it, range(4)))

    assert won.count(True) == 1
    assert saga.steps() == ["planned", "approved"]


@pytest.mark.parametrize(
    ("column", "value"),
    [("card", lambda: seal(OTHER_CARD).data), ("payee", lambda: seal(PersonName("测试乙")).data)],
)
def test_a_payee_changed_before_approval_is_not_approved(saga, column, value):
    saga.place(make.leg_order(1))
    _overwrite(column, value())

    with pytest.raises(PayeeChanged):
        approve(saga, make.MAKER)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("card", lambda: seal(OTHER_CARD).data),
        ("payee", lambda: seal(PersonName("测试乙")).data),
        ("payee_digest", lambda: "0" * 64),
        ("ceiling", lambda: 19_000_00),
    ],
)
def test_a_payee_or_ceiling_changed_after_approval_stops_the_send(saga, column, value):
    saga.partners.card(CARD)
    saga.partners.card(OTHER_CARD)
    saga.start(make.leg_order(1))
    _overwrite(column, value())

    saga.send()

    assert saga.leg().parked
    assert saga.status() is LegStatus.APPROVED
    assert saga.partners.books()["orders"] == []
    assert saga.facts() == ["payout.stopped"]


def test_the_card_and_digest_of_another_leg_do_not_fit(saga):
    saga.partners.card(CARD)
    saga.partners.card(OTHER_CARD)
    saga.start(make.leg_order(1), make.leg_order(2))
    first, second = sorted(saga.legs(), key=lambda leg: leg.card_ref)
    with transaction() as session:
        session.execute(
            text(
                "UPDATE payout_leg SET card = o.card, payee_digest = o.payee_digest"
                " FROM payout_leg o WHERE payout_leg.id = :first AND o.id = :second"
            ),
            {"first": first.id, "second": second.id},
        )

    saga.send()

    with transaction() as session:
        assert legs.lock(session, first.id).parked
        assert legs.lock(session, second.id).status is LegStatus.ACCEPTED
    assert [order["card_last4"] for order in saga.partners.books()["orders"]] == [OTHER_CARD.last4]


def _overwrite(column: str, value: object) -> None:
    with transaction() as session:
        session.execute(text(f"UPDATE payout_leg SET {column} = :value"), {"value": value})
