"""The telephones of everybody: text messages by mobile number."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

MESSAGES_PER_MOBILE_MAX: Final = 200
MOBILES_MAX: Final = 100_000
REFERENCES_MAX: Final = 200_000
"""The oldest are forgotten first."""


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

    by_mobile: OrderedDict[str, deque[Message]] = field(default_factory=OrderedDict)
    id_of: OrderedDict[str, str] = field(default_factory=OrderedDict)

    def keep(self, mobile: str, message: Message) -> str:
        """Keep a message, once per reference, and tell the id it has."""
        known = self.id_of.get(message.reference)
        if known is not None:
            return known
        self.id_of[message.reference] = message.message_id
        box = self.by_mobile.setdefault(mobile, deque(maxlen=MESSAGES_PER_MOBILE_MAX))
        box.append(message)
        while len(self.id_of) > REFERENCES_MAX:
            self.id_of.popitem(last=False)
        while len(self.by_mobile) > MOBILES_MAX:
            self.by_mobile.popitem(last=False)
        return message.message_id

    def newest_first(self, mobile: str) -> list[Message]:
        """List the messages of a mobile."""
        return list(reversed(self.by_mobile.get(mobile, ())))
