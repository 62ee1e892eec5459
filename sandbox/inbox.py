"""The telephones of everybody: text messages by mobile number."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

MESSAGES_MAX: Final = 200_000
"""Messages taken, by reference; forgetting one would let it be sent twice."""

SHOWN_PER_MOBILE_MAX: Final = 200
"""A telephone shows its newest; older ones scroll away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One text message."""

    message_id: str
    text: str
    reference: str
    sent_at: datetime


@dataclass(slots=True)
class Inbox:
    """All messages, and the references under which they were sent."""

    by_mobile: dict[str, deque[Message]] = field(default_factory=dict)
    id_of: dict[str, str] = field(default_factory=dict)

    def is_full(self) -> bool:
        """Tell whether no more messages fit."""
        return len(self.id_of) >= MESSAGES_MAX

    def find(self, reference: str) -> str | None:
        """Tell the id of the message that was sent under a reference."""
        return self.id_of.get(reference)

    def keep(self, mobile: str, message: Message) -> None:
        """Keep a message that was not sent before."""
        self.id_of[message.reference] = message.message_id
        self.by_mobile.setdefault(mobile, deque(maxlen=SHOWN_PER_MOBILE_MAX)).append(message)

    def newest_first(self, mobile: str) -> list[Message]:
        """List the messages of a mobile."""
        return list(reversed(self.by_mobile.get(mobile, ())))
