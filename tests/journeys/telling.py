"""The demo as a person starts it: a process of its own, in a home of its own."""

from __future__ import annotations

import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.conftest import ROOT

URL = re.compile(r"http://127\.0\.0\.1:(\d+)")


@contextmanager
def home_of_its_own() -> Iterator[Path]:
    """Give a folder that PostgreSQL's own user may enter; what still runs in it is ended after."""
    folder = Path(tempfile.mkdtemp(prefix="daichang-demo-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        for process in running_in(folder):
            with suppress(psutil.Error):
                process.kill()
        shutil.rmtree(folder, ignore_errors=True)


def running_in(home: Path) -> list[psutil.Process]:
    """List the processes that were told of a home: by their environment or their words."""
    return [
        process
        for process in psutil.process_iter()
        if process.pid != os.getpid() and _is_of(process, str(home))
    ]


def left_in(home: Path, *, seconds: float = 5.0) -> list[str]:
    """Name the processes that are still there after a moment in which the last may end."""
    until = time.monotonic() + seconds
    while (running := running_in(home)) and time.monotonic() < until:
        time.sleep(0.1)
    return names(running)


def names(processes: Iterable[psutil.Process]) -> list[str]:
    """Name processes as they are now."""
    found = []
    for process in processes:
        with suppress(psutil.Error):
            found.append(process.name())
    return found


def _is_of(process: psutil.Process, home: str) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        told = [*process.cmdline(), process.environ().get("DAICHANG_HOME", "")]
    except psutil.Error:
        return False
    return any(home in word for word in told)


def command(home: Path, *words: str) -> tuple[list[str], dict[str, str]]:
    """Write the command and its environment: nothing of ours but the home."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("DAICHANG_") and name != "DATABASE_URL"
    }
    environment |= {"DAICHANG_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    return [sys.executable, "-m", "wsgi", "demo", *words], environment


def tell(home: Path, *words: str, seconds: float) -> subprocess.CompletedProcess[str]:
    """Run the demo to its end."""
    arguments, environment = command(home, *words)
    return subprocess.run(
        arguments,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


@dataclass
class OpenDemo:
    """A demo that goes on until it is told to end."""

    process: subprocess.Popen[str]
    lines: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)
    shown: list[str] = field(default_factory=list)

    def wait_for(self, words: str, *, seconds: float) -> None:
        """Read what it prints until a line holds the words."""
        until = time.monotonic() + seconds
        while not any(words in line for line in self.shown):
            left = until - time.monotonic()
            assert left > 0, f"{words!r} was not printed in time: {self.shown[-20:]}"
            with suppress(queue.Empty):
                self.shown.append(self.lines.get(timeout=min(left, 1)))
            assert self.process.poll() is None or not self.lines.empty(), self.shown[-20:]

    def rest(self) -> list[str]:
        """Give everything it printed, once it has ended."""
        while not self.lines.empty():
            self.shown.append(self.lines.get())
        return self.shown

    def ports(self) -> set[int]:
        """Collect the ports it has printed."""
        return {int(port) for line in self.shown for port in URL.findall(line)}

    def end(self, number: signal.Signals, *, seconds: float) -> int:
        """Send a signal as a terminal or a supervisor would, and give the exit code."""
        if number is signal.SIGINT:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        return self.process.wait(seconds)


@contextmanager
def left_open(home: Path, *words: str) -> Iterator[OpenDemo]:
    """Start the demo in a process group of its own."""
    arguments, environment = command(home, *words)
    with subprocess.Popen(
        arguments,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        demo = OpenDemo(process)
        reader = threading.Thread(target=_read, args=(demo,), daemon=True)
        reader.start()
        try:
            yield demo
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(10)
            for left in running_in(home):
                with suppress(psutil.Error):
                    left.kill()
            reader.join(10)


def _read(demo: OpenDemo) -> None:
    assert demo.process.stdout is not None
    for line in demo.process.stdout:
        demo.lines.put(line)


def answering(ports: Iterable[int]) -> set[int]:
    """Give the ports at which somebody still listens."""
    found = set()
    for port in ports:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                found.add(port)
    return found
