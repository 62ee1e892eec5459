"""The outside of an application: its person and cards in the sandbox, a lender, and a model."""

from __future__ import annotations

import json
import time
import urllib.request
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from disbursement import approvals, legs, matches, payoffs, payouts, sending
from disbursement.channels.channel import Outcome, Receipt
from disbursement.records.payouts import LegStatus
from kernel import db
from kernel.actors import Actor, Role
from kernel.events import Event, EventCursor
from kernel.personal import CardNumber
from kernel.surroundings import Surroundings
from origination import applicants, assessing, contracts, followers
from origination.records.applications import Application
from origination.records.facts import StuckFact
from origination.records.messages import Message
from origination.records.webhooks import WebhookMessage
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


def fund(sandbox: str, amount: str = "500000.00") -> None:
    control(sandbox, "fund", {"amount": amount})


def follow(surroundings: Surroundings) -> int:
    """Act on every fact there is; a transaction of anybody on the server may hold a fact back."""
    done, until = 0, time.monotonic() + 20
    while True:
        done += followers.run(surroundings)
        with db.transaction() as session:
            last = session.scalar(select(func.max(Event.id))) or 0
            read = session.scalar(select(EventCursor.last_id)) or 0
            stuck = session.scalar(
                select(func.count())
                .select_from(StuckFact)
                .where(StuckFact.parked_at.is_(None), StuckFact.settled_at.is_(None))
            )
        if read >= last or stuck or time.monotonic() > until:
            return done
        time.sleep(0.02)


def signed(
    surroundings: Surroundings, person: Person = SOMEBODY, *, numbers: Any = None
) -> Application:
    """An application that was assessed and signed through the verbs, with its loan placed."""
    application = waiting(person, numbers=numbers)
    assessing.run(surroundings)
    with db.transaction() as session:
        mine = applicants.get(session, application.id)
        then = make.ready_to_sign(session, mine, at=surroundings.clock.now())
    surroundings.clock.advance_to(then)
    with db.transaction() as session:
        mine = applicants.get(session, application.id)
        contracts.sign(session, mine, evidence={}, by=make.by_debtor(mine), at=then)
    return make.again(application.id)


def approve(surroundings: Surroundings, application: Application) -> list[UUID]:
    """Approve every leg that waits, by as many people as its amount wants."""
    with db.transaction() as session:
        waiting_legs = [
            leg.id
            for leg in legs.of_loan(session, application.loan_id)
            if leg.status in {LegStatus.PLANNED, LegStatus.REQUOTE_NEEDED}
        ]
    for leg_id in waiting_legs:
        for by in (Actor(Role.FINANCE_MAKER, "li"), Actor(Role.FINANCE_CHECKER, "wang")):
            with db.transaction() as session:
                leg = approvals.approve(session, leg_id, by=by, at=surroundings.clock.now())
            if leg.status is LegStatus.APPROVED:
                break
    return waiting_legs


def pay(surroundings: Surroundings, application: Application) -> list[UUID]:
    """Approve and send every leg, and ask until each is decided."""
    sent = approve(surroundings, application)
    sending.send_due(surroundings)
    surroundings.clock.advance(timedelta(minutes=4))
    sending.query_due(surroundings)
    return sent


def return_(surroundings: Surroundings, leg_id: UUID) -> None:
    """Let the channel say that a payment came back."""
    with db.transaction() as session:
        leg = legs.lock(session, leg_id)
        receipt = Receipt(outcome=Outcome.RETURNED, code="RT", text="returned", amount=leg.amount)
        payouts.record(session, leg_id, receipt, source="file", at=surroundings.clock.now())


def verify(surroundings: Surroundings, leg_id: UUID) -> None:
    """Let a payment be matched and its issuer say that the card is clear."""
    at = surroundings.clock.now()
    with db.transaction() as session:
        matches.match_all(session, [leg_id], by=make.SYSTEM, at=at)
        payoffs.verify(session, leg_id, letter_no="L1", by=make.SYSTEM, at=at)


def told_agency() -> list[str]:
    """The states the agency was told, in order."""
    with db.transaction() as session:
        return [
            str(state)
            for state in session.scalars(select(WebhookMessage.state).order_by(WebhookMessage.id))
        ]


def told_debtor() -> list[str]:
    """The templates of the messages to the debtor by name, but for codes and invitations."""
    with db.transaction() as session:
        return [
            template
            for template in session.scalars(select(Message.template).order_by(Message.template))
            if not template.endswith("_code") and template != "invitation"
        ]
