"""A PostgreSQL of its own, on disk with fsync, that is crashed, killed, copied and put back."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from demo.processes import free_port
from kernel import db, embedded
from tests.tables import create_tables

BLANK = "blank"
SECONDS_MAX = 60
OWNER = "pgserver"
"""Whose processes PostgreSQL's are when everything else runs as root."""


class Server:
    """A server by pg_ctl; `start` makes it on first use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "postgres"
        self.port = free_port(0)

    def make(self) -> None:
        """Initialise the cluster, with a blank database that has every table."""
        embedded.start(self.folder)
        embedded.stop(self.folder)
        self.start()
        engine = db.open_engine(self.create(BLANK, template="template1"))
        create_tables(engine)
        engine.dispose()

    def start(self) -> None:
        """Start, trying again while the last one's processes have not all gone."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        until = time.monotonic() + SECONDS_MAX
        while True:
            try:
                self._control("-l", str(self._log_inside()), "-o", options, "start")
            except subprocess.CalledProcessError:
                assert time.monotonic() < until, self.log_text()[-2000:]
                time.sleep(0.2)
            else:
                return

    def stop(self, *, mode: str = "immediate") -> None:
        """Stop; `immediate` loses everything that is in flight."""
        if embedded.is_running(self.folder):
            self._control("-m", mode, "stop")

    def start_again(self) -> None:
        """Start a server that may have ended by itself."""
        self.stop()
        self.start()

    def crash(self) -> None:
        """Restart at once, as after a crash."""
        self.stop()
        self.start()

    def kill(self) -> None:
        """Kill the postmaster by SIGKILL and start anew."""
        pid = int((self.data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        self.start()

    def kill_backend(self, database: str) -> bool:
        """Kill one session's process by SIGKILL: the server resets all others and recovers."""
        busiest = text(
            "SELECT pid FROM pg_stat_activity WHERE datname = :name"
            " ORDER BY state = 'idle', random() LIMIT 1"
        )
        try:
            with self._administer() as engine, engine.connect() as connection:
                pid = connection.scalar(busiest, {"name": database})
        except OperationalError:
            return False  # it is recovering from the last one
        if pid is None:
            return False
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:  # its client has just gone
            return False
        return True

    def create(self, name: str, *, template: str = BLANK) -> str:
        """Create a database and give its URL, past any proxy."""
        with self._administer() as engine, engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        return self.url(name)

    def drop(self, name: str) -> None:
        """Drop a database under whoever uses it."""
        with self._administer() as engine, engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))

    def url(self, name: str, *, port: int | None = None) -> str:
        """Give the URL of a database, behind a proxy's port if one is given."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{port or self.port}/{name}"

    def back_up(self, to: Path) -> None:
        """Copy the whole server while it runs."""
        self._run(
            [
                *(str(embedded.binaries() / "pg_basebackup"), "-D", str(self._reachable(to))),
                *("-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"),
                *("-c", "fast", "-X", "stream", "--no-sync"),
            ]
        )

    def restore(self, source: Path) -> None:
        """Put a backup in the place of what there is; the server must have been stopped."""
        shutil.rmtree(self.data)
        # With owners and modes, which PostgreSQL looks at.
        subprocess.run(["cp", "-a", str(source), str(self.data)], check=True, timeout=SECONDS_MAX)
        self.start()

    def setting(self, name: str) -> str:
        """Read a setting of the running server."""
        with self._administer() as engine, engine.connect() as connection:
            return str(connection.scalar(text(f"SHOW {name}")))

    def configure(self, name: str, value: str | None) -> None:
        """Change a setting of the running server, or take it back."""
        change = f"RESET {name}" if value is None else f"SET {name} = '{value}'"
        with self._administer() as engine, engine.connect() as connection:
            connection.execute(text(f"ALTER SYSTEM {change}"))
            connection.execute(text("SELECT pg_reload_conf()"))

    def log_text(self) -> str:
        """Read what the server logged."""
        log = self._log_inside()
        return log.read_text(errors="replace") if log.exists() else ""

    def _log_inside(self) -> Path:
        return self._reachable(self.folder / "logs") / "postgres.log"

    def _reachable(self, folder: Path) -> Path:
        """Make a folder that the server's user may write to."""
        if not folder.exists():
            folder.mkdir(parents=True, mode=0o700)
            if os.geteuid() == 0:
                shutil.chown(folder, OWNER)
        return folder

    def _control(self, *words: str) -> None:
        program = str(embedded.binaries() / "pg_ctl")
        self._run([program, "-w", "-t", str(SECONDS_MAX), "-D", str(self.data), *words])

    def _run(self, command: Sequence[str]) -> None:
        if os.geteuid() == 0:
            command = ["setpriv", f"--reuid={OWNER}", "--clear-groups", *command]
        # To files, not pipes: the postmaster would keep a pipe open.
        subprocess.run(
            command,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=2 * SECONDS_MAX,
            cwd="/",
        )

    @contextmanager
    def _administer(self) -> Iterator[Engine]:
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        try:
            yield engine
        finally:
            engine.dispose()
