"""Put the demo's world together: database, sandbox, a clock of its own, the web in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from flask import Flask
from sqlalchemy import text
from werkzeug.serving import make_server

from demo.processes import Processes, free_port
from demo.town import Town
from kernel import config, database, db, embedded, migrations, sealing
from kernel.clock import SetClock
from kernel.config import Settings
from kernel.surroundings import Surroundings, build

DATABASE_NAME: Final = "daichang_demo"
WEB_PORT: Final = 8900
SANDBOX_PORT: Final = 8901
LOG_NAME: Final = "demo.log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything around one telling of the demo."""

    settings: Settings
    surroundings: Surroundings
    clock: SetClock
    town: Town
    processes: Processes
    web_port: int
    sandbox_url: str

    @property
    def environment(self) -> dict[str, str]:
        """What a process of ours must be told to join this stage."""
        assert self.settings.database_url is not None
        return {
            "DAICHANG_ENV": "development",
            "DAICHANG_HOME": str(self.settings.home),
            "DATABASE_URL": self.settings.database_url,
            "DAICHANG_PUBLIC_URL": self.settings.public_url,
            **{f"DAICHANG_{name.upper()}_URL": self.sandbox_url for name in config.PARTNERS},
        }


@contextmanager
def set_up(home: Path, clock: SetClock) -> Iterator[Stage]:
    """Start an empty migrated database and a sandbox; stop both when the block ends."""
    ran_before = embedded.is_running(home)
    server = embedded.start(home)
    try:
        with Processes(home / LOG_NAME) as processes:
            yield _stage(home, server, clock, processes)
    finally:
        if not ran_before:
            embedded.stop(home)


@contextmanager
def web_on(stage: Stage, create_app: Callable[[Surroundings], Flask]) -> Iterator[None]:
    """Serve the web in this process, on the story's clock, while the block runs."""
    server = make_server("127.0.0.1", stage.web_port, create_app(stage.surroundings), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _stage(home: Path, server: str, clock: SetClock, processes: Processes) -> Stage:
    database_url = database.recreate(server, DATABASE_NAME)
    engine = db.open_engine(database_url)
    with engine.begin() as connection:
        # The next telling throws this database away; it need not survive a power cut.
        connection.execute(text(f"ALTER DATABASE {DATABASE_NAME} SET synchronous_commit = off"))
    engine.dispose()
    migrations.upgrade(engine)
    db.bind(engine)
    web_port, sandbox_port = free_port(WEB_PORT), free_port(SANDBOX_PORT)
    sandbox_url = f"http://127.0.0.1:{sandbox_port}"
    processes.start(
        "sandbox",
        ["-m", "sandbox.serve", "--port", str(sandbox_port)],
        environment={},
        ready=f"{sandbox_url}/_control/healthz",
    )
    settings = replace(
        config.read({"DAICHANG_ENV": "development", "DAICHANG_HOME": str(home)}),
        database_url=database_url,
        public_url=f"http://127.0.0.1:{web_port}",
        partner_urls=dict.fromkeys(config.PARTNERS, sandbox_url),
    )
    sealing.bind(sealing.Keyring(settings.seal_keys, settings.index_key))
    surroundings = build(settings, clock)
    return Stage(
        settings=settings,
        surroundings=surroundings,
        clock=clock,
        town=Town(surroundings.outbound["bank"]),
        processes=processes,
        web_port=web_port,
        sandbox_url=sandbox_url,
    )
