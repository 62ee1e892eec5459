"""F16, F17, F18: paused for longer than its claims, an hour fast or slow, and taken over."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from disbursement.records.payouts import LegStatus
from disbursement.records.settlement import StatementFile
from kernel.clock import business_day, shanghai
from kernel.db import transaction
from kernel.records import Lease
from tests.faults import scene as scenes
from tests.faults import story
from tests.faults.crew import SCHEDULERS
from tests.faults.proxy import Fault, Toxic, Way

pytestmark = pytest.mark.slow

FIRST, SECOND = SCHEDULERS


def holder() -> str | None:
    """Tell which process leads, by the lease that it holds."""
    with transaction() as session:
        return session.scalar(select(Lease.holder).where(Lease.name == "scheduler"))


def leads(scene, name: str) -> bool:
    child = scene.crew.processes[name].child
    return child is not None and f"-{child.pid}-" in (holder() or "")


def test_a_worker_paused_over_its_send_is_taken_over_and_pays_once_when_it_wakes(scene):
    """The request hangs in the network while its sender sleeps for ten minutes."""
    crew = scene.crew
    crew.start(FIRST)
    scenes.until(lambda: leads(scene, FIRST), "the first scheduler leads")
    crew.to_channel.inject(Fault(toxic=Toxic.HOLD, way=Way.UP, seconds=600))
    scene.lend()
    scenes.until(lambda: crew.to_channel.done["hold"], "a payment on its way")
    in_flight = {leg.order_no for leg in scene.legs() if leg.status is LegStatus.SUBMITTED}

    crew.processes[FIRST].pause()
    crew.town.advance(timedelta(minutes=10))
    crew.start(SECOND)
    scenes.until(lambda: leads(scene, SECOND), "the second scheduler leads")
    scenes.until(lambda: LegStatus.APPROVED not in scene.statuses(), "the others are sent")
    crew.to_channel.release()
    crew.processes[FIRST].resume()
    story.wait_until_jobs_run(crew)
    crew.kill(FIRST, SECOND)
    verdict = scene.let_days_go_by()

    assert len(in_flight) == 1
    assert verdict.complaints == ()
    orders = {order["orderId"]: order["state"] for order in scene.partners.books()["orders"]}
    assert {orders[number] for number in in_flight} == {"paid"}


def test_clocks_two_hours_apart_pay_each_card_once_across_cut_off_midnight_and_years_end(scene):
    crew = scene.crew
    crew.town.advance_to(shanghai(story.BEGINNINGS[3].date(), 22, 50))
    crew.town.skew(FIRST, timedelta(hours=1))
    crew.town.skew(SECOND, timedelta(hours=-1))
    crew.start(*SCHEDULERS)

    for minutes in (0, 9, 50, 12):
        # 22:50, 22:59, 23:49 and 00:01 of the new year.
        crew.town.advance(timedelta(minutes=minutes))
        scene.lend(faulty=1 / 3)
        story.wait_until_jobs_run(crew)
        crew.kill(FIRST if leads(scene, FIRST) else SECOND)
        crew.start(*SCHEDULERS)
    crew.heal()
    story.wait_until_jobs_run(crew)
    crew.kill(*SCHEDULERS)
    verdict = mended(scene)

    assert verdict.complaints == ()
    assert verdict.paid_fen > 0
    numbers = [leg.order_no for leg in scene.legs() if leg.order_no]
    assert len(set(numbers)) == len(numbers)


def mended(scene):
    """Have staff pay once more what the channel refused because our clock was wrong."""
    verdict = scene.let_days_go_by(days=2)
    scene.lending.look_after()
    scene.lending.approve()
    return scene.let_days_go_by() if verdict.complaints else verdict


def test_when_the_leader_is_killed_the_other_takes_over_and_misses_no_day(scene):
    crew = scene.crew
    scene.lend()
    crew.start(*SCHEDULERS)
    scenes.until(lambda: LegStatus.APPROVED not in scene.statuses(), "every card is sent")
    leader = FIRST if leads(scene, FIRST) else SECOND
    other = SECOND if leader == FIRST else FIRST

    crew.kill(leader)
    scenes.until(lambda: leads(scene, other), "the other leads")
    crew.kill(other)
    day = business_day(crew.town.clock.now())
    crew.town.advance_to(shanghai(day + timedelta(days=3), 9, 5))
    crew.start(leader)
    story.wait_until_jobs_run(crew)

    with transaction() as session:
        fetched = set(session.scalars(select(StatementFile.day)))
    assert {day, day + timedelta(days=1), day + timedelta(days=2)} <= fetched
    crew.kill()
    crew.start("sandbox")
    assert scene.let_days_go_by().complaints == ()
