"""Money that comes back: the loan shrinks or is undone, and a person may pay the card again."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from disbursement import (
    accounts,
    approvals,
    ledger,
    loans,
    matches,
    payouts,
    sending,
)
from disbursement.approvals import NotAnApprover
from disbursement.channels.channel import Outcome, Receipt
from disbursement.payouts import NoSuccessor, Source
from disbursement.records.loans import Instalment, LoanStatus
from disbursement.records.payouts import LegStatus
from kernel.actors import system
from kernel.clock import shanghai
from kernel.db import transaction
from kernel.money import Money
from kernel.moves import MoveRefused
from tests.disbursement import builders as make

CARD = make.card_number(1)


@pytest.fixture
def two_cards(saga):
    """Pay 1,200.00 and 2,400.00 to two cards of one loan over twelve months."""
    saga.partners.card(make.card_number(1), "1200.00")
    saga.partners.card(make.card_number(2), "2400.00")
    saga.start(make.leg_order(1), make.leg_order(2))
    saga.send()
    saga.ask(minutes=3)
    return saga


def leg_of(saga, serial: int):
    card_ref = make.leg_order(serial).card_ref
    return [leg for leg in saga.legs() if leg.card_ref == card_ref][-1]


def tell(saga, leg, outcome: Outcome, **more) -> None:
    with transaction() as session:
        payouts.record(
            session,
            leg.id,
            Receipt(outcome=outcome, text="told", **more),
            source=Source.FILE,
            at=saga.clock.now(),
        )


def comes_back(saga, serial: int, on: date = date(2026, 11, 23)) -> None:
    tell(saga, leg_of(saga, serial), Outcome.RETURNED, returned_on=on)


def succeed(saga, serial: int, by=make.MAKER):
    with transaction() as session:
        return payouts.succeed_leg(session, leg_of(saga, serial).id, by=by, at=saga.clock.now())


def balance(code: str) -> Money:
    with transaction() as session:
        return ledger.balance(session, code)


def test_a_returned_leg_shrinks_the_loan_and_keeps_its_due_dates(two_cards):
    before = two_cards.due()

    comes_back(two_cards, 1)

    loan, after = two_cards.loan(), two_cards.due()
    assert (loan.status, loan.principal, loan.schedule_version) == (
        LoanStatus.ACTIVE,
        Money.yuan("2400.00"),
        2,
    )
    assert [due for due, _ in after] == [due for due, _ in before]
    assert Money.total(principal for _, principal in after) == Money.yuan("2400.00")
    assert loan.value_date == date(2026, 11, 20)
    # 2,400.00 at 1 % a month over 12: level payment 213.24, of which 24.00 interest first.
    assert after[0] == (date(2026, 12, 20), Money.yuan("189.24"))
    assert two_cards.facts()[-2:] == ["payout.returned", "loan.shrunk"]


def test_the_old_version_of_a_schedule_stays_on_record(two_cards):
    comes_back(two_cards, 1)

    with transaction() as session:
        rows = dict(
            session.execute(
                select(Instalment.schedule_version, func.count()).group_by(
                    Instalment.schedule_version
                )
            ).all()
        )
    assert rows == {1: 12, 2: 12}


def test_when_everything_came_back_the_loan_is_undone(two_cards):
    comes_back(two_cards, 1)
    comes_back(two_cards, 2)

    loan = two_cards.loan()
    assert (loan.status, loan.principal) == (LoanStatus.UNDONE, Money(0))
    assert two_cards.due() == []
    assert balance(accounts.loan_principal(two_cards.loan_id)) == Money(0)
    assert balance(accounts.in_transit("unionpay")) == Money(0)
    assert two_cards.facts()[-1] == "loan.undone"


def test_a_return_learned_by_query_is_booked_once(saga):
    saga.partners.card(CARD, fault="return_later")
    saga.start(make.leg_order(1))
    saga.send()
    saga.ask(minutes=3)
    paid = saga.status()

    # Paid legs are asked about once a day; the money comes back at 15:00 of the next.
    saga.ask(days=2)
    saga.ask(days=1)

    assert paid is LegStatus.PAID
    assert saga.status() is LegStatus.RETURNED
    assert saga.leg().returned_on == date(2026, 11, 21)
    assert saga.loan().status is LoanStatus.UNDONE
    assert saga.facts().count("payout.returned") == 1


def test_a_paid_leg_is_asked_about_for_five_days_and_then_left_alone(saga):
    saga.partners.card(CARD)
    saga.start(make.leg_order(1))
    saga.send()
    saga.ask(minutes=3)

    asked = sum(saga.ask(hours=12) for _ in range(20))

    assert asked == 5
    assert saga.leg().next_query_at is None


def test_a_payment_returned_before_anybody_heard_it_was_paid_leaves_no_loan(saga):
    saga.partners.card(CARD, fault="silent_paid")
    saga.start(make.leg_order(1))
    saga.send()

    tell(saga, saga.leg(), Outcome.RETURNED, returned_on=date(2026, 11, 21))

    assert saga.steps()[-2:] == ["paid", "returned"]
    assert saga.loan().status is LoanStatus.CANCELLED
    assert saga.facts() == ["payout.paid", "payout.returned", "loan.cancelled"]


def test_a_returned_leg_of_a_loan_that_has_not_begun_is_left_out_of_it(saga):
    saga.partners.card(make.card_number(1), "1200.00")
    saga.partners.card(make.card_number(2), "2400.00", fault="late")
    saga.start(make.leg_order(1), make.leg_order(2))
    saga.send()
    saga.ask(minutes=3)
    comes_back(saga, 1, on=date(2026, 11, 20))
    waiting = saga.loan().status

    saga.ask(hours=24)

    assert waiting is LoanStatus.PENDING
    assert saga.loan().principal == Money.yuan("2400.00")


def test_a_returned_card_is_paid_again_by_a_successor_that_a_person_asks_for(two_cards):
    comes_back(two_cards, 1)
    two_cards.clock.advance(timedelta(days=5))
    two_cards.partners.card(make.card_number(1), "1210.00")

    successor = succeed(two_cards, 1)
    two_cards.approve()
    two_cards.send()
    two_cards.ask(minutes=3)

    assert successor.attempt == 2
    assert leg_of(two_cards, 1).status is LegStatus.PAID
    loan, due = two_cards.loan(), two_cards.due()
    assert loan.principal == Money.yuan("3610.00")
    # The due dates stay, and each tranche bears interest from its own day: 24.00 for the first
    # month of 2,400.00, and 25 of 30 days of 12.10.
    assert loan.value_date == date(2026, 11, 20)
    with transaction() as session:
        assert loans.instalments(session, loan)[0].interest == Money.yuan("34.08")
    assert (len(due), due[0][0], due[-1][0]) == (12, date(2026, 12, 20), date(2027, 11, 20))
    assert Money.total(principal for _, principal in due) == Money.yuan("3610.00")
    assert two_cards.facts()[-1] == "loan.restored"


def test_a_successor_has_an_order_number_of_its_own(two_cards):
    first = leg_of(two_cards, 1).order_no
    comes_back(two_cards, 1)
    succeed(two_cards, 1)
    two_cards.approve()
    two_cards.partners.card(make.card_number(1), "1210.00")
    two_cards.send()

    assert leg_of(two_cards, 1).order_no not in {None, first}


def test_a_leg_has_one_successor_however_often_it_is_asked_for(two_cards):
    original = leg_of(two_cards, 1)
    comes_back(two_cards, 1)

    with transaction() as session:
        first = payouts.succeed_leg(session, original.id, by=make.MAKER, at=make.TEN)
    with transaction() as session:
        second = payouts.succeed_leg(session, original.id, by=make.CHECKER, at=make.TEN)

    assert first.id == second.id
    assert len(two_cards.legs()) == 3


def test_a_payment_after_a_due_date_spreads_over_the_dates_that_are_left(two_cards):
    comes_back(two_cards, 1)
    kept = two_cards.due()[0]
    two_cards.clock.advance_to(shanghai(date(2026, 12, 28), 10))
    two_cards.partners.card(make.card_number(1), "1300.00")
    succeed(two_cards, 1)
    two_cards.approve()

    two_cards.send()
    two_cards.ask(minutes=3)

    due = two_cards.due()
    assert due[0] == kept
    assert (len(due), due[1][0], due[-1][0]) == (12, date(2027, 1, 20), date(2027, 11, 20))
    assert Money.total(principal for _, principal in due) == Money.yuan("3700.00")


def test_a_loan_whose_only_live_leg_comes_back_while_a_successor_is_open_waits_for_it(two_cards):
    comes_back(two_cards, 1)
    succeed(two_cards, 1)
    comes_back(two_cards, 2)
    waiting = two_cards.loan()
    two_cards.partners.card(make.card_number(1), "1200.00")
    two_cards.approve()

    two_cards.send()
    two_cards.ask(minutes=3)

    assert (waiting.status, waiting.principal) == (LoanStatus.ACTIVE, Money(0))
    assert two_cards.loan().principal == Money.yuan("1200.00")
    assert two_cards.due()[0][0] == date(2026, 12, 20)


def test_a_successor_that_is_given_up_as_well_undoes_the_loan(two_cards):
    comes_back(two_cards, 1)
    succeed(two_cards, 1)
    comes_back(two_cards, 2)

    with transaction() as session:
        payouts.cancel_leg(
            session, leg_of(two_cards, 1).id, reason="x", by=make.MAKER, at=two_cards.clock.now()
        )

    assert two_cards.loan().status is LoanStatus.UNDONE


def test_a_failed_leg_has_a_successor_while_its_loan_lives(saga):
    saga.partners.card(make.card_number(1), "1200.00", fault="refuse_63")
    saga.partners.card(make.card_number(2), "2400.00")
    saga.start(make.leg_order(1), make.leg_order(2))
    saga.send()
    saga.ask(minutes=3)

    succeed(saga, 1)
    saga.approve()
    saga.send()
    saga.ask(minutes=3)

    assert saga.loan().principal == Money.yuan("3600.00")


@pytest.mark.parametrize("by", [make.DEBTOR, system("payout-send")])
def test_only_finance_staff_ask_for_a_successor(two_cards, by):
    comes_back(two_cards, 1)

    with pytest.raises(NotAnApprover):
        succeed(two_cards, 1, by=by)


def test_a_leg_that_is_paid_has_no_successor(two_cards):
    with pytest.raises(MoveRefused):
        succeed(two_cards, 1)


def test_a_leg_of_an_undone_loan_has_no_successor(two_cards):
    comes_back(two_cards, 1)
    comes_back(two_cards, 2)

    with pytest.raises(MoveRefused):
        succeed(two_cards, 1)


def test_a_failed_leg_that_the_channel_later_called_paid_has_no_successor(saga):
    saga.partners.card(make.card_number(1), "1200.00", fault="refuse_63")
    saga.partners.card(make.card_number(2), "2400.00")
    saga.start(make.leg_order(1), make.leg_order(2))
    saga.send()
    saga.ask(minutes=3)
    tell(saga, leg_of(saga, 1), Outcome.PAID)

    with pytest.raises(NoSuccessor):
        succeed(saga, 1)


def test_after_the_last_due_date_there_is_no_successor(two_cards):
    comes_back(two_cards, 1)
    two_cards.clock.advance_to(shanghai(date(2027, 11, 20), 10))

    with pytest.raises(NoSuccessor):
        succeed(two_cards, 1)


def test_a_successor_is_approved_like_any_other_leg(two_cards):
    comes_back(two_cards, 1)
    successor = succeed(two_cards, 1)

    two_cards.send()

    assert leg_of(two_cards, 1).status is LegStatus.PLANNED
    with transaction() as session:
        approvals.approve(session, successor.id, by=make.MAKER, at=two_cards.clock.now())
    assert leg_of(two_cards, 1).status is LegStatus.APPROVED


def matched(saga) -> None:
    with transaction() as session:
        for _ in range(2):
            matches.match_all(session, [saga.leg().id], by=system("reconcile"), at=saga.clock.now())


def test_a_matched_payment_is_verified_by_the_issuers_own_word(saga):
    saga.partners.card(CARD)
    saga.start(make.leg_order(1))
    saga.send()
    saga.ask(minutes=3)
    saga.clock.advance(timedelta(days=1))
    matched(saga)

    cleared = sending.check_due(saga.surroundings)

    assert cleared == 1
    assert saga.status() is LegStatus.PAYOFF_VERIFIED
    assert saga.facts()[-1] == "payout.payoff_verified"
    assert sending.check_due(saga.surroundings) == 0


def test_a_card_that_is_not_clear_is_asked_about_daily_for_a_month(saga):
    saga.partners.card(CARD)
    saga.start(make.leg_order(1))
    saga.send()
    saga.ask(minutes=3)
    matched(saga)
    # The debtor has bought something meanwhile: the account is loaded anew with a debt.
    saga.partners.card(CARD, "50.00")

    for _ in range(40):
        sending.check_due(saga.surroundings)
        saga.clock.advance(timedelta(days=1))

    assert saga.status() is LegStatus.MATCHED
    assert saga.leg().next_check_at is None
    assert saga.facts()[-1] == "payout.not_cleared"


def test_a_silent_issuer_is_asked_again_soon(saga):
    saga.partners.card(CARD)
    saga.start(make.leg_order(1))
    saga.send()
    saga.ask(minutes=3)
    matched(saga)
    saga.partners.outage("issuers", "http_500")
    sending.check_due(saga.surroundings)
    saga.partners.outage("issuers", "off")
    saga.clock.advance(timedelta(minutes=6))

    assert sending.check_due(saga.surroundings) == 1
