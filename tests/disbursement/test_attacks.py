"""Attempts to bend a loan's life out of shape: days that have not come, amounts out of all bounds."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest

from disbursement import (
    amendments,
    checking,
    end_of_day,
    legs,
    loan_days,
    outcomes,
    servicing,
)
from disbursement.amendments import NotAnAmendment
from disbursement.channels.channel import Outcome, Receipt
from disbursement.loan_events import WrittenOff
from disbursement.records.life import LoanPosition
from disbursement.schedule.events import Charged, Paused, RateChanged, ReAged
from disbursement.servicing import NotReversible
from kernel.clock import SetClock
from kernel.db import transaction
from kernel.money import FEN_MAX, Money
from kernel.rates import Rate
from tests.disbursement import builders as make
from tests.disbursement import lives
from tests.disbursement.lives import SOURCE, START, noon

FIRST = date(2026, 2, 15)
LATER = date(2026, 4, 1)
FAR = date(2031, 1, 1)


@pytest.fixture
def session(checked):
    """Leave nothing behind, and books that agree."""
    return checked


def repay(session, loan, amount, on):
    return servicing.repay(
        session, loan.id, payment_id=uuid4(), amount=amount, on=on, source=SOURCE,
        by=lives.CHANNEL, at=noon(on),
    )  # fmt: skip


def test_nothing_is_taken_back_on_a_day_that_has_not_come(session):
    loan = lives.active(session)
    payment = repay(session, loan, Money.yuan("100.00"), FIRST)

    with pytest.raises(NotReversible):
        servicing.take_back(
            session, loan.id, event_id=payment.id, reason="bounced", on=FAR, by=make.MAKER,
            at=noon(FIRST),
        )  # fmt: skip

    assert session.get_one(LoanPosition, loan.id).closed_through < FIRST


def test_a_return_dated_years_ahead_closes_no_day_that_has_not_been(session):
    loan = lives.placed(session, make.leg_order(1, "6000.00"), make.leg_order(2, "4000.00"))
    first, second = legs.of_loan(session, loan.id)
    for leg in (first, second):
        lives.paid(session, leg, str(leg.ceiling), on=START)
    told = Receipt(outcome=Outcome.RETURNED, text="returned", returned_on=FAR)

    outcomes.apply(session, first, told, by=lives.CHANNEL, at=noon(FIRST))

    assert first.returned_on == FIRST + timedelta(days=1)
    assert session.get_one(LoanPosition, loan.id).closed_through <= FIRST


def test_a_payment_dated_years_ahead_begins_its_loan_now(session):
    loan = lives.placed(session, make.leg_order(1, "6000.00"))
    (leg,) = legs.of_loan(session, loan.id)
    lives.send(session, leg, "6000.00", on=START)
    told = Receipt(outcome=Outcome.PAID, text="paid", settle_day=FAR)

    outcomes.apply(session, leg, told, by=lives.CHANNEL, at=noon(START))

    assert loan.value_date == START + timedelta(days=1)


@pytest.mark.parametrize(
    "wanted",
    [
        WrittenOff(id=str(uuid4()), on=START - timedelta(days=1)),
        RateChanged(id=str(uuid4()), on=date(2020, 1, 1), annual_rate=Rate.percent("1.00")),
        ReAged(id=str(uuid4()), on=LATER, instalments=361, first_due=date(2026, 5, 1)),
        ReAged(id=str(uuid4()), on=LATER, instalments=360, first_due=date(9998, 1, 1)),
        Paused(id=str(uuid4()), on=LATER, until=date(9999, 12, 31)),
        Charged(id=str(uuid4()), on=LATER, due_on=date(9999, 12, 31), amount=Money(1)),
        Charged(id=str(uuid4()), on=LATER, due_on=FIRST, amount=Money(1)),
    ],
    ids=[
        "lost_before_it_began", "before_any_law", "too_many", "beyond_the_calendar",
        "for_ever", "due_never", "due_before_it_was_made",
    ],
)  # fmt: skip
def test_a_change_out_of_bounds_is_refused_when_it_is_asked_for(session, wanted):
    loan = lives.active(session)
    loan_days.close_through(session, loan, day=LATER, at=noon(LATER))

    with pytest.raises(NotAnAmendment):
        amendments.request(session, loan.id, wanted, reason="r", by=make.MAKER, at=noon(LATER))


def test_the_largest_amount_there_is_can_be_read_back(session):
    loan = lives.active(session)

    repay(session, loan, Money(FEN_MAX), START)

    # 10,000.00 over twelve months at 12 % is 888.49 a month; the first was paid out of it.
    assert servicing.owed(session, loan.id, on=FIRST).credit == Money(FEN_MAX - 88_849)


def test_money_of_an_earlier_day_that_is_learned_of_late_bears_no_penalty(database):
    with transaction() as session:
        loan_id = lives.active(session).id
    end_of_day.close_days(SetClock(noon(date(2026, 3, 21))))
    with transaction() as session:
        # Dated 1 March: it pays February's instalment, and what is left a part of March's.
        servicing.repay(
            session, loan_id, payment_id=uuid4(), amount=Money.yuan("1500.00"),
            on=date(2026, 3, 1), source=SOURCE, by=lives.CHANNEL, at=noon(date(2026, 3, 21)),
        )  # fmt: skip

    end_of_day.close_days(SetClock(noon(date(2026, 7, 1))))

    with transaction() as session:
        assert checking.check_books(session) == []
