"""What every test may ask for: a real database, the sandbox over HTTP, and shared examples."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from kernel import config, db, embedded, sealing
from kernel.clock import SetClock, shanghai
from tests.tables import create_tables, empty_tables

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
TODAY = date(2026, 11, 20)
SANDBOX_START_SECONDS = 20
LONGEST_FIRST = (
    "tests/simulation/test_seeds.py",
    "tests/faults/test_stories.py",
    "tests/journeys/test_demo.py",
    "tests/faults/test_workers.py",
    "tests/faults/test_database.py",
    "tests/simulation",
    "tests/faults",
    "tests/journeys",
    "tests/browser",
)
"""What would keep one worker busy alone at the end is begun first."""
SERVER_HOME = Path(os.environ.get("DAICHANG_HOME", ROOT / "var")) / "test"
STARTED_HERE = pytest.StashKey[Path | None]()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest modules, in whatever order the others come."""
    items.sort(key=lambda item: next(
        (place for place, path in enumerate(LONGEST_FIRST) if item.nodeid.startswith(path)),
        len(LONGEST_FIRST),
    ))  # fmt: skip


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """Find a shared example; a person without any skips, a build that requires them fails."""

    def find(path: str) -> Path:
        found = SHARED / path
        if found.exists():
            return found
        message = f"the shared examples are missing: {found.name} under {SHARED.name}/"
        if os.environ.get("DAICHANG_REQUIRE_CASES") == "1":
            pytest.fail(message)
        pytest.skip(message)

    return find


def pytest_configure(config: pytest.Config) -> None:
    """Start an embedded server for this process, unless a server is named.

    Each worker has its own: a reader of the event log waits for every open transaction of its
    server, so workers that shared one would wait for each other.
    """
    if "DAICHANG_TEST_DATABASE_URL" in os.environ or _is_controller(config):
        return
    home = SERVER_HOME / _worker(config)
    config.stash[STARTED_HERE] = None if embedded.is_running(home) else home
    try:
        os.environ["DAICHANG_TEST_DATABASE_URL"] = embedded.start(home)
    except embedded.EmbeddedDatabaseUnavailable as unavailable:
        pytest.exit(str(unavailable), returncode=1)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server that this process started."""
    home = config.stash.get(STARTED_HERE, None)
    if home is not None:
        embedded.stop(home)


def _worker(config: pytest.Config) -> str:
    return str(getattr(config, "workerinput", {}).get("workerid", "main"))


def _is_controller(config: pytest.Config) -> bool:
    return not hasattr(config, "workerinput") and bool(config.getoption("numprocesses", None))


@pytest.fixture(scope="session")
def database_server() -> str:
    """Give the URL of the PostgreSQL server that this run uses."""
    return os.environ["DAICHANG_TEST_DATABASE_URL"]


@pytest.fixture(scope="session")
def _engine(database_server: str) -> Iterator[Engine]:
    name = f"test_{os.getpid()}_{secrets.token_hex(3)}"
    server = create_engine(database_server, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
    engine = db.open_engine(
        make_url(database_server).set(database=name).render_as_string(hide_password=False)
    )
    create_tables(engine)
    yield engine
    engine.dispose()
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture
def database(_engine: Engine) -> Iterator[Engine]:
    """Bind an empty database with all tables; what a test commits is gone after it."""
    db.bind(_engine)
    settings = config.read({"DAICHANG_ENV": "test"})
    sealing.bind(sealing.Keyring(settings.seal_keys, settings.index_key))
    yield _engine
    empty_tables(_engine)


@pytest.fixture
def session(database: Engine) -> Iterator[Session]:
    """Open one transaction on the empty database."""
    with db.transaction() as opened:
        yield opened


@pytest.fixture
def clock() -> SetClock:
    """Stand at ten in the morning in Shanghai on the day the examples are told."""
    return SetClock(shanghai(TODAY, 10))


@pytest.fixture(scope="session")
def _sandbox_server() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox.serve", "--port", str(port)], cwd=ROOT
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{url}/_control/healthz", process)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + SANDBOX_START_SECONDS
    request = urllib.request.Request(url, headers={"Authorization": "Bearer sandbox-key"})
    while time.monotonic() < until:
        if process.poll() is not None:
            pytest.fail(f"the sandbox ended at once with code {process.returncode}")
        try:
            with urllib.request.urlopen(request, timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"the sandbox did not answer within {SANDBOX_START_SECONDS} s")


@pytest.fixture
def sandbox(_sandbox_server: str) -> str:
    """Give the base URL of a sandbox that remembers nothing."""
    request = urllib.request.Request(
        f"{_sandbox_server}/_control/reset",
        data=b"{}",
        headers={"Authorization": "Bearer sandbox-key", "Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=5):
        return _sandbox_server


@pytest.fixture
def settings(sandbox: str) -> config.Settings:
    """Give settings whose every partner is the sandbox."""
    read = config.read({"DAICHANG_ENV": "test"})
    return replace(read, partner_urls=dict.fromkeys(config.PARTNERS, sandbox))


@pytest.fixture
def surroundings(settings: config.Settings, clock: SetClock, database: Engine):
    """Give what an edge is given: settings, a set clock, and callers to the sandbox."""
    from kernel.surroundings import build

    return build(settings, clock)
