"""F14: the database goes away at COMMIT, is restarted, is full, or lets nobody in."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from disbursement.records.payouts import LegStatus
from tests.faults import scene as scenes
from tests.faults import story
from tests.faults.postgres import Server
from tests.faults.proxy import Fault, Toxic

pytestmark = pytest.mark.slow

COMMITS_OF_A_PAYOUT = (1, 2, 3)
"""Claiming it, committing its order number, recording the answer."""


def test_the_server_of_these_tests_keeps_its_commits_on_disk(server):
    assert (server.setting("fsync"), server.setting("synchronous_commit")) == ("on", "on")


@pytest.mark.parametrize("nth", COMMITS_OF_A_PAYOUT)
@pytest.mark.parametrize("toxic", [Toxic.BEFORE_COMMIT, Toxic.AFTER_COMMIT])
def test_a_connection_lost_at_any_commit_of_a_payout_pays_once(scene, toxic, nth):
    scene.lend()
    sent = len(scene.legs())

    with scene.worker() as around:
        scene.crew.to_database.inject(Fault(toxic=toxic, nth=nth))
        scenes.run(around, "payout-send", "payout-send")
    verdict = scene.let_days_go_by()

    assert scene.crew.to_database.done[toxic.value] == 1
    assert verdict.complaints == ()
    paid = [order for order in scene.partners.books()["orders"] if order["state"] == "paid"]
    assert len(paid) == sent, "what was committed is read back, what was not is tried again"


def test_a_server_restarted_under_a_running_command_loses_nothing(scene):
    scene.lend(loans_count=3)
    before = scene.crew.start_command("pay")

    scenes.until(lambda: LegStatus.APPROVED not in scene.statuses() or _some_sent(scene), "a send")
    scene.crew.server.crash()
    before.wait(60)
    verdict = scene.let_days_go_by()

    assert verdict.complaints == ()
    assert verdict.paid_fen > 0


def test_a_server_that_lets_nobody_in_is_waited_for(scene):
    scene.lend()

    with every_connection_taken(scene.crew.server):
        refused = scene.crew.command("pay", "--json")
    taken = scene.crew.command("pay", "--json")

    assert refused.returncode != 0
    assert "too many clients" in refused.stderr + scene.crew.server.log_text()
    assert taken.returncode == 0, taken.stderr
    assert scene.let_days_go_by().complaints == ()


def test_a_full_disk_stops_everything_and_loses_nothing(tmp_path):
    with (
        small_disk() as disk,
        story.opened(disk, tmp_path, "full_disk", at=story.BEGINNINGS[0]) as crew,
    ):
        scene = scenes.make(crew)
        scene.lend()
        ballast = fill(disk)
        stopped = crew.command("pay", "--json")
        sent_while_full = len(scene.partners.books()["orders"])
        ballast.unlink()
        disk.start_again()

        verdict = scene.let_days_go_by()

    assert stopped.returncode != 0 or "DiskFull" in stopped.stderr
    assert sent_while_full == 0, "an order number that could not be committed was sent"
    assert verdict.complaints == ()
    assert verdict.paid_fen > 0


def _some_sent(scene) -> bool:
    return bool(scene.statuses() - {LegStatus.PLANNED, LegStatus.APPROVED})


@contextmanager
def every_connection_taken(server: Server) -> Iterator[None]:
    """Take every connection that the server gives, those kept for its owner too."""
    engine = create_engine(server.url("postgres"), poolclass=NullPool)
    with ExitStack() as taken:
        while True:
            try:
                taken.enter_context(engine.connect())
            except SQLAlchemyError:
                break
        yield


@contextmanager
def small_disk() -> Iterator[Server]:
    """A server on a file system of its own with little room; only root may make one."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount the small file system that is to be filled")
    folder = Path("/tmp") / f"daichang-full-{os.getpid()}"
    folder.mkdir(mode=0o755)
    mount = ["mount", "-t", "tmpfs", "-o", "size=160m,mode=755", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        folder.rmdir()
        pytest.skip("this machine lets nobody mount a small file system")
    server = Server(folder)
    try:
        server.make()
        yield server
    finally:
        server.stop()
        subprocess.run(["umount", str(folder)], check=True)
        shutil.rmtree(folder)


def fill(server: Server) -> Path:
    """Fill the disk to the last byte."""
    ballast = server.folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 1_000_000):
                pass
        except OSError:
            pass
    return ballast
