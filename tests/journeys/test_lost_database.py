"""The database crashes again and again under two senders: nothing is paid twice, nothing is lost."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from demo import figures
from demo.town import Town
from disbursement import ledger
from disbursement.jobs import JOBS
from kernel import config, database, db, embedded, jobs, sealing
from kernel.surroundings import build
from tests.disbursement.partners import Partners
from tests.journeys import test_killed_senders as killed
from tests.tables import create_tables

pytestmark = pytest.mark.slow

CRASHES = 4
SENDERS = 2


@pytest.fixture
def home() -> Iterator[Path]:
    """A server of its own, whose commits are really on disk."""
    folder = Path(tempfile.mkdtemp(prefix="daichang-lost-"))
    folder.chmod(0o755)
    engine = db.open_engine(database.create(embedded.start(folder), "lost"))
    create_tables(engine)
    db.bind(engine)
    yield folder
    engine.dispose()
    embedded.stop(folder)
    shutil.rmtree(folder)


@pytest.fixture
def around(home, sandbox, clock) -> Any:
    """The surroundings of the senders; the sandbox remembers nothing."""
    read = config.read({"DAICHANG_ENV": "test"})
    settings = replace(read, partner_urls=dict.fromkeys(config.PARTNERS, sandbox))
    sealing.bind(sealing.Keyring(settings.seal_keys, settings.index_key))
    return build(settings, clock)


@pytest.mark.parametrize("seed", [20261120])
def test_a_database_that_crashes_under_its_senders_loses_no_payment(  # noqa: PLR0917 - fixtures
    around, home, sandbox, clock, seed
):
    random = Random(seed)
    partners = Partners(sandbox, clock)
    partners.fund(str(killed.CAPITAL))
    killed.place(partners, clock, random)
    stopping = threading.Event()
    senders = [threading.Thread(target=work, args=(around, stopping)) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()

    for _ in range(CRASHES):
        time.sleep(random.random() / 4)
        crash(home)
        embedded.start(home)
        clock.advance(timedelta(minutes=4))
    stopping.set()
    for sender in senders:
        sender.join(30)
    killed.let_quiet_days_go_by(around, clock)

    killed.assert_agrees_with_the_channel(partners)
    with db.transaction() as session:
        assert ledger.check_books(session) == []
        assert figures.four_sides(session, Town(around.outbound["bank"])).agree


def work(around: Any, stopping: threading.Event) -> None:
    """Run the sending and asking jobs as the scheduler does, which outlives a lost database."""
    while not stopping.is_set():
        for job in JOBS[:2]:
            jobs.run(job, around)


def crash(home: Path) -> None:
    """End the server at once, with everything in flight lost (PostgreSQL: immediate shutdown)."""
    pid = int((home / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGQUIT)
    until = time.monotonic() + 10
    while embedded.is_running(home):
        assert time.monotonic() < until, "the server did not go down"
        time.sleep(0.01)
