"""One payout after the other against the channel itself: paid once or not at all, and never lost."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import text

from disbursement import accounts, ledger, legs, loans, payouts
from disbursement.channels.channel import Outcome, Receipt
from disbursement.outcomes import NotSent
from disbursement.payouts import Source
from disbursement.records.loans import LoanStatus
from disbursement.records.payouts import LegStatus
from kernel.db import transaction
from kernel.money import Money
from kernel.moves import MoveRefused
from tests.disbursement import builders as make

CARD = make.card_number(1)


def yuan(text: str) -> Money:
    return Money.yuan(text)


def balances(*codes: str) -> list[Money]:
    with transaction() as session:
        return [ledger.balance(session, code) for code in codes]


def test_a_payout_runs_from_approval_to_an_active_loan(saga):
    saga.partners.card(CARD, "9000.00")
    saga.start(make.leg_order(1, "10000.00"))

    saga.send()
    saga.ask(minutes=3)

    assert saga.steps() == ["planned", "approved", "submitted", "accepted", "paid"]
    loan = saga.loan()
    assert loan.status is LoanStatus.ACTIVE
    # The card owes 9,000.00 on the day it was loaded, which is today.
    assert loan.principal == yuan("9000.00")
    assert (loan.value_date, loan.first_due) == (date(2026, 11, 20), date(2026, 12, 20))
    assert saga.partners.paid_to(CARD) == 900_000
    assert saga.facts() == ["payout.paid", "loan.activated"]


def test_the_money_stands_in_transit_until_the_bank_shows_it(saga):
    saga.partners.card(CARD, "9000.00")
    saga.start(make.leg_order(1, "10000.00"))
    principal, transit = accounts.loan_principal(saga.loan_id), accounts.in_transit("unionpay")

    saga.send()
    before = balances(principal, transit)
    saga.ask(minutes=3)

    assert before == [Money(0), Money(0)]
    assert balances(principal, transit) == [yuan("9000.00"), yuan("9000.00")]


def test_the_schedule_is_that_of_an_annuity_over_what_was_paid(saga):
    saga.partners.card(CARD, "12000.00")
    saga.start(make.leg_order(1, "12000.00"))

    saga.send()
    saga.ask(minutes=3)

    due = saga.due()
    # 12,000.00 at 1 % a month over 12: level payment 1,066.19, of which 120.00 interest first.
    assert due[0] == (date(2026, 12, 20), yuan("946.19"))
    assert (len(due), due[-1][0]) == (12, date(2027, 11, 20))
    assert Money.total(principal for _, principal in due) == yuan("12000.00")


@pytest.mark.parametrize(
    "fault",
    ["silent_paid", "http_500_paid", "garbage_paid", "empty_paid", "bad_signature_paid",
     "other_order_paid", "busy_paid"],
)  # fmt: skip
def test_an_unreliable_answer_is_unknown_until_a_query_says_paid(saga, fault):
    saga.partners.card(CARD, fault=fault)
    saga.start(make.leg_order(1))

    saga.send()
    unknown = saga.status()
    again = saga.send()
    saga.ask(minutes=3)

    assert unknown is LegStatus.UNKNOWN
    assert again == 0
    assert saga.status() is LegStatus.PAID
    assert saga.partners.books()["payments"] == 1


@pytest.mark.parametrize("fault", ["silent_lost", "http_500_lost", "busy_lost"])
def test_a_lost_payment_stays_unknown_and_is_never_sent_again(saga, fault):
    saga.partners.card(CARD, fault=fault)
    saga.start(make.leg_order(1))
    saga.send()

    for _ in range(12):
        saga.ask(minutes=32)
        saga.send()

    assert saga.status() is LegStatus.UNKNOWN
    assert saga.leg().absent_since is not None
    assert saga.partners.books()["orders"] == []


def test_the_gaps_between_queries_grow_to_half_an_hour(saga):
    saga.partners.card(CARD, fault="silent_lost")
    saga.start(make.leg_order(1))
    saga.send()

    asked = [minute for minute in range(1, 140) if saga.ask(minutes=1)]

    # First after 3 minutes, then after 1, 2, 4, 8, 16, 32 and 32 more.
    assert asked == [3, 4, 6, 10, 18, 34, 66, 98, 130]


def test_a_lost_payment_fails_by_rule_after_a_day_and_two_files_that_do_not_know_it(saga):
    saga.partners.card(CARD, fault="silent_lost")
    saga.start(make.leg_order(1))
    saga.send()
    saga.ask(minutes=3)
    known: set[str] = set()

    saga.ask(hours=30)
    after_a_day = saga.status()
    note_file(saga, date(2026, 11, 20), known)
    saga.ask(hours=1)
    after_one_file = saga.status()
    note_file(saga, date(2026, 11, 21), known)
    saga.ask(hours=1)

    assert after_a_day is after_one_file is LegStatus.UNKNOWN
    assert saga.status() is LegStatus.FAILED
    assert saga.loan().status is LoanStatus.CANCELLED
    assert saga.facts() == ["payout.failed", "loan.cancelled"]


def test_a_payment_that_a_file_knows_does_not_fail_by_rule(saga):
    saga.partners.card(CARD, fault="file_only")
    saga.start(make.leg_order(1))
    saga.send()
    saga.ask(minutes=3)
    order_no = saga.leg().order_no

    for day in (date(2026, 11, 20), date(2026, 11, 21)):
        note_file(saga, day, {order_no})
    saga.ask(hours=50)

    assert saga.status() is LegStatus.ACCEPTED


def note_file(saga, day: date, known: set[str]) -> int:
    with transaction() as session:
        return payouts.note_file(
            session, channel="unionpay", day=day, known=known, at=saga.clock.now()
        )


def test_a_payment_that_only_the_file_knows_is_settled_by_it(saga):
    saga.partners.card(CARD, fault="file_only")
    saga.start(make.leg_order(1))
    saga.send()
    saga.ask(minutes=3)
    leg = saga.leg()

    tell(saga, Receipt(outcome=Outcome.PAID, text="file", amount=leg.amount,
                       settle_day=date(2026, 11, 20)))  # fmt: skip

    assert saga.status() is LegStatus.PAID
    assert saga.loan().status is LoanStatus.ACTIVE


def tell(saga, receipt: Receipt, source: Source = Source.FILE) -> LegStatus:
    with transaction() as session:
        return payouts.record(session, saga.leg().id, receipt, source=source, at=saga.clock.now())


@pytest.mark.parametrize("code", ["61", "63", "66", "93"])
def test_a_refused_payment_fails_for_good_and_its_loan_is_cancelled(saga, code):
    saga.partners.card(CARD, fault=f"refuse_{code}")
    saga.start(make.leg_order(1))

    saga.send()

    assert saga.steps() == ["planned", "approved", "submitted", "failed"]
    assert saga.loan().status is LoanStatus.CANCELLED
    assert balances(accounts.loan_principal(saga.loan_id)) == [Money(0)]
    assert saga.facts() == ["payout.failed", "loan.cancelled"]


def test_a_payment_refused_after_it_was_accepted_fails(saga):
    saga.partners.card(CARD, fault="refuse_late")
    saga.start(make.leg_order(1))

    saga.send()
    accepted = saga.status()
    saga.ask(minutes=3)

    assert accepted is LegStatus.ACCEPTED
    assert saga.status() is LegStatus.FAILED


def test_a_payment_in_clearing_is_paid(saga):
    saga.partners.card(CARD, fault="in_clearing")
    saga.start(make.leg_order(1))
    saga.send()

    saga.ask(minutes=3)

    assert (saga.status(), saga.leg().code) == (LegStatus.PAID, "A6")
    assert saga.leg().value_date == date(2026, 11, 20)


def test_a_query_that_lags_is_not_believed_to_mean_no(saga):
    saga.partners.card(CARD, fault="query_lags")
    saga.start(make.leg_order(1))
    saga.send()

    saga.ask(minutes=3)
    lagging = saga.leg()
    saga.ask(minutes=10)

    assert (lagging.status, lagging.code) == (LegStatus.ACCEPTED, "34")
    assert saga.status() is LegStatus.PAID
    assert saga.leg().absent_since is None


def test_a_payment_decided_the_next_day_begins_the_loan_on_that_day(saga):
    saga.partners.card(CARD, fault="late")
    saga.start(make.leg_order(1))
    saga.send()
    saga.ask(minutes=3)
    waiting = saga.status()

    saga.ask(hours=24)

    assert waiting is LegStatus.ACCEPTED
    assert saga.loan().value_date == date(2026, 11, 21)


def test_a_leg_whose_order_number_is_out_cannot_be_given_up(saga):
    saga.partners.card(CARD, fault="silent_paid")
    saga.start(make.leg_order(1))
    saga.send()

    with pytest.raises(MoveRefused), transaction() as session:
        payouts.cancel_leg(
            session, saga.leg().id, reason="late", by=make.MAKER, at=saga.clock.now()
        )
    with pytest.raises(MoveRefused), transaction() as session:
        loans.cancel(session, saga.loan_id, reason="late", by=make.DEBTOR, at=saga.clock.now())


def test_an_answer_about_a_leg_that_was_never_sent_is_refused(saga):
    saga.start(make.leg_order(1))

    with pytest.raises(NotSent):
        tell(saga, Receipt(outcome=Outcome.PAID, text="file"))


def test_a_leg_nobody_planned_is_said_to_be_missing(saga):
    receipt = Receipt(outcome=Outcome.PAID, text="file")

    with pytest.raises(legs.NoSuchLeg), transaction() as session:
        payouts.record(session, UUID(int=3), receipt, source=Source.FILE, at=saga.clock.now())


def test_no_card_number_or_name_lies_open_in_any_table(saga):
    saga.partners.card(CARD, fault="silent_paid")
    saga.start(make.leg_order(1))
    saga.send()
    saga.ask(minutes=3)

    with transaction() as session:
        tables = session.scalars(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ).all()
        for table in tables:
            for row in session.execute(text(f'SELECT t::text FROM "{table}" t')).scalars():
                assert CARD.plain not in row, table
                assert make.NAME not in row, table
