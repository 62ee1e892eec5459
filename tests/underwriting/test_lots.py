"""Lots are drawn once for ever, spread evenly, and apart from each other."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import sqrt
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.money import Money
from tests.underwriting import builders as make
from underwriting import assessments, decisions, lots, policy, routing
from underwriting.canonical import Unreadable
from underwriting.lots import Grant, Part, Purpose, Route, Why
from underwriting.policy_rules import ExplorationRules

COUNT = 20_000
POLICY = policy.load("2026-11")
DIGESTS = st.text(alphabet="0123456789abcdef", min_size=64, max_size=64)
SHARES = st.decimals("0", "1", places=6)


@given(DIGESTS, SHARES, SHARES)
def test_a_larger_share_draws_everybody_whom_a_smaller_one_draws(digest, one, other):
    place = lots.place(digest)
    small, large = sorted((one, other))

    assert 0 <= place < lots.PLACES
    assert not lots.is_drawn(place, small) or lots.is_drawn(place, large)
    assert not lots.is_drawn(place, Decimal(0))
    assert lots.is_drawn(place, Decimal(1))


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("share", ["0.02", "0.10", "0.50"])
def test_a_share_of_the_applications_is_drawn(share):
    # Of 20,000 lots each falls on the share by itself: five deviations either way.
    drawn = sum(
        lots.is_drawn(routing.place(UUID(int=number), Purpose.ROUTE), Decimal(share))
        for number in range(COUNT)
    )

    expected = COUNT * float(share)
    assert abs(drawn - expected) < 5 * sqrt(expected * (1 - float(share)))


@pytest.mark.usefixtures("database")
def test_whoever_meets_the_challenger_is_no_likelier_to_be_approved_at_random():
    tenth = Decimal("0.1")
    both = sum(
        lots.is_drawn(routing.place(UUID(int=number), Purpose.ROUTE), tenth)
        and lots.is_drawn(routing.place(UUID(int=number), Purpose.EXPLORATION), tenth)
        for number in range(COUNT)
    )

    # Apart from each other they meet in a hundredth: 200, give or take five times 14.
    assert 130 < both < 270


@pytest.mark.usefixtures("database")
def test_a_lot_is_the_same_at_every_try():
    first = routing.place(make.APPLICATION, Purpose.ROUTE)

    assert routing.place(make.APPLICATION, Purpose.ROUTE) == first


def test_a_decision_tells_its_route_and_its_grant_and_reads_them_back():
    plain = assessments.decide(make.dossier(), POLICY, make.Says("0.100000"))
    route = Route(routing_id=UUID(int=7), part=Part.CHALLENGER, why=Why.LOT, place=999_999)
    grant = Grant(place=12, share=Decimal("0.0100"), loss=Money.yuan("1350.00"))
    told = replace(plain, route=route, grant=grant)

    assert decisions.from_bytes(told.to_bytes()).route == route
    assert decisions.from_bytes(told.to_bytes()).to_bytes() == told.to_bytes()
    assert b'"route"' not in plain.to_bytes()
    assert b'"grant"' not in plain.to_bytes()


def test_a_route_tells_which_challenger_was_to_decide_and_what_was_wrong_with_it():
    plain = assessments.decide(make.dossier(), POLICY, make.Says("0.100000"))
    lot = Route(routing_id=UUID(int=7), part=Part.CHAMPION, why=Why.LOT, place=1)
    fallen = replace(lot, why=Why.UNUSABLE, instead_of="tuned-1", fault="GoldenDiffers")
    told = replace(plain, route=fallen)

    assert decisions.from_bytes(told.to_bytes()).route == fallen
    # Whoever met no fault has a route as it always was, to the byte.
    assert set(lot.to_plain()) == {"routing_id", "part", "why", "place"}
    with pytest.raises(Unreadable):
        decisions.from_bytes(told.to_bytes().replace(b'"tuned-1"', b"1"))


@pytest.mark.parametrize("place", ["1000000", "-1", '"7"', "true"])
def test_a_lot_that_cannot_be_is_not_read(place):
    route = Route(routing_id=UUID(int=7), part=Part.CHAMPION, why=Why.LOT, place=4321)
    content = replace(
        assessments.decide(make.dossier(), POLICY, make.Says("0.100000")), route=route
    ).to_bytes()

    with pytest.raises(Unreadable):
        decisions.from_bytes(content.replace(b'"place":4321', f'"place":{place}'.encode()))


def test_by_default_nobody_is_approved_at_random():
    assert ExplorationRules().share == 0
