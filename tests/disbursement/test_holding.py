"""A payout can be held back until it is being sent, by finance alone, with a reason."""

from __future__ import annotations

import pytest

from disbursement import approvals, holding, legs, loans, payouts
from disbursement.records.payouts import LegStatus
from kernel.actors import Actor, Role
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
