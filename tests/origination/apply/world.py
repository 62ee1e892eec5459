"""The outside of an application: its person and cards in the sandbox, a lender, and a model."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from kernel import db
from kernel.personal import CardNumber
from origination.records.applications import Application
from tests.origination.apply import builders as make
from tests.origination.apply.builders import Person
from tests.underwriting.models.rows import trained
from underwriting.models import registry

AT = make.NOON
SOMEBODY = Person()


def control(sandbox: str, path: str, body: dict[str, Any], *, at: Any = AT) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{sandbox}/_control/{path}",
        data=json.dumps(body).encode(),
        headers={
            "Authorization": "Bearer sandbox-key",
            "Content-Type": "application/json",
            "X-Sandbox-Now": at.isoformat(),
        },
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=5) as reply:
        return json.load(reply)


def card(number: CardNumber, **changes: Any) -> dict[str, Any]:
    return {
        "card_number": number.plain,
        "issuer_code": "CMB",
        "account_type": "credit",
        "state": "open",
        "balance": "9000.00",
        "minimum_due": "900.00",
        "past_due": "900.00",
        "days_past_due": 45,
        "credit_limit": "20000.00",
        "daily_rate": "0.0005",
        **changes,
    }


def load(sandbox: str, person: Person = SOMEBODY, *cards: dict[str, Any], **changes: Any) -> None:
    known = {
        "national_id": person.national_id.plain,
        "name": person.name.plain,
        "mobile": person.mobile.plain,
        "figures": {"inquiries_12m": 1, "card_utilisation_pct": 20.5, "debt_to_income_pct": 9.25},
        "monthly_income": "8000.00",
        "income_source": "tax",
        "employment_months": 60,
        "cards": list(cards) or [card(person.card())],
        **changes,
    }
    control(sandbox, "people", {"people": [known]})


def outage(sandbox: str, partner: str, mode: str) -> None:
    control(sandbox, "outage", {"partner": partner, "mode": mode})


def open_for_business() -> None:
    """A lender with a product, and a model in service."""
    with db.transaction() as session:
        make.lender(session)
        model = registry.register(session, trained(), by=make.SYSTEM, at=AT)
        registry.publish(session, model, by=make.SYSTEM, at=AT)


def waiting(person: Person = SOMEBODY, **more: Any) -> Application:
    """An application that was just submitted and committed."""
    with db.transaction() as session:
        return make.submitted(session, person, **more)
