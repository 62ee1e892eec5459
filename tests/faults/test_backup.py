"""F28: the database is lost, and what there is is a backup of ten minutes ago."""

from __future__ import annotations

import json
from random import Random
from uuid import UUID

import pytest
from sqlalchemy import select

from disbursement import breaks, legs
from disbursement.records.breaks import Break
from disbursement.records.payouts import LegStatus
from kernel.db import transaction
from tests.faults import lending, mishaps
from tests.faults import scene as scenes
from tests.faults.mishaps import Stage
from tests.faults.proxy import Fault, Toxic, Way
from tests.faults.scene import Scene

pytestmark = pytest.mark.slow

SETTLED = {LegStatus.MATCHED, LegStatus.PAYOFF_VERIFIED}


def pay(scene: Scene) -> int:
    ran = scene.crew.command("pay", "--json")
    assert ran.returncode == 0, ran.stderr
    sent: int = json.loads(ran.stdout.splitlines()[-1])["sent"]
    return sent


def unknown_at_the_backup(scene: Scene) -> UUID:
    """Pay a loan whose answers are all cut."""
    scene.lend()
    with scene.worker() as around:
        for _ in scene.legs():
            scene.crew.to_channel.inject(Fault(toxic=Toxic.CUT, way=Way.DOWN, after_bytes=1))
        scenes.run(around, "payout-send")
    assert LegStatus.UNKNOWN in scene.statuses()
    return scene.lending.loan_ids[-1]


def placed(scene: Scene, *, is_approved: bool) -> UUID:
    scene.lending.place(loans_count=1, faulty=0.0)
    loan_id = scene.lending.loan_ids[-1]
    if is_approved:
        scene.lending.released.append(loan_id)
        scene.lending.approve()
    return loan_id


def back_to_the_backup(scene: Scene, stage: Stage) -> None:
    """Lose the database after ten minutes, and do what the runbook says."""
    crew = scene.crew
    crew.town.advance(mishaps.BACKUP_AGE)
    crew.server.stop()
    assert stage.backup is not None
    assert stage.backed_up_at is not None
    crew.server.restore(stage.backup)
    lending.freeze(stage.backed_up_at, at=crew.town.clock.now())


def open_breaks() -> str:
    with transaction() as session:
        live = session.scalars(select(Break).where(Break.status.in_(breaks.LIVE)))
        return " ".join(f"{one.subject} {one.detail}" for one in live)


def test_a_backup_of_ten_minutes_ago_loses_no_payment_and_repeats_none(scene):
    """One loan was undecided then, one approved, one placed, and one did not exist."""
    stage = Stage(scene.crew, Random(28), lambda _: None)
    undecided = unknown_at_the_backup(scene)
    approved = placed(scene, is_approved=True)
    waiting = placed(scene, is_approved=False)
    mishaps.back_up(stage)
    scene.lending.released.append(waiting)
    scene.lending.approve()
    forgotten = placed(scene, is_approved=True)
    lost_numbers = {legs.order_no(one.id) for one in scene.legs() if one.loan_id == forgotten}
    in_window = pay(scene)
    told = {order["orderId"]: order["fen"] for order in scene.partners.books()["orders"]}

    back_to_the_backup(scene, stage)
    scene.lending.released = [undecided, approved, waiting]
    scene.lending.approve()
    while_frozen = pay(scene)
    scene.let_days_go_by()

    assert in_window > 0
    assert while_frozen == 0, "nothing is sent before the channel has told what was"
    after = scene.partners.books()["orders"]
    assert {order["orderId"]: order["fen"] for order in after} == told, "nothing was sent twice"
    known = {leg.order_no: leg for leg in scene.legs()}
    assert {leg.status for leg in known.values()} <= SETTLED
    assert {leg.loan_id for leg in known.values()} == {undecided, approved, waiting}
    assert told.keys() - known.keys() == lost_numbers, "of a loan that is not in the backup"
    named = open_breaks()
    assert all(number in named for number in lost_numbers), "an open break names each"
