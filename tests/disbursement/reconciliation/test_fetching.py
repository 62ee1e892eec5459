"""Real payouts through the sandbox are reconciled from the files that channel and bank hand out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from disbursement import accounts, breaks, fetching, funders, ledger, reconciliation, signoff
from disbursement.fetching import Fetch
from disbursement.ledger import Posting
from disbursement.matching.kinds import BreakKind
from disbursement.records.breaks import Break, BreakStatus
from disbursement.records.payouts import LegStatus
from disbursement.records.settlement import FileKind, StatementFile
from kernel import ids
from kernel.clock import business_day, shanghai
from kernel.db import transaction
from kernel.money import Money
from tests.disbursement import builders as make

DAY = make.TEN.date()
CARD = make.card_number(1)


def put_in(saga, amount: str = "1000000.00") -> None:
    """Book the million that the sandbox was funded with."""
    with transaction() as session:
        make.lender(session)
        funder = funders.get(session, "hxcf")
        posting = Posting(
            id=ids.derived(funder.id, "funding", 1),
            debit=accounts.funding_bank("hxcf"),
            credit=accounts.capital("hxcf"),
            amount=Money.yuan(amount),
            reason="funding",
            event_ref=funder.id,
            value_date=business_day(saga.clock.now()),
        )
        ledger.post(session, posting, at=saga.clock.now())


def pay(saga, balance: str = "9000.00", fault: str | None = None) -> None:
    put_in(saga)
    saga.partners.card(CARD, balance, fault=fault)
    saga.start(make.leg_order(1, "10000.00"))
    saga.send()
    saga.ask(minutes=3)


def to(saga, day, hour: int = 10) -> None:
    saga.clock.advance_to(shanghai(day, hour))


def reconciled(saga, day=DAY) -> reconciliation.DayResult:
    to(saga, day + timedelta(days=1))
    return fetching.reconcile_day(saga.surroundings, day)


def runs(saga, times: int) -> list[int]:
    """Run the job so often at its pace, and give how many new runs over days each made."""
    made = []
    for _ in range(times):
        made.append(fetching.reconcile_due(saga.surroundings))
        saga.clock.advance(timedelta(minutes=10))
    return made


def live(*kinds: BreakKind) -> bool:
    with transaction() as session:
        found = session.scalars(select(Break.kind).where(Break.status.in_(breaks.LIVE)))
        return sorted(found) == sorted(kinds)


def balances(*codes: str) -> list[Money]:
    with transaction() as session:
        return [ledger.balance(session, code) for code in codes]


def test_a_paid_day_is_matched_to_the_fen_and_can_be_signed(saga):
    pay(saga)

    result = reconciled(saga)

    assert live()
    assert saga.status() is LegStatus.MATCHED
    assert result.figures.matched_paid == Money.yuan("9000.00")
    # 1,000,000.00 - 9,000.00 - fee of 1.00
    assert balances("funding_bank/hxcf", "in_transit/unionpay") == [
        Money.yuan("990999.00"),
        Money(0),
    ]
    with transaction() as session:
        bank = session.scalars(
            select(StatementFile).where(StatementFile.kind == FileKind.BANK)
        ).one()
        assert bank.closing == Money.yuan("990999.00")
        signoff.prepare(session, DAY, by=make.MAKER, at=saga.clock.now())
        signoff.sign(session, DAY, by=make.CHECKER, at=saga.clock.now())


def test_files_are_fetched_once(saga):
    pay(saga)
    reconciled(saga)

    again = fetching.fetch_day(saga.surroundings, DAY)

    assert [one.fetch for one in again] == [Fetch.THERE, Fetch.THERE]


def test_too_early_there_is_nothing_to_fetch(saga):
    pay(saga)
    to(saga, DAY + timedelta(days=1), 7)

    assert [one.fetch for one in fetching.fetch_day(saga.surroundings, DAY)] == [
        Fetch.NOT_READY,
        Fetch.NOT_READY,
    ]


@pytest.mark.parametrize("mode", ["http_500", "garbage"])
@pytest.mark.parametrize("partner", ["channel", "bank"])
def test_a_partner_that_is_down_leaves_its_file_missing(saga, partner, mode):
    pay(saga)
    saga.partners.outage(partner, mode)

    result = reconciled(saga)

    with transaction() as session:
        assert session.scalar(select(func.count()).select_from(StatementFile)) >= 1
    assert not result.figures.matched_paid
    saga.partners.outage(partner, "off")
    fetching.reconcile_due(saga.surroundings)
    assert saga.status() is LegStatus.MATCHED


def test_a_payment_that_only_the_file_knows_is_settled_by_it(saga):
    pay(saga, fault="file_only")
    assert saga.status() is LegStatus.UNKNOWN or saga.status() is LegStatus.ACCEPTED

    reconciled(saga)

    assert live()
    assert saga.status() is LegStatus.MATCHED
    assert saga.loan().principal == Money.yuan("9000.00")


def test_a_payment_that_never_arrived_is_a_break_that_its_failure_cures(saga):
    pay(saga, fault="silent_lost")

    reconciled(saga)
    assert live(BreakKind.UNRESOLVED)
    reconciled(saga, DAY + timedelta(days=1))
    saga.ask(hours=1)

    assert saga.status() is LegStatus.FAILED
    fetching.reconcile_due(saga.surroundings)
    assert live()


@pytest.mark.parametrize("fault", ["return_later", "return_in_file"])
def test_a_return_is_booked_from_the_file_and_the_money_is_back(saga, fault):
    pay(saga, fault=fault)
    reconciled(saga)

    result = reconciled(saga, DAY + timedelta(days=1))

    assert live()
    assert saga.status() is LegStatus.RETURNED
    assert result.figures.matched_returned == Money.yuan("9000.00")
    assert balances("funding_bank/hxcf", "in_transit/unionpay") == [
        Money.yuan("999999.00"),
        Money(0),
    ]


def test_one_fen_too_much_in_the_file_is_never_adjusted(saga):
    pay(saga, fault="amount_off_by_one")

    reconciled(saga)

    assert live(BreakKind.AMOUNT)
    assert saga.status() is LegStatus.PAID


def test_a_payment_decided_the_next_morning_is_in_the_next_file(saga):
    pay(saga, fault="late")
    reconciled(saga)
    assert live(BreakKind.UNRESOLVED)

    reconciled(saga, DAY + timedelta(days=1))

    assert live()
    assert saga.status() is LegStatus.MATCHED


def test_a_deposit_that_nobody_booked_is_a_break(saga):
    saga.partners.card(CARD)
    saga.start(make.leg_order(1, "10000.00"))
    saga.send()
    saga.ask(minutes=3)

    reconciled(saga)

    assert live(BreakKind.FUNDING)


def test_the_job_catches_up_with_days_that_were_missed(saga):
    pay(saga)
    to(saga, DAY + timedelta(days=4))

    new = fetching.reconcile_due(saga.surroundings)
    again = fetching.reconcile_due(saga.surroundings)

    # 20, 21, 22 and 23 November
    assert (new, again) == (4, 0)
    assert live()


def test_a_return_told_only_in_a_file_is_heard_after_a_long_standstill(saga):
    pay(saga, fault="return_in_file")
    to(saga, DAY + timedelta(days=40))

    fetching.reconcile_due(saga.surroundings)

    assert saga.status() is LegStatus.RETURNED
    assert balances("in_transit/unionpay") == [Money(0)]


def test_a_standstill_of_any_length_is_made_up_for_over_some_runs(saga):
    pay(saga)
    to(saga, DAY + timedelta(days=40))

    new = runs(saga, 8)

    # 40 days: the last 10 and the oldest 5 at once, up to 10 more in each later run.
    assert new[0] <= 20
    assert sum(new) == 40
    assert new[-1] == 0
    assert live()


def test_older_days_whose_files_never_come_keep_no_other_day_waiting(saga):
    pay(saga)
    saga.partners.outage("bank", "http_500")
    to(saga, DAY + timedelta(days=24))

    new = runs(saga, 4)

    assert sum(new) == 24
    # Each day says that the bank's statement of it is due and not there.
    assert live(*[BreakKind.FILE_MISSING] * 24)


def test_older_files_that_come_at_last_are_fetched_and_cure_their_breaks(saga):
    pay(saga)
    saga.partners.outage("bank", "http_500")
    to(saga, DAY + timedelta(days=16))
    runs(saga, 2)
    saga.partners.outage("bank", "off")

    runs(saga, 3)

    assert live()
    assert saga.status() is LegStatus.MATCHED


def test_the_job_has_nothing_to_do_before_money_ever_moved(saga):
    to(saga, DAY + timedelta(days=3))

    assert fetching.reconcile_due(saga.surroundings) == 0


def test_the_job_leaves_signed_days_alone(saga):
    pay(saga)
    reconciled(saga)
    with transaction() as session:
        signoff.prepare(session, DAY, by=make.MAKER, at=saga.clock.now())
        signoff.sign(session, DAY, by=make.CHECKER, at=saga.clock.now())

    assert fetching.reconcile_due(saga.surroundings) == 0
    with transaction() as session:
        assert (
            session.scalar(
                select(func.count()).select_from(Break).where(Break.status == BreakStatus.OPEN)
            )
            == 0
        )
