"""What was earned by a day: days of a period add up to exactly what falls due."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from disbursement import accrual
from disbursement.accrual import Due, Earning
from kernel.money import ZERO, Money

BEGIN = date(2026, 1, 31)
PLAN = (
    Due(date(2026, 2, 28), Money.yuan("100.00")),
    Due(date(2026, 3, 31), Money.yuan("92.12")),
)


def after(days: int) -> date:
    return BEGIN + timedelta(days=days)


@st.composite
def plans(draw: st.DrawFn) -> tuple[Due, ...]:
    gaps = draw(st.lists(st.integers(0, 45), min_size=1, max_size=12))
    day, dues = BEGIN, []
    for gap in gaps:
        day += timedelta(days=gap)
        dues.append(Due(day, Money(draw(st.integers(0, 500_000)))))
    return tuple(dues)


def test_interest_runs_evenly_and_falls_due_whole():
    # 100.00 over 28 days: 3.571… a day. Half-way, after 14 days, 50.00; after one day 3.57.
    assert accrual.by_plan(BEGIN, PLAN, on=after(1)) == Money.yuan("3.57")
    assert accrual.by_plan(BEGIN, PLAN, on=after(14)) == Money.yuan("50.00")
    assert accrual.by_plan(BEGIN, PLAN, on=date(2026, 2, 28)) == Money.yuan("100.00")
    # 92.12 over 31 days: 2.9716… for the first of March.
    assert accrual.by_plan(BEGIN, PLAN, on=date(2026, 3, 1)) == Money.yuan("102.97")


def test_nothing_is_earned_before_the_value_date_or_after_the_last_due_date():
    assert accrual.by_plan(BEGIN, PLAN, on=after(-1)) == ZERO
    assert accrual.by_plan(BEGIN, PLAN, on=BEGIN) == ZERO
    assert accrual.by_plan(BEGIN, PLAN, on=date(2030, 1, 1)) == Money.yuan("192.12")
    assert accrual.by_plan(BEGIN, (), on=after(9)) == ZERO


def test_a_stretch_of_no_days_is_earned_at_once():
    at_once = Earning(earned=ZERO, since=BEGIN, earning=Money(7), until=BEGIN)

    assert at_once.by(BEGIN) == Money(7)


@given(plans(), st.integers(1, 400))
def test_the_days_add_up_to_exactly_what_falls_due(plan, days):
    earlier = ZERO
    total = ZERO
    for day in range(days + 1):
        now = accrual.by_plan(BEGIN, plan, on=after(day))
        total += now - earlier
        earlier = now

    due = Money.total(one.interest for one in plan if one.on <= after(days))
    rest = accrual.earning_of(BEGIN, plan, on=after(days))

    assert total == due + (rest.by(after(days)) - rest.earned)
    assert total >= due


@given(plans(), st.integers(0, 400))
def test_no_day_earns_less_than_nothing(plan, days):
    assert accrual.by_plan(BEGIN, plan, on=after(days + 1)) >= accrual.by_plan(
        BEGIN, plan, on=after(days)
    )
