"""The crew: web, two schedulers, the sandbox, each a process; proxies between them and the world."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import psutil
import requests
from sqlalchemy.engine import Engine

from demo.processes import free_port
from kernel import config
from tests.conftest import ROOT
from tests.faults import member
from tests.faults.postgres import Server
from tests.faults.proxy import FaultProxy
from tests.faults.town import Town

WEB, SANDBOX = "web", "sandbox"
SCHEDULERS = ("scheduler-1", "scheduler-2")
OURS = (WEB, *SCHEDULERS)
START_SECONDS_MAX = 60
LEASE_SECONDS = 3


@dataclass
class Process:
    """One process with its children, in a session of its own."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    child: subprocess.Popen[bytes] | None = None
    is_paused: bool = False
    was_killed: bool = False

    def start(self) -> None:
        """Start it, unless it lives."""
        if self.lives:
            return
        self.was_killed = False
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def lives(self) -> bool:
        """Whether it runs, or is paused."""
        return self.child is not None and self.child.poll() is None

    def kill(self) -> None:
        """End it with its children by SIGKILL."""
        self._signal_all(signal.SIGKILL)
        self.was_killed = True
        if self.child is not None:
            self.child.wait(START_SECONDS_MAX)
        self.is_paused = False

    def kill_a_worker(self) -> bool:
        """Kill one of its children by SIGKILL and tell whether it had any."""
        if not self.lives:
            return False
        assert self.child is not None
        children = _children_of(self.child.pid)
        if children:
            with suppress(ProcessLookupError):
                os.kill(children[0], signal.SIGKILL)
        return bool(children)

    def pause(self) -> None:
        """Stop it where it stands, with its children (SIGSTOP)."""
        self._signal_all(signal.SIGSTOP)
        self.is_paused = True

    def resume(self) -> None:
        """Let it go on as if nothing had happened (SIGCONT)."""
        self._signal_all(signal.SIGCONT)
        self.is_paused = False

    def _signal_all(self, number: signal.Signals) -> None:
        if self.child is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.child.pid, number)


