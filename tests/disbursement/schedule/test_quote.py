"""What it costs to close a loan on a day."""

from __future__ import annotations

from datetime import date

import pytest

from disbursement import schedule
from disbursement.schedule import quote
from disbursement.schedule.contract import Contract, Method
from disbursement.schedule.events import Charged, NotApplicable, PaidOff, Repaid
from kernel.money import ZERO, Money
from kernel.rates import Rate

START = date(2026, 1, 15)
FIRST = date(2026, 2, 15)
SECOND = date(2026, 3, 15)


def contract(*, percent="12", method=Method.ANNUITY):
    return Contract(
        principal=Money.yuan("10000.00"),
        annual_rate=Rate.percent(percent),
        instalments=12,
        value_date=START,
        first_due=FIRST,
        anchor_day=15,
        method=method,
    )


def repaid(on, yuan, name="r1"):
    return Repaid(id=name, on=on, amount=Money.yuan(yuan))


def test_the_quoted_amount_closes_the_loan_on_its_day():
    events = [repaid(FIRST, "888.49")]
    day = date(2026, 3, 1)

    owed = quote.payoff(contract(), events, on=day)
    closed = schedule.build(
        contract(), [*events, PaidOff(id="off", on=day, amount=owed.total)], as_of=day
    )

    # 9,211.51 and 14 of 28 days of 92.12 (92.1151 / 2 = 46.06)
    assert (str(owed.principal), str(owed.interest)) == ("9211.51", "46.06")
    assert closed.outstanding == ZERO
    assert closed.rows[-1].due_on == day
    assert len(closed.rows) == 2


def test_a_quote_takes_waiting_money_off():
    owed = quote.payoff(contract(), [repaid(date(2026, 1, 20), "100.00")], on=START.replace(day=20))

    assert owed.credit == Money.yuan("100.00")
    # 10,000 and 5 of 31 days of 100.00, less what waits
    assert str(owed.total) == "9916.13"


def test_a_quote_is_never_below_zero_and_says_what_is_left_over():
    day = date(2026, 1, 20)
    events = [repaid(day, "11000.00")]

    owed = quote.payoff(contract(), events, on=day)
    closed = schedule.build(
        contract(), [*events, PaidOff(id="off", on=day, amount=owed.total)], as_of=day
    )

    # 10,000 and 5 of 31 days of 100.00 (16.13) against 11,000
    assert (str(owed.total), str(owed.left_over)) == ("0.00", "983.87")
    assert closed.outstanding == ZERO
    assert closed.credit == owed.left_over


def test_a_loan_is_not_closed_for_nothing_while_something_has_to_come_in():
    events = [repaid(date(2026, 1, 20), "100.00")]

    with pytest.raises(NotApplicable, match=r"9916\.13"):
        schedule.build(contract(), [*events, PaidOff(id="off", on=date(2026, 1, 20), amount=ZERO)])


def test_another_amount_than_quoted_does_not_close_the_loan():
    with pytest.raises(NotApplicable, match=r"10000\.00"):
        schedule.build(contract(), [PaidOff(id="off", on=START, amount=Money.yuan("9999.99"))])


def test_a_closed_loan_has_no_payoff_amount():
    events = [PaidOff(id="off", on=START, amount=Money.yuan("10000.00"))]

    with pytest.raises(NotApplicable):
        quote.payoff(contract(), events, on=FIRST)


def test_a_payoff_pays_charges_that_were_still_to_come():
    late = Charged(id="c", on=FIRST, due_on=date(2027, 3, 1), amount=Money.yuan("5.00"))

    owed = quote.payoff(contract(), [late], on=SECOND)
    closed = schedule.build(
        contract(), [late, PaidOff(id="off", on=SECOND, amount=owed.total)], as_of=SECOND
    )

    assert owed.fees == Money.yuan("5.00")
    assert closed.outstanding == ZERO


def test_paying_off_a_flat_loan_in_mid_month_costs_interest_for_its_days_only():
    owed = quote.payoff(contract(percent="7.2", method=Method.FLAT), on=date(2026, 2, 1))

    # 17 of 31 days of 60.00
    assert str(owed.interest) == "32.90"
