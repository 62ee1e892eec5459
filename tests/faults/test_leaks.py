"""F30: no log of any process and no table holds a card number or a name, whatever went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from sqlalchemy import text

from kernel.db import Base, transaction
from tests.faults import lending, mishaps, oracle, story
from tests.faults import scene as scenes
from tests.faults.mishaps import Stage

pytestmark = pytest.mark.slow

TROUBLES = (
    "cut request", "cut reply", "cut after commit", "cut before commit", "reset channel",
    "flood of notices", "kill backend", "restart database",
)  # fmt: skip


@pytest.fixture
def talkative(server) -> Iterator[None]:
    """A database that logs every statement with its parameters."""
    server.configure("log_statement", "all")
    server.configure("log_parameter_max_length", "-1")
    server.configure("log_parameter_max_length_on_error", "-1")
    yield
    for name in ("log_statement", "log_parameter_max_length", "log_parameter_max_length_on_error"):
        server.configure(name, None)


def tables() -> Iterator[tuple[str, str]]:
    """Read every row of every table as text."""
    with transaction() as session:
        for table in Base.metadata.sorted_tables:
            for row in session.scalars(text(f'SELECT t::text FROM "{table.name}" t')):
                yield table.name, row


def lie(stage: Stage) -> bool:
    """Post genuine and forged notices once more."""
    lending.flood(stage.crew.to_web.url, stage.books()["orders"], count=5)
    return True


def test_no_log_and_no_table_holds_a_card_number_or_a_name(scene, talkative):
    crew = scene.crew
    stage = Stage(crew, Random(30), lambda _: None)
    crew.start()
    crew.wait_for_web()
    story.wait_until_jobs_run(crew)

    for trouble in TROUBLES:
        scene.lend(faulty=0.7)
        mishaps.MENU[trouble](stage)
        story.wait_until_jobs_run(crew)
    for flood in stage.floods:
        flood.join()
    crew.heal()
    story.wait_until_jobs_run(crew)
    crew.wait_for_web()
    # The flood may have met a web without its database.
    scenes.until(lambda: lie(stage) and '"notice.forged"' in crew.logs(), "a lie is heard")

    logs = crew.logs()
    assert "INSERT INTO payout_leg" in logs, "the database was to log what it was told"
    assert '"payout.sent"' in logs
    assert oracle.plain_numbers(logs, scene.lending.cards) == []
    leaking = {name for name, row in tables() if oracle.plain_numbers(row, scene.lending.cards)}
    assert leaking == set()