@dataclass
class Crew:
    """Everything that runs for one story, and the doors between."""

    folder: Path
    server: Server
    database: str
    town: Town
    engine: Engine
    """The way of this process to the database, past any proxy."""
    to_channel: FaultProxy
    to_partners: FaultProxy
    """To everybody outside but the channel."""
    to_database: FaultProxy
    to_web: FaultProxy
    sandbox_port: int
    processes: dict[str, Process] = field(default_factory=dict)

    @property
    def sandbox_url(self) -> str:
        """The sandbox's own door, past the proxy."""
        return f"http://127.0.0.1:{self.sandbox_port}"

    def start(self, *names: str) -> None:
        """Start these processes, or all that do not live."""
        for name in names or tuple(self.processes):
            self.processes[name].start()
        if SANDBOX in (names or self.processes):
            wait_until_it_answers(f"{self.sandbox_url}/_control/healthz", self.processes[SANDBOX])

    def wait_for_web(self) -> None:
        """Wait until our own door answers."""
        wait_until_it_answers(f"{self.to_web.url}/healthz", self.processes[WEB])

    def revive(self) -> None:
        """Start again what was started before and has ended by itself."""
        for process in self.processes.values():
            if process.child is not None and not process.was_killed:
                process.start()

    def kill(self, *names: str) -> None:
        """Kill these processes, or all."""
        for name in names or tuple(self.processes):
            self.processes[name].kill()

    def command(
        self, *words: str, seconds: float = 120, **changed: str
    ) -> subprocess.CompletedProcess[str]:
        """Type a command of ours at a terminal, past the proxies but for what is changed."""
        environment = self.environment(proxied=False) | changed
        return subprocess.run(
            [*self.member("terminal"), *words],
            cwd=ROOT,
            env={**os.environ, **environment},
            check=False,
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    def start_command(self, *words: str) -> subprocess.Popen[bytes]:
        """Begin a command of ours and go on."""
        with (self.folder / "terminal.log").open("ab") as log:
            return subprocess.Popen(
                [*self.member("terminal"), *words],
                cwd=ROOT,
                env={**os.environ, **self.environment(proxied=False)},
                stdout=log,
                stderr=log,
            )

    def member(self, name: str) -> list[str]:
        """Begin the command line of one of ours."""
        return [sys.executable, "-m", member.__name__, str(self.town.folder), name]

    def environment(self, *, proxied: bool) -> dict[str, str]:
        """Give the settings of one of ours, behind the proxies or past them."""
        database_port = self.to_database.port if proxied else self.server.port
        partners = self.to_partners.url if proxied else self.sandbox_url
        return {
            "DAICHANG_ENV": "test",
            "DAICHANG_HOME": str(self.folder),
            "DATABASE_URL": self.server.url(self.database, port=database_port),
            "DAICHANG_PUBLIC_URL": self.to_web.url,
            "DAICHANG_LEASE_SECONDS": str(LEASE_SECONDS),
            "DAICHANG_JOB_SECONDS_MAX": "1",
            "PYTHONUNBUFFERED": "1",
            **{f"DAICHANG_{name.upper()}_URL": partners for name in config.PARTNERS},
            "DAICHANG_CHANNEL_URL": self.to_channel.url if proxied else self.sandbox_url,
        }

    @property
    def proxies(self) -> tuple[FaultProxy, ...]:
        """Every door between two processes."""
        return (self.to_channel, self.to_partners, self.to_database, self.to_web)

    def heal(self) -> None:
        """End every fault: let everything pass, everybody go on, and all clocks agree."""
        for proxy in self.proxies:
            proxy.heal()
        for process in self.processes.values():
            if process.is_paused:
                process.resume()
            self.town.skew(process.name, timedelta(0))

    def logs(self) -> str:
        """Read everything that any process wrote."""
        files = sorted(self.folder.glob("*.log"))
        written = [file.read_text(errors="replace") for file in files]
        return "\n".join([*written, self.server.log_text()])


@contextmanager
def assembled(
    folder: Path, server: Server, database: str, *, town: Town, engine: Engine
) -> Iterator[Crew]:
    """Put a crew together; nothing of it runs yet, and nothing of it is left at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    sandbox_port, web_port = free_port(0), free_port(0)
    with (
        FaultProxy(sandbox_port) as to_channel,
        FaultProxy(sandbox_port) as to_partners,
        FaultProxy(server.port, speaks_postgres=True) as to_database,
        FaultProxy(web_port) as to_web,
    ):
        crew = Crew(
            folder=folder,
            server=server,
            database=database,
            town=town,
            engine=engine,
            to_channel=to_channel,
            to_partners=to_partners,
            to_database=to_database,
            to_web=to_web,
            sandbox_port=sandbox_port,
        )
        ours = crew.environment(proxied=True)
        commands = {
            WEB: [*crew.member(WEB), "run", "--port", str(web_port), "--workers", "2"],
            **{name: [*crew.member(name), "scheduler"] for name in SCHEDULERS},
            SANDBOX: [
                *(sys.executable, "-m", "sandbox.serve", "--port", str(sandbox_port)),
                *("--journal", str(folder / "sandbox.journal")),
            ],
        }
        for name, command in commands.items():
            crew.processes[name] = Process(name, command, ours, folder / f"{name}.log")
        try:
            yield crew
        finally:
            crew.kill()


def wait_until_it_answers(url: str, process: Process) -> None:
    """Wait until a door answers anything at all, starting the process again if it ended."""
    until = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < until:
        process.start()
        try:
            if requests.get(url, timeout=2).status_code < 500:
                return
        except requests.RequestException:
            pass
        time.sleep(0.05)
    raise AssertionError(f"{process.name} does not answer:\n{process.log.read_text()[-2000:]}")


def _children_of(pid: int) -> list[int]:
    with suppress(psutil.NoSuchProcess):
        return [child.pid for child in psutil.Process(pid).children()]
    return []
