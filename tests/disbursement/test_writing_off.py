"""Loans that are not paid for long: no income after ninety days, write-off, and recovery after it."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from disbursement import amendments, loan_days, servicing
from disbursement.allocation import Part
from disbursement.amendments import (
    NotAnAmendment,
)
from disbursement.delinquency import Grade
from disbursement.loan_events import WrittenOff
from disbursement.records.life import LoanPosition
from disbursement.records.loans import LoanStatus
from disbursement.schedule.events import (
    Waived,
)
from kernel.money import ZERO, Money
from tests.disbursement import builders as make
from tests.disbursement import lives
from tests.disbursement.lives import SOURCE, noon


@pytest.fixture
def session(checked):
    """Leave nothing behind, and books that agree."""
    return checked


FIRST = date(2026, 2, 15)


LATE = date(2026, 2, 25)


LOST = date(2026, 7, 1)
"""136 days after the first due date: in non-accrual since the 91st."""


def ask(session, loan, wanted, *, by=make.MAKER):
    return amendments.request(
        session, loan.id, wanted, reason="hardship", by=by, at=noon(wanted.on)
    )


def decided(session, loan, wanted):
    asked = ask(session, loan, wanted)
    return amendments.confirm(session, asked.id, by=make.CHECKER, at=noon(wanted.on))


def repay(session, loan, yuan, on):
    return servicing.repay(
        session, loan.id, payment_id=uuid4(), amount=Money.yuan(yuan), on=on, source=SOURCE,
        by=lives.CHANNEL, at=noon(on),
    )  # fmt: skip


def waived(yuan, part=Part.PENALTY, on=LATE):
    return Waived(id=str(uuid4()), on=on, amount=Money.yuan(yuan), part=part)


def close(session, loan, day):
    loan_days.close_through(session, loan, day=day, at=noon(day + timedelta(days=1)))


def lost(session):
    """Make a loan on which nothing was paid for so long that it counts no more."""
    loan = lives.active(session)
    close(session, loan, LOST - timedelta(days=1))
    return loan


def test_after_ninety_days_what_is_owed_is_no_income(session):
    loan = lives.active(session)
    close(session, loan, date(2026, 5, 16))
    before = lives.balances(session, loan.id)

    close(session, loan, date(2026, 5, 17))

    # 90 days after 15 February is 16 May; on the 91st the unpaid interest of three instalments,
    # 100.00 + 92.12 + 84.15 + 76.11, leaves income, and the penalty with it.
    found = lives.balances(session, loan.id)
    assert "interest_suspended" not in before
    assert found["loan_interest"] == "352.38"
    assert "penalty_income" not in found
    assert Money.yuan(found["interest_suspended"]) == Money.yuan("352.38") + Money.yuan(
        found["loan_penalty"]
    )
    position = session.get_one(LoanPosition, loan.id)
    assert (position.is_accruing, position.grade) == (False, Grade.SUBSTANDARD)
    assert position.earning == ZERO


def test_what_is_paid_in_non_accrual_becomes_income_then(session):
    loan = lost(session)
    owing = servicing.owed(session, loan.id, on=LOST)

    repay(session, loan, str(owing.penalty + owing.interest), LOST)

    # Oldest instalment first: it pays principal of the oldest before interest of the newest.
    found = lives.balances(session, loan.id)
    assert Money.yuan(found["interest_suspended"]) == Money.yuan(
        found.get("loan_interest", "0.00")
    ) + Money.yuan(found["loan_penalty"])


def test_when_all_arrears_are_paid_income_runs_again(session):
    loan = lost(session)
    owing = servicing.owed(session, loan.id, on=LOST)

    repay(session, loan, str(owing.due), LOST)

    position = session.get_one(LoanPosition, loan.id)
    assert (position.is_accruing, position.grade) == (True, Grade.NORMAL)
    assert position.earning > ZERO
    assert "interest_suspended" not in lives.balances(session, loan.id)


def test_a_waiver_in_non_accrual_costs_nothing_that_was_income(session):
    loan = lost(session)
    penalty = servicing.owed(session, loan.id, on=LOST).penalty

    decided(session, loan, waived(str(penalty), on=LOST))

    found = lives.balances(session, loan.id)
    assert "waiver" not in found
    assert found["interest_suspended"] == found["loan_interest"]


def written_off(session):
    loan = lost(session)
    decided(session, loan, WrittenOff(id=str(uuid4()), on=LOST))
    return loan


def test_a_loan_that_is_written_off_leaves_the_books_and_is_still_owed(session):
    loan = written_off(session)

    # Suspended interest was never income, so only the principal is lost.
    found = lives.balances(session, loan.id)
    assert found["write_off"] == "10000.00"
    assert {"loan_principal", "loan_interest", "loan_penalty", "interest_suspended"}.isdisjoint(
        found
    )
    assert loan.status is LoanStatus.WRITTEN_OFF
    position = session.get_one(LoanPosition, loan.id)
    assert (position.grade, position.next_on, position.written_off_on) == (Grade.LOSS, None, LOST)
    assert servicing.owed(session, loan.id, on=LOST).principal == Money.yuan("10000.00")
    kinds = session.scalars(text("SELECT kind FROM event ORDER BY id")).all()
    assert kinds[-1] == "loan.written_off"


def test_what_comes_in_after_a_write_off_is_a_recovery(session):
    loan = written_off(session)

    event = repay(session, loan, "500.00", date(2026, 8, 1))

    found = lives.balances(session, loan.id)
    assert (found["recovery_income"], found["funding_bank"]) == ("500.00", "500.00")
    assert event.kind.value == "recovered"
    assert loan.status is LoanStatus.WRITTEN_OFF


def test_a_recovery_that_bounced_is_taken_back(session):
    loan = written_off(session)
    on = date(2026, 8, 1)
    event = repay(session, loan, "500.00", on)

    servicing.take_back(
        session, loan.id, event_id=event.id, reason="bounced", on=on, by=lives.CHANNEL, at=noon(on)
    )

    assert "recovery_income" not in lives.balances(session, loan.id)


def test_a_claim_recovered_in_full_settles_the_loan_and_the_rest_is_the_debtors(session):
    loan = written_off(session)
    on = date(2027, 3, 1)
    owing = servicing.owed(session, loan.id, on=on)

    repay(session, loan, str(owing.due + Money.yuan("7.00")), on)

    found = lives.balances(session, loan.id)
    assert loan.status is LoanStatus.SETTLED
    assert found["loan_credit"] == "7.00"
    assert found["recovery_income"] == str(owing.due)


def test_a_loan_that_is_not_overdue_is_not_written_off(session):
    loan = lives.active(session)

    with pytest.raises(NotAnAmendment):
        ask(session, loan, WrittenOff(id=str(uuid4()), on=lives.START))


def test_a_written_off_loan_is_not_prepaid_nor_amended(session):
    loan = written_off(session)

    with pytest.raises(servicing.LoanWrittenOff):
        servicing.pay_off(
            session, loan.id, payment_id=uuid4(), amount=Money(1), on=LOST, source=SOURCE,
            by=lives.CHANNEL, at=noon(LOST),
        )  # fmt: skip
    with pytest.raises(NotAnAmendment):
        ask(session, loan, waived("1.00", on=LOST))


def test_a_last_recovery_that_bounced_leaves_the_loan_written_off_again(session):
    loan = written_off(session)
    on = date(2027, 3, 1)
    owing = servicing.owed(session, loan.id, on=on)
    event = repay(session, loan, str(owing.due), on)
    settled = loan.status

    servicing.take_back(
        session, loan.id, event_id=event.id, reason="bounced", on=on, by=lives.CHANNEL, at=noon(on)
    )

    assert settled is LoanStatus.SETTLED
    assert loan.status is LoanStatus.WRITTEN_OFF
    assert servicing.owed(session, loan.id, on=on).due == owing.due
