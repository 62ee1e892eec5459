"""Whole days: every one after the last closed one, in order, restarted wherever it stopped."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text

from disbursement import (
    accounts,
    bulk_closing,
    business_days,
    checking,
    day_loans,
    end_of_day,
    ledger,
    legs,
    servicing,
)
from disbursement.accrual import Due, Earning, by_plan
from disbursement.records.closing import Accrual, ClosedDay
from disbursement.records.life import LoanPosition
from kernel.clock import SetClock, shanghai
from kernel.db import transaction
from kernel.money import ZERO, Money
from tests.disbursement import builders as make
from tests.disbursement import lives
from tests.disbursement.end_of_day import lending

START = lives.START
"""15 January 2026: the first instalment falls due on 15 February."""


def morning(day: date) -> SetClock:
    """Stand at half past one in the night after a day."""
    return SetClock(shanghai(day + timedelta(days=1), 1, 30))


@pytest.fixture
def loan_id(database):
    """Have one loan of 10,000.00 over twelve months at 12 %, begun on 15 January."""
    with transaction() as session:
        return lives.active(session).id


def closed_days() -> list[date]:
    with transaction() as session:
        query = select(ClosedDay.day).where(ClosedDay.closed_at.is_not(None))
        return list(session.scalars(query.order_by(ClosedDay.day)))


def balance(code: str) -> Money:
    with transaction() as session:
        return ledger.balance(session, code)


def test_every_day_since_the_first_loan_began_is_closed_in_order(loan_id):
    run = end_of_day.close_days(morning(date(2026, 1, 18)))

    assert run.closed == closed_days()
    assert closed_days() == [START + timedelta(days=n) for n in range(4)]


def test_days_of_standstill_are_caught_up(loan_id):
    end_of_day.close_days(morning(START))

    run = end_of_day.close_days(morning(date(2026, 3, 20)))

    assert run.closed[0] == date(2026, 1, 16)
    assert len(closed_days()) == 65  # 15 January to 20 March: 17 + 28 + 20
    assert closed_days()[-1] == date(2026, 3, 20)


def test_without_a_loan_there_is_nothing_to_close(database):
    assert end_of_day.close_days(morning(START)).closed == []
    assert closed_days() == []


def test_a_day_that_is_not_over_is_refused(loan_id):
    clock = SetClock(shanghai(date(2026, 1, 20), 23, 59))

    with pytest.raises(business_days.DayStillRuns):
        end_of_day.close_days(clock, through=date(2026, 1, 20))

    assert closed_days() == []


def test_closed_twice_is_closed_once(loan_id):
    clock = morning(date(2026, 2, 15))
    end_of_day.close_days(clock)
    with transaction() as session:
        before = lending.stored(session)

    again = end_of_day.close_days(clock)

    with transaction() as session:
        assert lending.stored(session) == before
    assert (again.closed, again.loans) == ([], 0)


def test_the_days_of_a_period_accrue_exactly_what_falls_due(loan_id):
    # 1 % of 10,000.00 falls due on 15 February; 31 days of 3.2258... add up to it.
    end_of_day.close_days(morning(date(2026, 2, 14)))
    accrued = balance("interest_accrued/hxcf")
    end_of_day.close_days(morning(date(2026, 2, 15)))

    with transaction() as session:
        amounts = [row.amount for row in session.scalars(select(Accrual).order_by(Accrual.day))]
    assert accrued == Money.yuan("96.77")
    assert amounts[:3] == [ZERO, Money.yuan("3.23"), Money.yuan("3.22")]
    assert Money.total(amounts) == Money.yuan("100.00")
    assert balance("interest_accrued/hxcf") == ZERO
    assert balance(accounts.loan_interest(loan_id)) == Money.yuan("100.00")
    assert balance("interest_income/hxcf") == Money.yuan("100.00")


def test_a_product_has_one_posting_a_day(loan_id):
    with transaction() as session:
        for serial in (2, 3):
            order = make.leg_order(serial, "7000.00")
            loan = lives.placed(session, order, order_id=UUID(int=serial))
            lives.paid(session, legs.of_loan(session, loan.id)[0], "7000.00", on=START)

    end_of_day.close_days(morning(date(2026, 1, 20)))

    with transaction() as session:
        posted = session.scalars(
            text("SELECT value_date FROM transfer WHERE reason = 'interest_accrued' ORDER BY 1")
        ).all()
    # Nothing is earned on the value date itself.
    assert posted == [START + timedelta(days=n) for n in range(1, 6)]


def test_non_accrual_takes_income_back_and_paying_all_arrears_brings_it_again(loan_id):
    # Unpaid since 15 February: 90 days on 16 May, non-accrual from the close of 17 May.
    end_of_day.close_days(morning(date(2026, 5, 16)))
    before = balance("interest_income/hxcf")
    end_of_day.close_days(morning(date(2026, 5, 17)))

    after = balance("interest_income/hxcf")
    due = balance(accounts.loan_interest(loan_id))
    # All interest that fell due, and what had accrued since 15 May, is no income any more.
    assert before > due > ZERO
    assert after == ZERO
    assert balance("interest_accrued/hxcf") == ZERO
    penalty = balance(accounts.loan_penalty(loan_id))
    assert balance("interest_suspended/hxcf") == due + penalty
    end_of_day.close_days(morning(date(2026, 5, 20)))
    assert balance("interest_income/hxcf") == ZERO

    with transaction() as session:
        owed = servicing.owed(session, loan_id, on=date(2026, 5, 21)).due
        servicing.repay(
            session,
            loan_id,
            payment_id=UUID(int=9),
            amount=owed,
            on=date(2026, 5, 21),
            source=lending.SOURCE,
            by=make.MAKER,
            at=lives.noon(date(2026, 5, 21)),
        )
    end_of_day.close_days(morning(date(2026, 5, 21)))

    with transaction() as session:
        position = session.get_one(LoanPosition, loan_id)
        assert position.is_accruing
    assert balance("interest_suspended/hxcf") == ZERO
    # Six days of the period that began on 15 May have accrued again.
    assert balance("interest_accrued/hxcf") > ZERO
    assert balance("interest_income/hxcf") == due + balance("interest_accrued/hxcf")


def test_the_books_hold_after_every_day_and_what_is_accrued_is_what_positions_say(session):
    def close(opened, day: date) -> None:
        at = lives.noon(day)
        assert business_days.begin_next(opened, through=day, at=at) == day
        left = bulk_closing.ALL
        while left is not None:
            left = day_loans.close_alike(opened, day, span=left, limit=3, at=at).left
        opened.expire_all()
        day_loans.close_singly(opened, day, day_loans.waiting(opened, day, limit=99), at=at)
        assert business_days.end(opened, day, at=at)
        opened.flush()
        opened.expire_all()
        accrued = ledger.balance(opened, "interest_accrued/hxcf")
        assert accrued == running(opened, day)

    lending.live(session, 4, close, days=140)

    assert checking.check_books(session) == []


def running(session, day: date) -> Money:
    """Add up by the pure function what is earned and not due, loan by loan."""
    positions = session.scalars(select(LoanPosition)).all()
    return Money.total(
        Earning(
            earned=ZERO, since=one.earning_since, earning=one.earning, until=one.earning_until
        ).by(day)
        for one in positions
    )


def test_a_loan_booked_beyond_the_day_is_read_from_its_instalments(loan_id):
    # A payment of 20 March closes the loan's days before it; the end of day still stands at
    # 10 February, where 26 of the first 31 days have passed.
    end_of_day.close_days(morning(START))
    with transaction() as session:
        servicing.repay(
            session,
            loan_id,
            payment_id=UUID(int=9),
            amount=Money.yuan("500.00"),
            on=date(2026, 3, 20),
            source=lending.SOURCE,
            by=make.MAKER,
            at=lives.noon(date(2026, 3, 20)),
        )

    end_of_day.close_days(morning(date(2026, 2, 10)))

    plan = [Due(date(2026, 2, 15), Money.yuan("100.00"))]
    with transaction() as session:
        row = session.get_one(Accrual, (date(2026, 2, 10), product_id(session)))
        assert row.earned == by_plan(START, plan, on=date(2026, 2, 10)) == Money.yuan("83.87")


def product_id(session):
    return session.scalar(text("SELECT id FROM product"))
