"""CPU time by process, so that a ratio can be told apart from what else the machine does."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlalchemy.engine import Engine

ENDING_WAIT_SECONDS: Final = 2

_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
# Positions behind the command's closing bracket, see proc_pid_stat(5).
_PARENT: Final = 1
_OWN: Final = slice(11, 13)
_OWN_AND_ENDED_CHILDREN: Final = slice(11, 15)


def server_of(engine: Engine) -> int | None:
    """Give the process id of the server behind an engine; None when it runs elsewhere."""
    with engine.connect() as connection:
        own = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        stat = _stat(own)
    return int(stat[_PARENT]) if stat and _name(own).startswith("postgres") else None


class Watch:
    """Measures the CPU time of a server, all its backends included, between two moments."""

    def __init__(self, server: int) -> None:
        self._server = server
        self._backends = len(_children(server))
        self._begun = _seconds(server)

    def seconds(self) -> float:
        """Wait for the backends that are ending, whose time counts once they have, and add up."""
        until = time.monotonic() + ENDING_WAIT_SECONDS
        while len(_children(self._server)) > self._backends and time.monotonic() < until:
            time.sleep(0.01)
        return _seconds(self._server) - self._begun


def _seconds(server: int) -> float:
    ticks = sum(map(int, _stat(server)[_OWN_AND_ENDED_CHILDREN]))
    ticks += sum(sum(map(int, stat[_OWN])) for stat in _children(server))
    return ticks / _TICKS_PER_SECOND


def _children(server: int) -> list[list[str]]:
    folders = (folder for folder in Path("/proc").iterdir() if folder.name.isdecimal())
    stats = (_stat(int(folder.name)) for folder in folders)
    return [stat for stat in stats if stat and int(stat[_PARENT]) == server]


def _stat(process_id: int) -> list[str]:
    try:
        line = Path(f"/proc/{process_id}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return line.rpartition(")")[2].split()


def _name(process_id: int) -> str:
    try:
        return Path(f"/proc/{process_id}/comm").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
