"""A payout is held back, or called off by two, until it is being sent; by finance, with a reason."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from disbursement import approvals, holding, legs, loans, payouts
from disbursement.records.loans import LoanStatus
from disbursement.records.payouts import LegStatus
from kernel import moves
from kernel.actors import Actor, Role
from kernel.moves import MoveRefused
from kernel.sealing import seal
from tests.disbursement import builders as make


def placed(session):
    make.lender(session)
    loan = loans.place(session, make.loan_order(), by=make.DEBTOR, at=make.TEN)
    (leg,) = legs.of_loan(session, loan.id)
    return leg


def park(session, leg, *, reason="ask the debtor first", by=make.MAKER):
    return holding.park(session, leg.id, reason=reason, by=by, at=make.TEN)


def test_what_is_held_back_is_not_sent_until_it_is_released(session):
    leg = placed(session)
    approvals.approve(session, leg.id, by=make.MAKER, at=make.TEN)

    park(session, leg)

    assert payouts.take(session, worker="w", at=make.TEN) is None
    payouts.unpark(session, leg.id, by=make.MAKER, at=make.TEN)
    work = payouts.take(session, worker="w", at=make.TEN)
    assert work is not None
    assert work.leg_id == leg.id


def test_held_back_twice_is_held_back(session):
    leg = placed(session)

    park(session, leg)
    park(session, leg)

    assert leg.parked
    assert leg.status is LegStatus.PLANNED


def test_what_a_worker_is_sending_is_not_held_back(session):
    leg = placed(session)
    approvals.approve(session, leg.id, by=make.MAKER, at=make.TEN)
    payouts.take(session, worker="w", at=make.TEN)

    with pytest.raises(holding.BeingSent):
        park(session, leg)


@pytest.mark.parametrize("role", [Role.DEBTOR, Role.RISK_OFFICER, Role.OPERATOR, Role.AGENCY])
def test_only_finance_holds_payouts_back(session, role):
    leg = placed(session)

    with pytest.raises(approvals.NotAnApprover):
        park(session, leg, by=Actor(role, "x"))


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201])
def test_a_reason_is_needed(session, reason):
    leg = placed(session)

    with pytest.raises(holding.NoReason):
        park(session, leg, reason=reason)


def call_off(session, leg, by, *, reason="the payee was changed"):
    return holding.call_off(session, leg.id, reason=reason, by=by, at=make.TEN)


def test_two_persons_call_off_a_payout_whose_payee_was_changed_and_the_loan_ends(session):
    leg = placed(session)
    leg.card = seal(make.card_number(2))
    session.flush()
    with pytest.raises(approvals.PayeeChanged):
        approvals.approve(session, leg.id, by=make.MAKER, at=make.TEN)

    first = call_off(session, leg, make.MAKER)
    held = (leg.status, leg.parked)
    second = call_off(session, leg, make.CHECKER, reason="so it is")

    assert (first, second) == (False, True)
    assert held == (LegStatus.PLANNED, True)
    assert (leg.status, leg.parked) == (LegStatus.CANCELLED, False)
    assert loans.get(session, leg.loan_id).status is LoanStatus.CANCELLED
    reason = moves.history(session, leg, table=legs.MOVES)[-1].reason
    assert reason == "called off by two: the payee was changed; so it is"


def test_a_payout_whose_card_cannot_be_opened_is_refused_and_called_off(session):
    leg = placed(session)
    session.execute(text("UPDATE payout_leg SET card = '\\x00'::bytea"))
    session.expire_all()
    with pytest.raises(approvals.PayeeUnreadable):
        approvals.approve(session, leg.id, by=make.MAKER, at=make.TEN)

    call_off(session, leg, make.CHECKER)

    assert call_off(session, leg, make.MAKER)


def test_what_is_asked_to_be_called_off_is_not_sent(session):
    leg = placed(session)
    approvals.approve(session, leg.id, by=make.MAKER, at=make.TEN)

    call_off(session, leg, make.MAKER)

    assert payouts.take(session, worker="w", at=make.TEN) is None
    asked = holding.asked(session, leg)
    assert asked is not None
    assert (asked.actor, asked.reason) == (str(make.MAKER), "the payee was changed")


@pytest.mark.parametrize("role", [Role.FINANCE_MAKER, Role.FINANCE_CHECKER])
def test_the_same_person_in_whatever_role_does_not_call_off_alone(session, role):
    leg = placed(session)
    call_off(session, leg, make.CHECKER)

    with pytest.raises(holding.CallOffAskedAlready):
        call_off(session, leg, Actor(role, make.CHECKER.id))

    assert leg.status is LegStatus.PLANNED


def test_two_makers_do_not_call_off(session):
    leg = placed(session)
    call_off(session, leg, make.MAKER)

    with pytest.raises(approvals.NotAnApprover):
        call_off(session, leg, Actor(Role.FINANCE_MAKER, "zhao.lei"))

    assert call_off(session, leg, make.CHECKER)


def test_releasing_a_payout_takes_the_word_back(session):
    leg = placed(session)
    call_off(session, leg, make.MAKER)

    payouts.unpark(session, leg.id, by=make.CHECKER, at=make.TEN)

    assert holding.asked(session, leg) is None
    assert not call_off(session, leg, make.CHECKER)
    assert leg.status is LegStatus.PLANNED


def test_what_a_worker_is_sending_is_not_called_off(session):
    leg = placed(session)
    approvals.approve(session, leg.id, by=make.MAKER, at=make.TEN)
    payouts.take(session, worker="w", at=make.TEN)

    with pytest.raises(holding.BeingSent):
        call_off(session, leg, make.MAKER)


def test_what_was_called_off_is_not_called_off_again(session):
    leg = placed(session)
    call_off(session, leg, make.MAKER)
    call_off(session, leg, make.CHECKER)

    with pytest.raises(MoveRefused):
        call_off(session, leg, make.MAKER)


@pytest.mark.parametrize("role", [Role.DEBTOR, Role.RISK_OFFICER, Role.OPERATOR, Role.SYSTEM])
def test_only_finance_calls_off(session, role):
    leg = placed(session)

    with pytest.raises(approvals.NotAnApprover):
        call_off(session, leg, Actor(role, "x"))


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201])
def test_calling_off_needs_a_reason_of_each(session, reason):
    leg = placed(session)
    call_off(session, leg, make.MAKER)

    with pytest.raises(holding.NoCallOffReason):
        call_off(session, leg, make.CHECKER, reason=reason)
