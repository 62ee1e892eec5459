"""How much memory a process took."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Final

_STATUS: Final = Path("/proc/self/status")
_MOST: Final = "VmHWM:"


def peak_mb() -> int:
    """Give the most memory that this process ever held, in MB.

    Linux keeps it by process; what `getrusage` tells of a child there is at least what its parent
    held when it was born, so it answers elsewhere alone.
    """
    try:
        lines = _STATUS.read_text(encoding="ascii").splitlines()
        told = next(line for line in lines if line.startswith(_MOST))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return int(told.split()[1]) // 1024
