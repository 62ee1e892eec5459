"""When a channel said two things, two persons decide what a payout came to, and only then it moves."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from disbursement import accounts, contradictions, ledger, payouts, positions, sending
from disbursement.approvals import NotAnApprover
from disbursement.channels.channel import Outcome, Receipt
from disbursement.contradictions import (
    NoRulingReason,
    NothingToRule,
    RuledAlready,
    VerdictDoesNotFit,
)
from disbursement.payouts import Source
from disbursement.records.channels import FundingPosition, Verdict
from disbursement.records.loans import LoanStatus
from disbursement.records.payouts import LegStatus
from kernel.actors import Actor, Role
from kernel.db import transaction
from kernel.money import Money
from tests.disbursement import builders as make

OTHER_CHECKER = Actor(Role.FINANCE_CHECKER, "zhao.min")
SECOND_MAKER = Actor(Role.FINANCE_MAKER, "chen.jie")
CARDS = (make.card_number(1), make.card_number(2))
DEBT = Money.yuan("1000.00")


def tell(saga, outcome: Outcome, *, leg=None, **more) -> None:
    leg = leg or saga.legs()[0]
    receipt = Receipt(outcome=outcome, text="told", **more)
    with transaction() as session:
        payouts.record(session, leg.id, receipt, source=Source.FILE, at=saga.clock.now())


def rule(saga, verdict: Verdict, *, by, reason="the channel wrote so", leg=None) -> bool:
    leg = leg or saga.legs()[0]
    with transaction() as session:
        return contradictions.rule(
            session, leg.id, verdict=verdict, reason=reason, by=by, at=saga.clock.now()
        )


def decide(saga, verdict: Verdict, **more) -> None:
    assert not rule(saga, verdict, by=make.MAKER, **more)
    assert rule(saga, verdict, by=make.CHECKER, **more)


def balance(saga, code: str) -> Money:
    del saga
    with transaction() as session:
        return ledger.balance(session, code)


@pytest.fixture
def failed(saga):
    """Give a loan over two cards, one paid, the other refused and then told to be paid."""
    for card in CARDS:
        saga.partners.card(card, "1000.00")
    saga.start(make.leg_order(1), make.leg_order(2))
    saga.send()
    saga.clock.advance(timedelta(minutes=3))
    first, second = saga.legs()
    tell(saga, Outcome.PAID, leg=second)
    tell(saga, Outcome.REFUSED, leg=first)
    tell(saga, Outcome.PAID, leg=first)
    return saga


@pytest.fixture
def paid(saga):
    """Give a loan that was paid, of which the channel then said that it was refused."""
    saga.partners.card(CARDS[0], "1000.00")
    saga.start(make.leg_order(1))
    saga.send()
    saga.ask(minutes=3)
    tell(saga, Outcome.REFUSED)
    return saga


def test_a_payment_that_two_persons_find_paid_after_all_is_booked_and_joins_its_loan(failed):
    before = failed.loan().principal

    decide(failed, Verdict.WAS_PAID)

    leg = failed.legs()[0]
    assert (leg.status, leg.contradicted_at) == (LegStatus.PAID, None)
    assert (before, failed.loan().principal) == (Money.yuan("1000.00"), Money.yuan("2000.00"))
    assert balance(failed, accounts.in_transit("unionpay")) == Money.yuan("2000.00")
    assert "payout.ruled" in failed.facts()
    with transaction() as session:
        assert positions.check(session) == []
        # Twice 1,000.00 and a fee of 1.00 are out and not on the bank statement yet.
        held = session.scalars(select(FundingPosition.reserved)).one()
    assert held == Money.yuan("2002.00")


def test_what_was_paid_after_all_can_still_come_back(failed):
    decide(failed, Verdict.WAS_PAID)

    tell(failed, Outcome.RETURNED)

    assert failed.legs()[0].status is LegStatus.RETURNED
    assert failed.loan().principal == Money.yuan("1000.00")
    assert balance(failed, accounts.in_transit("unionpay")) == Money.yuan("1000.00")


def test_a_payment_that_two_persons_find_not_paid_is_taken_back(paid):
    decide(paid, Verdict.WAS_NOT_PAID)

    assert (paid.status(), paid.leg().contradicted_at) == (LegStatus.RETURNED, None)
    assert paid.loan().status is LoanStatus.UNDONE
    assert balance(paid, accounts.in_transit("unionpay")) == Money(0)


def test_when_the_books_stand_only_the_contradiction_goes(paid):
    decide(paid, Verdict.BOOKS_STAND)

    assert (paid.status(), paid.leg().contradicted_at) == (LegStatus.PAID, None)
    assert paid.facts().count("payout.ruled") == 1


def other_amount(saga) -> None:
    """Have a payment told to be paid with a fen more than was sent."""
    saga.partners.card(CARDS[0], "1000.00")
    saga.start(make.leg_order(1))
    saga.send()
    tell(saga, Outcome.PAID, amount=Money.yuan("1000.01"))


def test_another_amount_is_ended_by_letting_the_books_stand(saga):
    other_amount(saga)

    decide(saga, Verdict.BOOKS_STAND)
    saga.ask(minutes=3)

    assert saga.status() is LegStatus.PAID


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (Verdict.WAS_PAID, LegStatus.PAID),
        (Verdict.WAS_NOT_PAID, LegStatus.FAILED),
        (Verdict.BOOKS_STAND, LegStatus.ACCEPTED),
    ],
)
def test_what_is_undecided_and_contradicted_ends_as_two_persons_say(saga, verdict, status):
    other_amount(saga)

    decide(saga, verdict)

    assert (saga.status(), saga.leg().contradicted_at) == (status, None)
    assert saga.loan().principal == (DEBT if status is LegStatus.PAID else Money(0))


def test_what_was_accepted_and_never_known_since_is_told_and_ended_by_two_persons(saga):
    saga.partners.card(CARDS[0], "1000.00")
    saga.start(make.leg_order(1))
    saga.send()
    absent = Receipt(outcome=Outcome.UNKNOWN, text="query 34", code="34", is_absent=True)
    leg = saga.leg()
    for hours in (1, 25):
        saga.clock.advance(timedelta(hours=hours))
        for day in (make.TEN.date(), make.TEN.date() + timedelta(days=1)):
            with transaction() as session:
                payouts.note_file(
                    session, channel="unionpay", day=day, known=(), at=saga.clock.now()
                )
        with transaction() as session:
            payouts.record(session, leg.id, absent, source=Source.QUERY, at=saga.clock.now())

    told = saga.leg()
    decide(saga, Verdict.WAS_NOT_PAID)

    assert (told.status, told.contradicted_at is None) == (LegStatus.ACCEPTED, False)
    assert saga.status() is LegStatus.FAILED
    assert saga.loan().status is LoanStatus.CANCELLED


def test_one_person_alone_decides_nothing_whatever_role_he_acts_in(paid):
    rule(paid, Verdict.WAS_NOT_PAID, by=make.MAKER)
    same_in_another_role = Actor(Role.FINANCE_CHECKER, make.MAKER.id)

    with pytest.raises(RuledAlready):
        rule(paid, Verdict.WAS_NOT_PAID, by=same_in_another_role)

    assert paid.status() is LegStatus.PAID


def test_two_makers_alone_decide_nothing(paid):
    rule(paid, Verdict.WAS_NOT_PAID, by=make.MAKER)

    assert not rule(paid, Verdict.WAS_NOT_PAID, by=SECOND_MAKER)
    assert paid.status() is LegStatus.PAID
    assert rule(paid, Verdict.WAS_NOT_PAID, by=make.CHECKER)


def test_two_persons_who_differ_decide_nothing_until_one_changes_his_mind(paid):
    rule(paid, Verdict.WAS_NOT_PAID, by=make.MAKER)
    assert not rule(paid, Verdict.BOOKS_STAND, by=make.CHECKER)
    assert paid.leg().contradicted_at is not None

    assert rule(paid, Verdict.BOOKS_STAND, by=make.MAKER)

    assert (paid.status(), paid.leg().contradicted_at) == (LegStatus.PAID, None)


def test_a_word_that_was_taken_back_does_not_count(paid):
    rule(paid, Verdict.WAS_NOT_PAID, by=make.MAKER)
    rule(paid, Verdict.BOOKS_STAND, by=make.MAKER)

    assert not rule(paid, Verdict.WAS_NOT_PAID, by=make.CHECKER)
    assert paid.status() is LegStatus.PAID


@pytest.mark.parametrize("role", [Role.DEBTOR, Role.RISK_OFFICER, Role.OPERATOR, Role.AGENCY])
def test_only_finance_decides(paid, role):
    with pytest.raises(NotAnApprover):
        rule(paid, Verdict.BOOKS_STAND, by=Actor(role, "somebody"))


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_a_verdict_says_what_was_found_out(paid, reason):
    with pytest.raises(NoRulingReason):
        rule(paid, Verdict.BOOKS_STAND, by=make.MAKER, reason=reason)


def test_a_payment_that_never_counted_cannot_be_found_not_paid(failed):
    with pytest.raises(VerdictDoesNotFit):
        rule(failed, Verdict.WAS_NOT_PAID, by=make.MAKER)


def test_a_paid_payment_cannot_be_found_paid(paid):
    with pytest.raises(VerdictDoesNotFit):
        rule(paid, Verdict.WAS_PAID, by=make.MAKER)


def test_without_a_contradiction_there_is_nothing_to_decide(paid):
    decide(paid, Verdict.BOOKS_STAND)

    with pytest.raises(NothingToRule):
        rule(paid, Verdict.BOOKS_STAND, by=OTHER_CHECKER)


def test_a_second_contradiction_needs_two_words_of_its_own(paid):
    decide(paid, Verdict.BOOKS_STAND)
    paid.clock.advance(timedelta(minutes=1))
    tell(paid, Outcome.REFUSED)

    assert not rule(paid, Verdict.BOOKS_STAND, by=OTHER_CHECKER)
    assert paid.leg().contradicted_at is not None


def test_a_payment_whose_loan_was_cancelled_is_not_booked_to_it(saga):
    saga.partners.card(CARDS[0], "1000.00", fault="refuse_63")
    saga.start(make.leg_order(1))
    saga.send()
    tell(saga, Outcome.PAID)

    assert saga.loan().status is LoanStatus.CANCELLED
    with pytest.raises(VerdictDoesNotFit):
        rule(saga, Verdict.WAS_PAID, by=make.MAKER)


def test_a_card_that_is_being_paid_again_is_not_found_paid(saga):
    for card in CARDS:
        saga.partners.card(card, "1000.00")
    saga.start(make.leg_order(1), make.leg_order(2))
    saga.send()
    saga.clock.advance(timedelta(minutes=3))
    first, second = saga.legs()
    tell(saga, Outcome.PAID, leg=second)
    tell(saga, Outcome.REFUSED, leg=first)
    with transaction() as session:
        again = payouts.succeed_leg(session, first.id, by=make.MAKER, at=saga.clock.now())
    tell(saga, Outcome.PAID, leg=first)

    with pytest.raises(VerdictDoesNotFit):
        rule(saga, Verdict.WAS_PAID, by=make.MAKER, leg=first)

    with transaction() as session:
        payouts.cancel_leg(session, again.id, reason="paid", by=make.MAKER, at=saga.clock.now())
    decide(saga, Verdict.WAS_PAID, leg=first)
    assert saga.loan().principal == Money.yuan("2000.00")


def test_a_payout_in_flight_that_was_parked_is_asked_about_again_when_released(saga):
    saga.partners.card(CARDS[0], "1000.00")
    saga.start(make.leg_order(1))
    saga.send()
    saga.clock.advance(timedelta(minutes=3))
    leg = saga.leg()
    for _ in range(payouts.PARK_AFTER):
        with transaction() as session:
            due = payouts.take_due(session, worker="w", at=saga.clock.now())
            assert due is not None
        with transaction() as session:
            payouts.give_back(session, leg.id, worker="w", at=saga.clock.now())
        saga.clock.advance(timedelta(hours=7))
    parked = saga.leg()
    assert parked.parked
    assert sending.query_due(saga.surroundings) == 0

    with transaction() as session:
        payouts.unpark(session, leg.id, by=make.MAKER, at=saga.clock.now())
    saga.ask(minutes=0)

    assert (saga.status(), saga.leg().parked) == (LegStatus.PAID, False)
    assert "payout.stopped" in saga.facts()


@pytest.mark.parametrize(
    ("outcome", "status"), [(Outcome.PAID, LegStatus.PAID), (Outcome.REFUSED, LegStatus.FAILED)]
)
def test_a_parked_payout_of_which_the_file_tells_waits_for_nobody_any_more(saga, outcome, status):
    saga.partners.card(CARDS[0], "1000.00")
    saga.start(make.leg_order(1))
    saga.send()
    with transaction() as session:
        leg = payouts.legs.lock(session, saga.leg().id)
        leg.parked = True

    tell(saga, outcome)

    assert (saga.status(), saga.leg().parked) == (status, False)
