"""The demo's hold on the sandbox: load its people, script its faults, read its books."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from demo import identities
from demo.people import Card, Person
from kernel.money import ZERO, Money
from kernel.outbound import Outbound
from kernel.personal import CardNumber
from underwriting.features import catalogue

PEOPLE_A_CALL: Final = 500
MESSAGE_SECONDS_MAX: Final = 20
MESSAGE_POLL_SECONDS: Final = 0.02
BUREAU_FIGURES: Final = frozenset(feature.name for feature in catalogue.BUREAU)


class Town:
    """The sandbox's control desk, spoken to over HTTP like everything else there."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    def settle(self, people: Sequence[Person], *, as_of: str, funding: Money) -> None:
        """Forget everything, load the people with their cards, and fill the funding account."""
        self._post("/_control/reset", {})
        remaining = iter(people)
        while batch := list(islice(remaining, PEOPLE_A_CALL)):
            self._post(
                "/_control/people", {"people": [_as_inhabitant(p, as_of=as_of) for p in batch]}
            )
        self._post("/_control/fund", {"amount": str(funding)})

    def script(self, card: CardNumber, fault: str, *, return_after_days: int = 1) -> None:
        """Make the next payment to or from a card go wrong in a named way."""
        self._post(
            "/_control/faults",
            {
                "card_number": card.plain,
                "fault": fault,
                "return_after_days": return_after_days,
            },
        )

    def give(self, card: CardNumber, amount: Money) -> None:
        """Put money on a debit card, as a family or an employer would."""
        self._post("/_control/salaries", {"card_number": card.plain, "amount": str(amount)})

    def deliver_notices(self) -> Mapping[str, Any]:
        """Let the channel deliver the notices that are due."""
        return self._post("/_control/notices/deliver", {})

    def books(self) -> Mapping[str, Any]:
        """Read the channel's own ledger."""
        return self._outbound.get("/_control/books").json()

    def messages(self, person: Person) -> Iterator[str]:
        """Read a person's messages, newest first."""
        reply = self._outbound.get(f"/sms/inbox/{person.mobile.plain}.json")
        for message in json.loads(reply.body):
            yield message["text"]

    def wait_for_message(self, person: Person, pattern: re.Pattern[str]) -> str:
        """Give the first group of the newest message that fits, waiting for it a little.

        Raises:
            LookupError: no such message arrives in time.
        """
        until = time.monotonic() + MESSAGE_SECONDS_MAX
        while time.monotonic() < until:
            for text in self.messages(person):
                found = pattern.search(text)
                if found:
                    return found.group(1)
            time.sleep(MESSAGE_POLL_SECONDS)
        raise LookupError("no such message has arrived")

    def _post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        reply = self._outbound.post_json(path, body)
        if reply.status >= 300:
            raise RuntimeError(f"the sandbox answered {reply.status} to {path}: {reply.json()}")
        return reply.json()


def _as_inhabitant(person: Person, *, as_of: str) -> dict[str, Any]:
    proven = person.income_is_proven and person.monthly_income is not None
    return {
        "national_id": person.national_id.plain,
        "name": person.name.plain,
        "mobile": person.mobile.plain,
        "figures": {
            name: None if value is None else _number(value)
            for name, value in person.figures.items()
            if name in BUREAU_FIGURES
        },
        "monthly_income": str(person.monthly_income) if proven else None,
        "income_source": "social_insurance",
        "employment_months": person.employment_months,
        "watchlist": [{"list": "simulated", "reason": "litigation"}] if person.watchlisted else [],
        "deceased": False,
        "identity_matches": True,
        "cards": [
            *(_as_account(card, as_of=as_of) for card in person.cards),
            _as_wages_account(person, as_of=as_of),
        ],
    }


def _as_account(card: Card, *, as_of: str) -> dict[str, Any]:
    return {
        "card_number": card.number.plain,
        "issuer_code": card.issuer_code,
        "account_type": "credit",
        "state": "open",
        "balance": str(card.balance),
        "minimum_due": str(card.minimum_due),
        "past_due": str(card.past_due),
        "days_past_due": card.days_past_due,
        "credit_limit": str(card.credit_limit),
        "daily_rate": str(card.daily_rate),
        "as_of": as_of,
        "instalment_offer": card.offer,
    }


def _as_wages_account(person: Person, *, as_of: str) -> dict[str, Any]:
    """Give everybody a debit card on which his wages of two months lie."""
    wages = person.monthly_income or ZERO
    return {
        "card_number": identities.debit_card_number(person.reference).plain,
        "issuer_code": identities.DEBIT_ISSUER,
        "account_type": "debit",
        "balance": str(wages + wages),
        "as_of": as_of,
    }


def _number(value: Decimal) -> int | float:
    whole = int(value)
    return whole if whole == value else float(value)
