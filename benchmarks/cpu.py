"""CPU time by process, so that a ratio can be told apart from what else the machine does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlalchemy.engine import Engine

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


def seconds_of_server(process_id: int) -> float:
    """Add up the CPU time of a server and of all its backends, also those that have ended."""
    ticks = sum(map(int, _stat(process_id)[_OWN_AND_ENDED_CHILDREN]))
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            stat = _stat(int(folder.name))
            if stat and int(stat[_PARENT]) == process_id:
                ticks += sum(map(int, stat[_OWN]))
    return ticks / _TICKS_PER_SECOND


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
