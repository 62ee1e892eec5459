"""The time of the town: one clock for everybody, which a test moves, and each process's error.

The machine's clock runs on underneath, so time passes by itself as well. What a process believes
is the town's time and its own skew; the partners outside go by the town's time alone.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

TOWN = "town"
_FORMAT = struct.Struct("!q")


@dataclass(frozen=True, slots=True)
class TownClock:
    """The time as one process believes it is; without a name, as it really is."""

    folder: Path
    process: str | None = None

    def now(self) -> datetime:
        """Tell the time."""
        shift = _read(self.folder / TOWN)
        if self.process is not None:
            shift += _read(self.folder / self.process)
        return datetime.now(UTC) + timedelta(microseconds=shift)


@dataclass(frozen=True, slots=True)
class Town:
    """Whoever moves the time."""

    folder: Path

    @property
    def clock(self) -> TownClock:
        """The clock on the tower."""
        return TownClock(self.folder)

    def set(self, at: datetime) -> None:
        """Begin the story at a time."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _write(self.folder / TOWN, at - datetime.now(UTC))

    def advance(self, by: timedelta) -> datetime:
        """Let time pass for everybody at once."""
        assert by >= timedelta(0), "time does not run backwards"
        shift = timedelta(microseconds=_read(self.folder / TOWN))
        _write(self.folder / TOWN, shift + by)
        return self.clock.now()

    def advance_to(self, at: datetime) -> datetime:
        """Let time pass until `at`; a time that has passed already changes nothing."""
        return self.advance(max(at - self.clock.now(), timedelta(0)))

    def skew(self, process: str, by: timedelta) -> None:
        """Let one process's clock jump: fast by so much, or slow when it is negative."""
        _write(self.folder / process, by)


def _read(path: Path) -> int:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return 0
    return int(_FORMAT.unpack(content)[0]) if len(content) == _FORMAT.size else 0


def _write(path: Path, shift: timedelta) -> None:
    # Replaced whole: a reader sees the old time or the new one.
    made = path.with_name(f".{path.name}")
    made.write_bytes(_FORMAT.pack(round(shift / timedelta(microseconds=1))))
    made.replace(path)
