"""A server of its own for the stories, made once."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import scene as scenes
from tests.faults import story
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


@pytest.fixture
def scene(server: Server, tmp_path: Path) -> Iterator[scenes.Scene]:
    """A scene at ten in the morning; its crew but for the sandbox has yet to be started."""
    with story.opened(server, tmp_path, "scene", at=story.BEGINNINGS[0]) as crew:
        yield scenes.make(crew)
