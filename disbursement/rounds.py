"""One round of a loop over work: until there is none, too much, or the partner is silent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from kernel import logs

RUN_MAX: Final = 500
"""Items in one run of a job; the next run takes the rest."""
SILENCES_MAX: Final = 3
"""So many silent answers in a row and the run ends: the partner is down, the work can wait."""

log = logs.logger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """What one turn of a loop came to."""

    done: int = 0
    was_silent: bool = False


def run(one: Callable[[], Step | None], *, kind: str) -> int:
    """Take turns until one finds no work, and count what was done; `kind` names it in the log."""
    done = silences = 0
    for _ in range(RUN_MAX):
        step = one()
        if step is None:
            break
        done += step.done
        silences = silences + 1 if step.was_silent else 0
        if silences >= SILENCES_MAX:
            log.warning("round.partner_silent", work=kind, silences=silences)
            break
    return done
