"""A second channel with an account of its own is reconciled beside the first, each by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from disbursement import (
    accounts,
    batch_sending,
    breaks,
    fetching,
    funders,
    ledger,
    sending,
    signoff,
)
from disbursement.ledger import Posting
from disbursement.matching.kinds import BreakKind
from disbursement.records.breaks import Break
from disbursement.records.days import DayStatus
from disbursement.records.payouts import LegStatus
from disbursement.records.settlement import StatementFile
from kernel import ids
from kernel.clock import shanghai
from kernel.db import transaction
from kernel.money import ZERO, Money
from tests.disbursement import builders as make
from tests.disbursement.reconciliation.test_fetching import put_in

DAY = make.TEN.date()
CARD = make.card_number(1)
TRANSIT, BANK = "in_transit/bank_direct", "funding_bank/cxbank"


@pytest.fixture
def bank(saga):
    """Give a loan whose lender pays by files, the deposits of both lenders booked."""
    put_in(saga)
    saga.partners.control("/_control/batch/fund", {"amount": "50000.00"})
    with transaction() as session:
        make.lender(session, code="cxbank")
        funder = funders.get(session, "cxbank")
        posting = Posting(
            id=ids.derived(funder.id, "funding", 1),
            debit=accounts.funding_bank("cxbank"),
            credit=accounts.capital("cxbank"),
            amount=Money.yuan("50000.00"),
            reason="funding",
            event_ref=funder.id,
            value_date=DAY,
        )
        ledger.post(session, posting, at=saga.clock.now())
    return saga


def pay(bank, fault: str | None = None) -> None:
    bank.partners.card(CARD, "1000.00", fault=fault)
    bank.start(make.leg_order(1), funder_code="cxbank")
    batch_sending.send_due(bank.surroundings)
    bank.clock.advance(timedelta(minutes=6))
    batch_sending.ask_due(bank.surroundings)
    sending.query_due(bank.surroundings)


def reconcile(bank, day=DAY):
    morning = shanghai(day + timedelta(days=1), 9, 30)
    if bank.clock.now() < morning:
        bank.clock.advance_to(morning)
    return fetching.reconcile_day(bank.surroundings, day)


def live() -> list[BreakKind]:
    with transaction() as session:
        found = session.scalars(select(Break.kind).where(Break.status.in_(breaks.LIVE)))
        return sorted(found)


def balance(code: str) -> Money:
    with transaction() as session:
        return ledger.balance(session, code)


def test_a_payout_by_file_is_matched_cleared_and_the_day_signed(bank):
    pay(bank)

    found = reconcile(bank)

    assert live() == []
    assert bank.status() is LegStatus.MATCHED
    assert balance(TRANSIT) == ZERO
    # 50,000.00 less the payout of 1,000.00 and its fee of 1.00.
    assert balance(BANK) == Money.yuan("48999.00")
    assert found.figures.matched_paid == Money.yuan("1000.00")
    with transaction() as session:
        assert session.query(StatementFile).count() == 4
        at = bank.clock.now()
        signoff.prepare(session, DAY, by=make.MAKER, at=at)
    with transaction() as session:
        signed = signoff.sign(session, DAY, by=make.CHECKER, at=bank.clock.now())
        assert signed.status is DayStatus.SIGNED


def test_both_channels_of_a_day_tie_each_on_its_own_account(bank):
    pay(bank)
    bank.partners.card(make.card_number(2), "3000.00")
    bank.start(make.leg_order(2), order_id=make.uuid4())
    bank.send()
    bank.ask(minutes=4)

    found = reconcile(bank)

    assert live() == []
    assert found.figures.matched_paid == Money.yuan("4000.00")
    assert (balance(TRANSIT), balance("in_transit/unionpay")) == (ZERO, ZERO)


def test_a_file_of_one_channel_that_is_not_there_is_named_with_its_channel(bank):
    pay(bank)
    bank.partners.outage("batch", "http_500")

    found = reconcile(bank)

    assert found.figures.missing == ("settlement of bank_direct",)
    assert BreakKind.FILE_MISSING in live()
    with transaction() as session:
        against = signoff.objections(session, DAY)
    assert "there is no settlement file of bank_direct" in against


def test_a_payout_by_file_that_came_back_nets_to_zero(bank):
    pay(bank, fault="return_in_file")
    reconcile(bank)

    reconcile(bank, DAY + timedelta(days=1))

    assert bank.status() is LegStatus.RETURNED
    assert balance(TRANSIT) == ZERO
    assert balance(BANK) == Money.yuan("49999.00")
    assert live() == []
