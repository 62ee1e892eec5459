"""What is there when a seed begins: the funder's money, a debtor with his cards, their faults."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from random import Random
from typing import Any

from disbursement import accounts, ledger
from disbursement.ledger import Posting
from kernel.clock import business_day
from kernel.db import transaction
from kernel.money import Money
from kernel.personal import CardNumber
from tests.disbursement import builders as make
from tests.simulation.outside import Outside
from tests.simulation.plan import Plan
from tests.simulation.storage import Storage, identity


def set_up(plan: Plan, outside: Outside) -> None:
    """Fill the empty tables and the empty world."""
    _in_the_books(plan)
    door = "/fund" if plan.funder == "hxcf" else "/batch/fund"
    outside.control(door, {"amount": plan.funds})
    person = {
        "national_id": make.national_id(1),
        "name": make.NAME,
        "mobile": "13900000001",
        "cards": [
            *(_card(one.number, one.balance, plan.starts_at) for one in plan.targets()),
            *(
                _card(plan.debit_card(loan), plan.debit_balance, plan.starts_at, kind="debit")
                for loan in range(len(plan.loans))
            ),
        ],
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
    for loan, fault in enumerate(plan.debit_faults if plan.due_dates else ()):
        if fault is not None:
            outside.counts[f"debit card: {fault}"] += 1
            body = {"card_number": plan.debit_card(loan).plain, "fault": fault}
            outside.control("/faults", body)


def tamper(storage: Storage, random: Random, counts: Counter[str]) -> None:
    """Alter or spoil a payee in the database, past every door."""
    card = random.choice(
        ("(SELECT card FROM payout_leg ORDER BY id DESC LIMIT 1)", "'\\x00'::bytea")
    )
    count = storage.alter(
        f"UPDATE payout_leg SET card = {card} "
        "WHERE id = (SELECT id FROM payout_leg WHERE status IN ('planned', 'approved') "
        "ORDER BY id LIMIT 1) AND (SELECT count(*) FROM payout_leg) > 1"
    )
    if count:
        counts["card altered or spoilt in the database"] += count


def _in_the_books(plan: Plan) -> None:
    at = plan.starts_at
    with transaction() as session:
        make.lender(session, code=plan.funder)
        bank, capital = accounts.funding_bank(plan.funder), accounts.capital(plan.funder)
        accounts.open_all(session, (bank, capital), at=at)
        deposit = Posting(
            id=identity(plan.seed, "deposit"),
            debit=bank,
            credit=capital,
            amount=Money.yuan(plan.funds),
            reason="funding",
            event_ref=identity(plan.seed, "funding"),
            value_date=business_day(at),
        )
        ledger.post(session, deposit, at=at)


def _card(
    number: CardNumber, balance: str, at: datetime, *, kind: str = "credit"
) -> dict[str, Any]:
    return {
        "card_number": number.plain,
        "issuer_code": "CMB",
        "account_type": kind,
        "state": "open",
        "balance": balance,
        "minimum_due": "100.00",
        "past_due": "100.00",
        "days_past_due": 40,
        "credit_limit": "50000.00",
        "daily_rate": "0.0005",
        "as_of": f"{at:%Y-%m-%d}",
        "instalment_offer": None,
    }
