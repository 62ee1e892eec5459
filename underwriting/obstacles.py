"""What may stand in the way of an assessment, so that a person knows what to see to. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """Why no assessment could be made."""

    SOURCE_SILENT = "source_silent"
    """Asked again for two hours, and there was no answer that could be read."""
    SOURCE_REFUSED = "source_refused"
    """The source does not accept the question."""
    CONSENT_MISSING = "consent_missing"
    """A consent without which nobody may look was taken back, or is too old."""
    NO_LENDER = "no_lender"
    """No funder has a product."""
    QUOTES_EXPIRED = "quotes_expired"
    """The issuers' quotes held no longer when the offer was to be made."""
    FAULT = "fault"
    """A fault of ours; the log has it."""
    UNTOLD = "untold"
    """From before causes were kept."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What stood in the way, and which source it was where it was one."""

    cause: Cause
    source: str = ""

    def body(self) -> dict[str, str]:
        """Write it as it stands in the event log."""
        return {"cause": self.cause.value, "source": self.source}


def read(body: dict[str, str]) -> Obstacle:
    """Read what the event log tells of one."""
    return Obstacle(Cause(body.get("cause", Cause.UNTOLD)), body.get("source", ""))
