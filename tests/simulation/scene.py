"""What is there when a seed begins: the funder's money, a debtor with his cards, their faults."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from disbursement import accounts, ledger
from disbursement.ledger import Posting
from kernel.clock import business_day
from kernel.db import transaction
from kernel.money import Money
from tests.disbursement import builders as make
from tests.simulation.outside import Outside
from tests.simulation.plan import Plan, Target
from tests.simulation.storage import identity

BANK: Final = accounts.funding_bank("hxcf")
CAPITAL: Final = accounts.capital("hxcf")


def set_up(plan: Plan, outside: Outside) -> None:
    """Fill the empty tables and the empty world."""
    _in_the_books(plan)
    outside.control("/fund", {"amount": plan.funds})
    person = {
        "national_id": make.national_id(1),
        "name": make.NAME,
        "mobile": "13900000001",
        "cards": [_card(target, plan.starts_at) for target in plan.targets()],
    }
    outside.control("/people", {"people": [person]})
    for target in plan.targets():
        if target.fault is not None:
            outside.counts[f"card: {target.fault}"] += 1
            body = {
                "card_number": target.number.plain,
                "fault": target.fault,
                "return_after_days": target.return_after_days,
            }
            outside.control("/faults", body)


def _in_the_books(plan: Plan) -> None:
    at = plan.starts_at
    with transaction() as session:
        make.lender(session)
        accounts.open_all(session, (BANK, CAPITAL), at=at)
        deposit = Posting(
            id=identity(plan.seed, "deposit"),
            debit=BANK,
            credit=CAPITAL,
            amount=Money.yuan(plan.funds),
            reason="funding",
            event_ref=identity(plan.seed, "funding"),
            value_date=business_day(at),
        )
        ledger.post(session, deposit, at=at)


def _card(target: Target, at: datetime) -> dict[str, Any]:
    return {
        "card_number": target.number.plain,
        "issuer_code": "CMB",
        "account_type": "credit",
        "state": "open",
        "balance": target.balance,
        "minimum_due": "100.00",
        "past_due": "100.00",
        "days_past_due": 40,
        "credit_limit": "50000.00",
        "daily_rate": "0.0005",
        "as_of": f"{at:%Y-%m-%d}",
        "instalment_offer": None,
    }
