"""Every method over one kind of period table."""

from __future__ import annotations

from datetime import date

import pytest

from disbursement import schedule
from disbursement.schedule.calendar import HolidayPolicy, Unit, Workdays
from disbursement.schedule.contract import (
    Contract,
    DayCount,
    FirstPeriod,
    Grace,
    Method,
    NotSchedulable,
)
from kernel.money import Money
from kernel.rates import DayBasis, Rate


def contract(yuan="10000.00", *, percent="12", instalments=12, **terms):
    value_date = terms.pop("value_date", date(2026, 1, 15))
    first_due = terms.pop("first_due", date(2026, 2, 15))
    terms.setdefault("anchor_day", first_due.day)
    return Contract(
        principal=Money.yuan(yuan),
        annual_rate=Rate.percent(percent),
        instalments=instalments,
        value_date=value_date,
        first_due=first_due,
        **terms,
    )


def test_equal_principal_has_falling_interest():
    made = schedule.build(contract(method=Method.EQUAL_PRINCIPAL))

    assert [str(row.principal) for row in made.rows] == ["833.33"] * 11 + ["833.37"]
    assert str(made.rows[0].total) == "933.33"
    assert str(made.rows[-1].total) == "841.70"
    assert str(made.total_interest) == "650.00"


def test_interest_only_pays_the_principal_at_the_end():
    made = schedule.build(contract(method=Method.INTEREST_ONLY, instalments=3))

    assert [str(row.total) for row in made.rows] == ["100.00", "100.00", "10100.00"]


def test_a_single_payment_brings_all_interest_without_interest_on_interest():
    made = schedule.build(contract(method=Method.SINGLE, instalments=3))

    assert [str(row.total) for row in made.rows] == ["0.00", "0.00", "10300.00"]


def test_flat_interest_stays_on_the_first_principal():
    # 10,000 x 0.6 % = 60.00 a month on the opening principal, all along.
    made = schedule.build(contract(method=Method.FLAT, percent="7.2"))

    assert {str(row.interest) for row in made.rows} == {"60.00"}
    assert {str(row.total) for row in made.rows[:-1]} == {"893.33"}
    assert str(made.rows[-1].principal) == "833.37"


def test_grace_on_principal_puts_the_whole_annuity_behind_it():
    made = schedule.build(contract(grace=Grace(principal=4), instalments=16))

    assert [str(row.total) for row in made.rows[:5]] == ["100.00"] * 4 + ["888.49"]
    assert str(made.rows[-1].total) == "888.47"


def test_grace_on_interest_collects_it_with_the_first_payment_after():
    made = schedule.build(contract(grace=Grace(principal=2, interest=2), instalments=14))

    # 100.00 for each of three months; the instalment itself is 888.49.
    assert [str(row.total) for row in made.rows[:3]] == ["0.00", "0.00", "1088.49"]
    assert str(made.rows[2].interest) == "300.00"


def test_compounded_interest_bears_interest_while_it_waits():
    made = schedule.build(
        contract(grace=Grace(principal=2, interest=2, compounded=True), instalments=14)
    )

    # 100.00 + 101.00 + 102.01
    assert str(made.rows[2].interest) == "303.01"


@pytest.mark.parametrize(
    ("day_count", "interest"),
    [
        # 31 days of 10,000 at 12 %
        (DayCount.THIRTY_360, "100.00"),
        (DayCount.ACT_360, "103.33"),
        (DayCount.ACT_365, "101.92"),
        (DayCount.ACT_ACT, "101.92"),
    ],
)
def test_the_day_count_decides_the_interest_of_a_month(day_count, interest):
    made = schedule.build(contract(day_count=day_count))

    assert str(made.rows[0].interest) == interest


def test_actual_days_over_their_own_year_are_cut_at_new_year():
    made = schedule.build(
        contract(
            value_date=date(2027, 12, 15), first_due=date(2028, 1, 15), day_count=DayCount.ACT_ACT
        )
    )

    # 10,000 x 12 % x (17/365 + 14/366) = 101.793...
    assert str(made.rows[0].interest) == "101.79"


def test_weekly_instalments_step_by_seven_days():
    made = schedule.build(
        contract(
            first_due=date(2026, 1, 29),
            every=2,
            unit=Unit.WEEK,
            day_count=DayCount.ACT_365,
            instalments=3,
        )
    )

    assert [str(row.due_on) for row in made.rows] == ["2026-01-29", "2026-02-12", "2026-02-26"]


def test_a_quarter_counts_as_three_twelfths():
    made = schedule.build(contract(first_due=date(2026, 4, 15), every=3, instalments=4))

    assert str(made.rows[0].interest) == "300.00"


def test_an_irregular_first_period_may_count_as_whole():
    terms = {"first_due": date(2026, 3, 1), "method": Method.EQUAL_PRINCIPAL}

    by_days = schedule.build(contract(first_period=FirstPeriod.DAYS, **terms))
    by_365 = schedule.build(contract(day_basis=DayBasis.D365, **terms))
    whole = schedule.build(contract(first_period=FirstPeriod.WHOLE, **terms))

    # 45 days: 10,000 x 12 % x 45/360, x 45/365, and one twelfth
    interest = [str(made.rows[0].interest) for made in (by_days, by_365, whole)]
    assert interest == ["150.00", "147.95", "100.00"]


def test_a_first_due_date_on_a_month_end_is_not_whole_by_accident():
    made = schedule.build(contract(first_due=date(2026, 2, 28)))

    # 15 January to 28 February is 44 days, not a month.
    assert str(made.rows[0].interest) == "146.67"


SPRING_FESTIVAL = Workdays(
    holidays=frozenset(date(2026, 2, day) for day in range(15, 24)),
    worked_weekends=frozenset({date(2026, 2, 14), date(2026, 2, 28)}),
)


def test_a_due_date_may_follow_the_holidays_while_interest_days_stay():
    made = schedule.build(
        contract(workdays=SPRING_FESTIVAL, holiday_policy=HolidayPolicy.FOLLOWING)
    )

    # 15 March is a Sunday.
    assert [str(row.due_on) for row in made.rows[:2]] == ["2026-02-24", "2026-03-16"]
    assert [row.days for row in made.rows[:2]] == [31, 28]
    assert made.total_interest == schedule.build(contract()).total_interest


def test_a_kept_due_date_stays_in_the_holidays():
    made = schedule.build(contract(workdays=SPRING_FESTIVAL))

    assert str(made.rows[0].due_on) == "2026-02-15"


def test_a_worked_weekend_is_a_working_day():
    assert SPRING_FESTIVAL.next_open(date(2026, 2, 28)) == date(2026, 2, 28)


@pytest.mark.parametrize(
    "terms",
    [
        {"grace": Grace(principal=12)},
        {"grace": Grace(principal=1, interest=2)},
        {"grace": Grace(principal=-1)},
        {"unit": Unit.WEEK},
        {"anchor_day": 32},
        {"every": 0},
    ],
    ids=str,
)
def test_terms_that_contradict_each_other_are_refused(terms):
    with pytest.raises(NotSchedulable):
        contract(**terms)
