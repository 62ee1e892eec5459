"""One database and one outside world for all seeds of a module."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.simulation.running import Runner
from tests.simulation.storage import drop_database, make_database


@pytest.fixture(scope="module")
def runner(database_server: str) -> Iterator[Runner]:
    """Give what runs seeds, on a database of its own."""
    name = f"simulation_{os.getpid()}"
    made = Runner(make_database(database_server, name))
    yield made
    made.close()
    drop_database(database_server, name)
