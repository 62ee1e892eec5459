"""Start the processes of the demo and stop every one of them again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import requests

from kernel.config import REPOSITORY

START_SECONDS_MAX: Final = 30
STOP_SECONDS_MAX: Final = 10
POLL_SECONDS: Final = 0.1


class DidNotStart(RuntimeError):
    """A process of the demo ended at once or did not answer in time."""


class Processes:
    """Child processes in sessions of their own, so that one Ctrl-C reaches the parent alone."""

    def __init__(self, log_path: Path) -> None:
        self._log_path = log_path
        self._children: list[tuple[str, subprocess.Popen[bytes]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        ready: str = "",
    ) -> None:
        """Start a Python process and wait until its address answers.

        Raises:
            DidNotStart: it ended, or did not answer in time.
        """
        with self._log_path.open("a", encoding="utf-8") as log:
            child = subprocess.Popen(  # noqa: S603 - our own modules
                [sys.executable, *arguments],
                cwd=REPOSITORY,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._children.append((name, child))
        if ready:
            _wait_until_ready(name, child, ready)

    def ended(self) -> str | None:
        """Name a child that has ended by itself, if any."""
        for name, child in self._children:
            if child.poll() is not None:
                return name
        return None

    def stop(self) -> None:
        """End all children, the last started first; kill those that do not listen."""
        for _, child in reversed(self._children):
            _signal(child, signal.SIGTERM)
        until = time.monotonic() + STOP_SECONDS_MAX
        for _, child in reversed(self._children):
            try:
                child.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal(child, signal.SIGKILL)
                child.wait(STOP_SECONDS_MAX)
        self._children.clear()


def free_port(wanted: int) -> int:
    """Give the wanted port of the loopback address, or any free one when it is taken."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise DidNotStart("no port of the loopback address is free")


def _wait_until_ready(name: str, child: subprocess.Popen[bytes], url: str) -> None:
    until = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < until:
        if child.poll() is not None:
            raise DidNotStart(f"{name} ended with code {child.returncode}; the log says why")
        try:
            if requests.get(url, timeout=1).status_code < 500:
                return
        except requests.RequestException:
            pass
        time.sleep(POLL_SECONDS)
    raise DidNotStart(f"{name} did not answer within {START_SECONDS_MAX} s")


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        return
