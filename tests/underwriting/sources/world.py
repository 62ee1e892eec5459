"""A made-up person in the sandbox, and how to load him there."""

from __future__ import annotations

import json
import urllib.request
from typing import Any
from uuid import UUID

from kernel.personal import CardNumber, Mobile, NationalId, PersonName, check_digit
from tests.underwriting import builders as make
from underwriting.inquiries import AskedCard, AssessmentRequest, Person

FIRST_17 = "11010519900307123"
ID_NUMBER = FIRST_17 + check_digit(FIRST_17)
NAME = "陈测试"
MOBILE = "13800000001"
CARD, DEBIT = "6225880000000001", "6225880000000002"
FIRST_REF = make.ref(1)
PERSON = Person(
    national_id=NationalId.parse(ID_NUMBER),
    name=PersonName.parse(NAME),
    mobile=Mobile.parse(MOBILE),
)


def control(sandbox: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{sandbox}/_control/{path}",
        data=json.dumps(body).encode(),
        headers={
            "Authorization": "Bearer sandbox-key",
            "Content-Type": "application/json",
            "X-Sandbox-Now": make.AT.isoformat(),
        },
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=5) as reply:
        return json.load(reply)


def card(number: str = CARD, **changes: Any) -> dict[str, Any]:
    return {
        "card_number": number,
        "issuer_code": "CMB",
        "account_type": "credit",
        "state": "open",
        "balance": "10000.00",
        "minimum_due": "1000.00",
        "past_due": "300.00",
        "days_past_due": 40,
        "credit_limit": "30000.00",
        "daily_rate": "0.0005",
        **changes,
    }


def load(sandbox: str, *cards: dict[str, Any], **changes: Any) -> None:
    person = {
        "national_id": ID_NUMBER,
        "name": NAME,
        "mobile": MOBILE,
        "figures": {"inquiries_12m": 2, "debt_to_income_pct": 15.5, "shoe_size": 43,
                    "months_since_oldest_instalment": None},
        "monthly_income": "8000.00",
        "income_source": "tax",
        "employment_months": 60,
        "cards": list(cards) or [card()],
        **changes,
    }  # fmt: skip
    control(sandbox, "people", {"people": [person]})


def outage(sandbox: str, partner: str, mode: str) -> None:
    control(sandbox, "outage", {"partner": partner, "mode": mode})


def asked(number: str = CARD, ref: UUID = FIRST_REF, issuer_code: str = "CMB") -> AskedCard:
    return AskedCard(card_ref=ref, issuer_code=issuer_code, number=CardNumber.parse(number))


def request(*cards: AskedCard, **changes: Any) -> AssessmentRequest:
    facts = {
        "application_ref": make.APPLICATION,
        "person": PERSON,
        "identity_matches": True,
        "deceased": False,
        "authorisation_no": "A-1",
        "purpose": make.Purpose.CARD_DEBT,
        "stated_monthly_income": make.yuan("8500.00"),
        "employment_months": 12,
        "essential_costs": make.yuan("2500.00"),
        "cards": cards or (asked(),),
        "lender": make.lender(),
    }
    return AssessmentRequest(**{**facts, **changes})
