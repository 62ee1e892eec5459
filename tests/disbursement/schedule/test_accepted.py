"""Events that were booked before stand, though a later return or reversal leaves less room."""

from __future__ import annotations

from datetime import date

import pytest

from disbursement import schedule
from disbursement.allocation import Part
from disbursement.schedule import figures, quote
from disbursement.schedule.contract import Contract, Penalty
from disbursement.schedule.events import (
    Charged,
    Disbursed,
    NotApplicable,
    PaidOff,
    Prepaid,
    RateChanged,
    Repaid,
    Returned,
    Reversed,
    Strategy,
    Waived,
)
from kernel.money import ZERO, Money
from kernel.rates import DayBasis, Rate

START = date(2026, 1, 15)
FIRST = date(2026, 2, 15)
SECOND = date(2026, 3, 15)
LATE = Penalty(annual_rate=Rate.percent("18"), grace_days=3, day_basis=DayBasis.D360)


def contract(yuan="10000.00"):
    return Contract(
        principal=Money.yuan(yuan),
        annual_rate=Rate.percent("12"),
        instalments=12,
        value_date=START,
        first_due=FIRST,
        anchor_day=15,
        penalty=LATE,
    )


def came_back(yuan):
    return Returned(id="back", on=SECOND, amount=Money.yuan(yuan))


def read(events, *, on=SECOND, yuan="10000.00"):
    accepted = [event.id for event in events]
    return figures.read(contract(yuan), events, on=on, accepted=accepted).figures


@pytest.mark.parametrize("strategy", Strategy)
def test_what_was_prepaid_beyond_the_principal_that_is_left_waits(strategy):
    prepaid = Prepaid(id="p", on=START, amount=Money.yuan("4000.00"), strategy=strategy)

    found = read([prepaid, came_back("7000.00")])

    # 3,000.00 were lent; of 4,000.00 the rest is the debtor's.
    assert found.credit == 100_000
    assert found.is_over
    with pytest.raises(NotApplicable):
        schedule.build(contract(), [prepaid, came_back("7000.00")])


def test_a_payoff_that_was_too_much_leaves_credit():
    off = PaidOff(id="off", on=START, amount=Money.yuan("10000.00"))

    found = read([off, came_back("2500.00")])

    assert (found.credit, found.principal, found.is_over) == (250_000, 0, True)


def test_a_payoff_that_was_not_enough_leaves_the_rest_owed_since_its_day():
    paid = Repaid(id="r", on=FIRST, amount=Money.yuan("888.49"))
    total = quote.payoff(contract(), [paid], on=FIRST).total
    off = PaidOff(id="off", on=FIRST, amount=total)
    bounced = Reversed(id="x", on=FIRST, event_id="r")

    found = read([paid, off, bounced], on=FIRST)

    assert found.overdue_since == FIRST
    assert found.principal + found.open(Part.INTEREST) == 88_849


def test_a_waiver_of_more_than_was_ever_owed_takes_off_what_was():
    waived = Waived(id="w", on=FIRST, amount=Money.yuan("100.00"), part=Part.INTEREST)

    found = read([waived, came_back("5000.00")], on=SECOND)

    # The first month of 5,000.00 bears 50.00.
    assert found.waived[Part.INTEREST] == 5_000


def test_principal_is_never_waived():
    waived = Waived(id="w", on=FIRST, amount=Money(1), part=Part.PRINCIPAL)

    with pytest.raises(NotApplicable):
        read([waived])


def test_another_rate_for_a_loan_that_has_ended_changes_nothing():
    off = PaidOff(id="off", on=START, amount=Money.yuan("10000.00"))
    other = RateChanged(id="c", on=FIRST, annual_rate=Rate.percent("6"))

    assert read([off, other]).is_over


def test_a_tranche_of_a_loan_that_was_paid_off_takes_the_due_dates_that_are_left():
    off = PaidOff(id="off", on=START, amount=Money.yuan("10000.00"))
    tranche = Disbursed(id="d", on=date(2026, 2, 20), amount=Money.yuan("1100.00"))

    made = schedule.build(contract(), [off, tranche], accepted=["off", "d"])

    owed = made.rows[1:]
    assert [row.due_on for row in owed][:2] == [SECOND, date(2026, 4, 15)]
    assert len(owed) == 11
    # From 20 February to 15 March: 23 of 28 days of 11.00.
    assert str(owed[0].interest) == "9.04"
    assert owed[-1].balance == ZERO


def test_a_tranche_after_the_last_due_date_falls_due_a_month_later():
    paid = Repaid(id="r", on=START, amount=Money.yuan("12000.00"))
    on = date(2027, 2, 1)
    tranche = Disbursed(id="d", on=on, amount=Money.yuan("1000.00"))

    made = schedule.build(contract(), [paid, tranche], accepted=["r", "d"])

    assert (made.rows[-1].due_on, str(made.rows[-1].principal)) == (date(2027, 3, 1), "1000.00")


def test_a_tranche_that_replaces_all_that_came_back_keeps_the_due_dates():
    back = Returned(id="back", on=date(2026, 1, 20), amount=Money.yuan("10000.00"))
    tranche = Disbursed(id="d", on=date(2026, 1, 25), amount=Money.yuan("10000.00"))

    made = schedule.build(contract(), [back, tranche])

    plain = schedule.build(contract())
    assert [row.due_on for row in made.rows] == [row.due_on for row in plain.rows]
    # 21 of 31 days of 100.00.
    assert str(made.rows[0].interest) == "67.74"


def test_figures_add_up_what_happened():
    events = [
        Charged(id="c", on=START, due_on=FIRST, amount=Money.yuan("5.00")),
        Repaid(id="r", on=date(2026, 2, 25), amount=Money.yuan("500.00")),
        Waived(id="w", on=date(2026, 2, 25), amount=Money.yuan("1.00"), part=Part.PENALTY),
    ]

    found = read(events, on=date(2026, 2, 25))

    # Ten days of 788.49 at 18 % / 360 are 3.94. The waiver of the day comes first: 2.94 are left;
    # of 500.00 they, 5.00 of fees and 100.00 of interest leave 392.06 for principal.
    assert (found.due[Part.PENALTY], found.waived[Part.PENALTY]) == (394, 100)
    assert (found.paid[Part.FEES], found.paid[Part.PENALTY]) == (500, 294)
    assert (found.paid[Part.INTEREST], found.paid[Part.PRINCIPAL]) == (10_000, 39_206)
    assert (found.lent, found.principal, found.came_in) == (1_000_000, 960_794, 50_000)
    assert (found.overdue_since, found.next_due, found.fallen) == (FIRST, SECOND, 1)
