"""Everything the outside world remembers, behind one lock."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Final, cast

from flask import current_app

from sandbox.batch.bank import BatchBank
from sandbox.cards import Card
from sandbox.channel.books import Books
from sandbox.channel.notices import Notices
from sandbox.faults import Script
from sandbox.funding import Funding
from sandbox.inbox import Inbox
from sandbox.wire import Refused

EXTENSION: Final = "sandbox"
PEOPLE_MAX: Final = 100_000
CARDS_MAX: Final = 200_000
"""What is kept; more is refused until `POST /_control/reset`."""


class Outage(StrEnum):
    """How a whole partner is down."""

    HTTP_500 = "http_500"
    SILENT = "silent"
    GARBAGE = "garbage"
    OFF = "off"


Event = Mapping[str, str | int | None]
"""One row of a list at the bureau, as it was loaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One entry of a watchlist."""

    list_name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What the partners know about one person; income in fen a month."""

    national_id: str
    name: str
    mobile: str
    figures: Mapping[str, int | float | None] | None
    events: Mapping[str, tuple[Event, ...]]
    """What the bureau tells event by event, by the name of the list; a list it has not is left
    out."""
    monthly_income_fen: int | None
    income_source: str
    employment_months: int
    hits: tuple[Hit, ...]
    is_deceased: bool
    identity_matches: bool
    card_numbers: tuple[str, ...]


@dataclass(slots=True)
class World:
    """The memory of the process; take `lock` to look or to change."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    people: dict[str, Person] = field(default_factory=dict)
    cards: dict[str, Card] = field(default_factory=dict)
    scripts: dict[str, Script] = field(default_factory=dict)
    outages: dict[str, Outage] = field(default_factory=dict)
    books: Books = field(default_factory=Books)
    notices: Notices = field(default_factory=Notices)
    funding: Funding = field(default_factory=Funding)
    inbox: Inbox = field(default_factory=Inbox)
    batch: BatchBank = field(default_factory=BatchBank)
    last_number: int = 0

    def reset(self) -> None:
        """Forget everything."""
        fresh = World()
        for one in fields(self):
            if one.name != "lock":
                setattr(self, one.name, getattr(fresh, one.name))

    def number(self, prefix: str) -> str:
        """Make a number that this world has not given out before."""
        self.last_number += 1
        return f"{prefix}{self.last_number:012d}"

    def require_room(self, people: int, cards: int) -> None:
        """Refuse to grow beyond what fits.

        Raises:
            Refused: the world is full.
        """
        if len(self.people) + people > PEOPLE_MAX:
            raise full("people")
        if len(self.cards) + cards > CARDS_MAX:
            raise full("cards")

    def settle(self, person: Person, cards: tuple[Card, ...]) -> None:
        """Put a person with his cards into the world, in place of an earlier self."""
        earlier = self.people.get(person.national_id)
        for number in earlier.card_numbers if earlier is not None else ():
            if number in self.cards and self.cards[number].holder_id == person.national_id:
                del self.cards[number]
        self.people[person.national_id] = person
        for card in cards:
            self.cards[card.number] = card


def full(what: str) -> Refused:
    """Make the refusal of a world that can hold no more of something."""
    return Refused(
        409, "sandbox_full", f"no more {what} fit; POST /_control/reset empties the sandbox"
    )


def world() -> World:
    """Find the world of the running application."""
    return cast(World, current_app.extensions[EXTENSION])
