"""What an edge is given: settings, clock and the ways to the partners."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kernel.clock import Clock, SystemClock
from kernel.config import Settings
from kernel.outbound import Outbound


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Everything around one process: an edge reads from it, a verb never sees it."""

    settings: Settings
    clock: Clock
    outbound: Mapping[str, Outbound]
    """One way per partner, by the names of `config.PARTNERS`."""


def build(settings: Settings, clock: Clock) -> Surroundings:
    """Put a process's surroundings together.

    Raises:
        ValueError: production was given another clock than the machine's.
    """
    if settings.is_production and not isinstance(clock, SystemClock):
        raise ValueError("production runs by the machine's clock alone")
    headers = _partner_headers(settings, clock)
    return Surroundings(
        settings=settings,
        clock=clock,
        outbound={
            name: Outbound(url, headers=headers) for name, url in settings.partner_urls.items()
        },
    )


def _partner_headers(settings: Settings, clock: Clock) -> Callable[[], Mapping[str, str]]:
    def headers() -> Mapping[str, str]:
        found = {"Authorization": f"Bearer {settings.partner_key}"}
        if not settings.is_production:
            found["X-Sandbox-Now"] = clock.now().isoformat()
        return found

    return headers
