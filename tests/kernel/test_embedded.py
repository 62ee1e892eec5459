"""The embedded server: started on demand, stopped by whoever started it, and started again."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from kernel import embedded

pytestmark = pytest.mark.slow


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that PostgreSQL's own user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="daichang-embedded-"))
    folder.chmod(0o755)
    yield folder
    embedded.stop(folder)
    shutil.rmtree(folder)


def answers(url: str) -> bool:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return connection.execute(text("SELECT 1")).scalar_one() == 1
    finally:
        engine.dispose()


def test_a_server_that_was_stopped_is_started_again_by_the_same_process(home):
    first = answers(embedded.start(home))
    embedded.stop(home)
    between = embedded.is_running(home)

    again = answers(embedded.start(home))

    assert (first, between, again) == (True, False, True)


def test_a_server_that_crashed_is_started_again(home):
    embedded.start(home)
    crash(home)

    assert answers(embedded.start(home))


def test_stopping_what_does_not_run_does_nothing(home):
    embedded.stop(home)

    assert not embedded.is_running(home)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_under_a_folder_closed_to_others_root_is_told_what_to_do(home):
    home.chmod(0o700)

    with pytest.raises(embedded.EmbeddedDatabaseUnavailable, match="DAICHANG_HOME"):
        embedded.start(home)


def crash(home: Path) -> None:
    """End the server at once, with everything in flight lost (PostgreSQL: immediate shutdown)."""
    pid = int((home / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGQUIT)
    until = time.monotonic() + 10
    while embedded.is_running(home) and time.monotonic() < until:
        time.sleep(0.02)
