"""F28: the database is lost, and what there is is a backup of ten minutes ago."""

from __future__ import annotations

import json
from random import Random

import pytest

from disbursement.records.payouts import LegStatus
from tests.faults import mishaps
from tests.faults import scene as scenes
from tests.faults.mishaps import Stage
from tests.faults.proxy import Fault, Toxic, Way

pytestmark = pytest.mark.slow


@pytest.fixture
def stage(scene) -> Stage:
    return Stage(scene.crew, Random(1), lambda _: None)


def pay(scene) -> None:
    ran = scene.crew.command("pay", "--json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout.splitlines()[-1])["sent"] > 0


def lose_the_database(stage: Stage) -> None:
    """Go back to the backup and do what the runbook says before anything new is approved."""
    crew = stage.crew
    crew.town.advance(mishaps.BACKUP_AGE)
    crew.server.stop()
    assert stage.backup is not None
    crew.server.restore(stage.backup)
    mishaps.pay_until_decided(crew)


def test_what_was_sent_in_the_lost_window_is_met_again_and_not_paid_twice(scene, stage):
    scene.lend(loans_count=2)
    mishaps.back_up(stage)
    pay(scene)
    sent = {order["orderId"] for order in scene.partners.books()["orders"]}

    lose_the_database(stage)
    verdict = scene.let_days_go_by()

    assert sent == {leg.order_no for leg in scene.legs()}, "the same number for the same payout"
    assert verdict.complaints == ()
    assert verdict.paid_fen == sum(order["fen"] for order in scene.partners.books()["orders"])


def test_an_approval_lost_with_the_window_is_given_again_and_pays_nothing_twice(scene, stage):
    scene.lending.place(loans_count=2, faulty=0.0)
    mishaps.back_up(stage)
    scene.lending.released = list(scene.lending.loan_ids)
    scene.lending.approve()
    pay(scene)

    lose_the_database(stage)
    lost = scene.statuses()
    scene.lending.approve()
    mishaps.pay_until_decided(scene.crew)
    verdict = scene.let_days_go_by()

    assert lost == {LegStatus.PLANNED}
    assert verdict.complaints == ()


def test_a_loan_lost_with_the_window_is_named_by_breaks_until_a_person_acts(scene, stage):
    mishaps.back_up(stage)
    scene.lend()
    pay(scene)
    sent = {order["orderId"] for order in scene.partners.books()["orders"]}

    lose_the_database(stage)
    gone = scene.legs()
    verdict = scene.let_days_go_by()

    assert gone == []
    assert sent, "money is out"
    assert not [one for one in verdict.complaints if one.startswith(("I1", "I2", "books"))]


def test_a_payment_unknown_at_the_backup_is_asked_about_and_not_sent_again(scene, stage):
    scene.lend()
    with scene.worker() as around:
        for _ in scene.legs():
            scene.crew.to_channel.inject(Fault(toxic=Toxic.CUT, way=Way.DOWN, after_bytes=1))
        scenes.run(around, "payout-send")
    unknown = scene.statuses()
    mishaps.back_up(stage)

    lose_the_database(stage)
    verdict = scene.let_days_go_by()

    assert LegStatus.UNKNOWN in unknown
    assert verdict.complaints == ()
    assert verdict.paid_fen > 0
