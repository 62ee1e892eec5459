"""Senders killed by SIGKILL wherever they are: nothing is paid twice, nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from demo import figures
from demo.town import Town
from disbursement import accounts, approvals, fetching, ledger, legs, loans, sending
from disbursement.ledger import Posting
from disbursement.records.loans import Loan, LoanStatus
from disbursement.records.payouts import LegStatus, PayoutLeg
from kernel.clock import business_day, shanghai
from kernel.db import transaction
from kernel.money import Money
from tests.conftest import ROOT
from tests.disbursement import builders as make
from tests.disbursement.partners import Partners
from tests.journeys import worker

pytestmark = pytest.mark.slow

LOANS, CARDS = 3, 5
ROUNDS = 6
QUIET_DAYS = 4
CAPITAL = Money.yuan("1000000.00")
FAULTS = (
    "silent_paid", "http_500_paid", "silent_lost", "query_lags", "late", "refuse_61",
    "return_later",
)  # fmt: skip
ENDS = {
    "paid": LegStatus.MATCHED,
    "returned": LegStatus.RETURNED,
    "refused": LegStatus.FAILED,
    None: LegStatus.FAILED,
}
"""How a leg must stand by what the channel's own books say of its order."""


@pytest.fixture
def partners(sandbox, clock) -> Partners:
    """The world outside, with a funding account that our books know."""
    behind = Partners(sandbox, clock)
    behind.fund(str(CAPITAL))
    return behind


@pytest.mark.parametrize("seed", [20261120, 7])
def test_senders_killed_at_random_moments_pay_each_card_once_or_not_at_all(  # noqa: PLR0917 - fixtures
    surroundings, clock, database, partners, seed
):
    random = Random(seed)
    place(partners, clock, random)

    left = []
    for _ in range(ROUNDS):
        kill_one(database, partners, clock, random)
        left.append(unfinished())
        clock.advance(timedelta(minutes=4))
    let_quiet_days_go_by(surroundings, clock)

    assert left[0] > 0, "the first one was killed over its work"
    assert_agrees_with_the_channel(partners)
    with transaction() as session:
        assert ledger.check_books(session) == []
        assert figures.four_sides(session, Town(surroundings.outbound["bank"])).agree


def place(partners: Partners, clock: Any, random: Random) -> None:
    """Place and approve the loans, and let a third of the payments go wrong besides."""
    at = clock.now()
    with transaction() as session:
        make.lender(session)
        bank, capital = accounts.funding_bank("hxcf"), accounts.capital("hxcf")
        accounts.open_all(session, [bank, capital], at=at)
        paid_in = Posting(
            id=uuid4(),
            debit=bank,
            credit=capital,
            amount=CAPITAL,
            reason="capital paid in",
            event_ref=uuid4(),
            value_date=business_day(at),
        )
        ledger.post(session, paid_in, at=at)
    for number in range(LOANS):
        serials = range(number * CARDS + 1, (number + 1) * CARDS + 1)
        for serial in serials:
            fault = random.choice(FAULTS) if random.random() < 1 / 3 else None
            partners.card(make.card_number(serial), "1000.00", fault=fault)
        with transaction() as session:
            order = make.loan_order(*(make.leg_order(serial, "2000.00") for serial in serials))
            loan = loans.place(session, order, by=make.DEBTOR, at=at)
            for leg in legs.of_loan(session, loan.id):
                approvals.approve(session, leg.id, by=make.MAKER, at=at)


def kill_one(database: Any, partners: Partners, clock: Any, random: Random) -> None:
    """Let a sender do a few steps and a little more, and kill it."""
    url = database.url.render_as_string(hide_password=False)
    steps, more_seconds = random.randrange(4), random.random() / 10
    with subprocess.Popen(
        [sys.executable, "-m", worker.__name__, url, partners.url, clock.now().isoformat()],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            watch(process, steps=steps)
            time.sleep(more_seconds)
        finally:
            process.kill()
        assert process.wait(10) == -9


def watch(process: subprocess.Popen[str], *, steps: int) -> None:
    """Read what a sender tells until it has begun and done so many steps, or has none left."""
    assert process.stdout is not None
    assert process.stdout.readline().strip() == worker.READY
    while steps > 0 and (line := process.stdout.readline().strip()) != worker.IDLE:
        assert line, "the sender ended by itself"
        steps -= "payout." in line


def unfinished() -> int:
    with transaction() as session:
        found = session.scalars(select(PayoutLeg.status)).all()
    return sum(status not in legs.FINAL for status in found)


def let_quiet_days_go_by(surroundings: Any, clock: Any) -> None:
    """Let the loops run through some days, with the files of each in the morning after."""
    for _ in range(QUIET_DAYS):
        day = business_day(clock.now())
        for hour in (15, 19, 22):
            clock.advance_to(max(clock.now(), shanghai(day, hour)))
            sending.send_due(surroundings)
            sending.query_due(surroundings)
        clock.advance_to(shanghai(day + timedelta(days=1), 9, 5))
        fetching.reconcile_due(surroundings)
        sending.query_due(surroundings)


def assert_agrees_with_the_channel(partners: Partners) -> None:
    """See that every order is known on both sides, and each card was paid at most once."""
    with transaction() as session:
        sent = session.scalars(select(PayoutLeg)).all()
        found_loans = session.scalars(select(Loan)).all()
    orders = {order["orderId"]: order for order in partners.books()["orders"]}
    paid = [order for order in orders.values() if order["state"] == "paid"]
    assert len(sent) == LOANS * CARDS
    assert set(orders) <= {leg.order_no for leg in sent}
    assert set(Counter(order["card_last4"] for order in paid).values()) <= {1}
    assert {leg.id: leg.status for leg in sent} == {
        leg.id: ENDS[stands(orders.get(leg.order_no))] for leg in sent
    }
    assert not any(leg.parked or leg.contradicted_at for leg in sent)
    kept = sum(order["fen"] for order in paid if not order["returned"])
    assert sum(loan.principal.fen for loan in found_loans) == kept
    assert {loan.status for loan in found_loans} <= {LoanStatus.ACTIVE, LoanStatus.CANCELLED}


def stands(order: dict[str, Any] | None) -> str | None:
    if order is None:
        return None
    return "returned" if order["returned"] else str(order["state"])
