"""The strings behind the sandbox, for tests of the money: cards, faults, notices, its own books."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from typing import Any

from kernel.clock import Clock
from kernel.personal import CardNumber
from tests.disbursement import builders as make


@dataclass(frozen=True, slots=True)
class Partners:
    """The sandbox at its control door, at the time of the test's clock."""

    url: str
    clock: Clock

    def fund(self, amount: str = "1000000.00") -> None:
        """Put money into the funding account."""
        self._post("/_control/fund", {"amount": amount})

    def card(
        self,
        number: CardNumber,
        balance: str = "9000.00",
        *,
        name: str = make.NAME,
        fault: str | None = None,
        **changed: object,
    ) -> None:
        """Put a card with a debt into the world, and script its next payment."""
        card = {
            "card_number": number.plain,
            "issuer_code": "CMB",
            "account_type": "credit",
            "state": "open",
            "balance": balance,
            "minimum_due": "100.00",
            "past_due": "100.00",
            "days_past_due": 40,
            "credit_limit": "50000.00",
            "daily_rate": "0.0005",
            "as_of": f"{self.clock.now():%Y-%m-%d}",
            "instalment_offer": None,
        } | changed
        person = {
            "national_id": make.national_id(int(number.plain[6:15])),
            "name": name,
            "mobile": "13900000001",
            "cards": [card],
        }
        self._post("/_control/people", {"people": [person]})
        if fault is not None:
            self.fault(number, fault)

    def fault(self, number: CardNumber, fault: str, **more: object) -> None:
        """Script the next payment to a card."""
        body = {"card_number": number.plain, "fault": fault} | more
        self._post("/_control/faults", body)

    def outage(self, partner: str, mode: str) -> None:
        """Take a partner down, or bring it back."""
        self._post("/_control/outage", {"partner": partner, "mode": mode})

    def books(self) -> dict[str, Any]:
        """Read the channel's own ledger."""
        return self._call("GET", "/_control/books", None)

    def paid_to(self, number: CardNumber) -> int:
        """Add up what the channel paid to a card and did not get back, in fen."""
        return sum(
            order["fen"]
            for order in self.books()["orders"]
            if order["card_last4"] == number.last4
            and order["state"] == "paid"
            and not order["returned"]
        )

    def transfer(self, amount: str, reference: str) -> None:
        """Have somebody transfer money to the funding account."""
        self._post("/_control/transfers", {"amount": amount, "reference": reference})

    def salary(self, number: CardNumber, amount: str) -> None:
        """Put money on a debit card."""
        self._post("/_control/salaries", {"card_number": number.plain, "amount": amount})

    def deliver(self) -> dict[str, int]:
        """Have due notices posted."""
        return self._post("/_control/notices/deliver", {})

    def control(self, path: str, body: dict[str, object] | None) -> dict[str, Any]:
        """Pull any other string: post a body, or look when there is none."""
        return self._call("GET", path, None) if body is None else self._post(path, body)

    def _post(self, path: str, body: dict[str, object]) -> dict[str, Any]:
        return self._call("POST", path, json.dumps(body).encode())

    def _call(self, method: str, path: str, content: bytes | None) -> dict[str, Any]:
        request = urllib.request.Request(
            self.url + path,
            data=content,
            method=method,
            headers={
                "Authorization": "Bearer sandbox-key",
                "Content-Type": "application/json",
                "X-Sandbox-Now": self.clock.now().isoformat(),
            },
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
