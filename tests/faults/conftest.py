"""A server of its own for the stories, made once."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.postgres import Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL by pg_ctl whose commits are on disk."""
    folder = Path(tempfile.mkdtemp(prefix="daichang-faults-"))
    folder.chmod(0o755)
    made = Server(folder)
    made.make()
    yield made
    made.stop()
    shutil.rmtree(folder)
