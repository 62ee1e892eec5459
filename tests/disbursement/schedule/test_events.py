"""What happens to a loan, event by event."""

from __future__ import annotations

from datetime import date

import pytest

from disbursement import schedule
from disbursement.allocation import Part
from disbursement.schedule.contract import Contract, Method, Penalty
from disbursement.schedule.events import (
    Charged,
    Disbursed,
    NotApplicable,
    Paused,
    Prepaid,
    RateChanged,
    ReAged,
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


def contract(yuan="10000.00", *, percent="12", instalments=12, **terms):
    return Contract(
        principal=Money.yuan(yuan),
        annual_rate=Rate.percent(percent),
        instalments=instalments,
        value_date=START,
        first_due=FIRST,
        anchor_day=15,
        **terms,
    )


def repaid(on, yuan, name="r1"):
    return Repaid(id=name, on=on, amount=Money.yuan(yuan))


def totals(made):
    return [str(row.total) for row in made.rows]


def test_an_instalment_paid_on_its_day_leaves_the_plan_unchanged():
    made = schedule.build(contract(), [repaid(FIRST, "888.49")])

    assert made.rows == schedule.build(contract()).rows
    assert made.paid[0].paid_on == FIRST
    assert made.outstanding == made.total_payments - Money.yuan("888.49")


def test_money_that_comes_early_waits_for_the_due_date():
    early = [repaid(date(2026, 2, 10), "888.49")]

    before = schedule.build(contract(), early)
    after = schedule.build(contract(), early, as_of=FIRST)

    assert before.credit == Money.yuan("888.49")
    assert after.credit == ZERO
    assert after.paid[0].paid_on == FIRST
    assert after.paid[0].late_fen == 0


def test_a_payment_pays_the_oldest_instalment_first():
    made = schedule.build(contract(), [repaid(SECOND, "900.00")])

    assert str(made.paid[0].total) == "888.49"
    # Interest of the second instalment before its principal.
    assert made.paid[1].interest_fen == 1151
    assert made.paid[1].principal_fen == 0


LATE = Penalty(annual_rate=Rate.percent("18"), grace_days=3, day_basis=DayBasis.D360)


def test_overdue_principal_bears_penalty_until_it_is_paid():
    # 788.49 of principal, ten days at 18 % / 360: 3.942...
    late = date(2026, 2, 25)

    made = schedule.build(contract(penalty=LATE), [repaid(late, "892.43")])

    assert str(made.rows[0].penalty) == "3.94"
    assert made.paid[0].paid_on == late
    assert made.paid[0].late_fen == 89243


def test_within_days_of_grace_nothing_is_charged():
    made = schedule.build(contract(penalty=LATE), [repaid(date(2026, 2, 18), "888.49")])

    assert made.rows[0].penalty == ZERO
    assert made.paid[0].paid_on == date(2026, 2, 18)


def test_penalty_of_what_is_still_overdue_runs_to_the_day_looked_at():
    made = schedule.build(contract(penalty=LATE), as_of=date(2026, 2, 25))

    assert str(made.rows[0].penalty) == "3.94"
    assert str(made.due_unpaid(date(2026, 2, 25))) == "892.43"


def test_looking_day_by_day_or_once_gives_the_same_penalty():
    partial = [repaid(date(2026, 2, day), "10.00", f"r{day}") for day in range(20, 28)]

    made = schedule.build(contract(penalty=LATE), partial, as_of=date(2026, 3, 10))

    # Payments of 10.00 pay penalty and interest first: principal stays at 788.49 throughout,
    # 23 days x 788.49 x 18 % / 360 = 9.067...
    assert str(made.rows[0].penalty) == "9.07"


def test_prepaying_may_shorten_the_loan():
    made = schedule.build(
        contract(),
        [
            repaid(FIRST, "888.49"),
            Prepaid(id="p", on=FIRST, amount=Money.yuan("3000.00"), strategy=Strategy.SHORTEN),
        ],
    )

    # 6,211.51 left at 12 % with 888.49 a month: seven full instalments and a rest.
    assert len(made.rows) == 9
    assert set(totals(made)[1:-1]) == {"888.49"}
    assert made.rows[0].prepaid == Money.yuan("3000.00")
    assert made.rows[0].balance == Money.yuan("6211.51")
    assert made.rows[-1].balance == ZERO


def test_prepaying_may_lower_the_instalments():
    made = schedule.build(
        contract(),
        [
            repaid(FIRST, "888.49"),
            Prepaid(id="p", on=FIRST, amount=Money.yuan("3000.00"), strategy=Strategy.LOWER),
        ],
    )

    # 3,000 over eleven months would have carried 289.362..., of which 289.36 is taken off.
    assert len(made.rows) == 12
    assert set(totals(made)[1:-1]) == {"599.13"}


def test_a_prepayment_in_mid_month_saves_interest_from_its_day():
    made = schedule.build(
        contract(),
        [
            Prepaid(
                id="p", on=date(2026, 2, 1), amount=Money.yuan("5000.00"), strategy=Strategy.SHORTEN
            )
        ],
    )

    # 100.00 for the whole month, less 5,000 x 1 % x 14/31 days
    assert str(made.rows[0].interest) == "77.42"


def test_a_prepayment_pays_what_is_due_first():
    made = schedule.build(
        contract(),
        [Prepaid(id="p", on=FIRST, amount=Money.yuan("1000.00"), strategy=Strategy.SHORTEN)],
    )

    assert made.paid[0].paid_on == FIRST
    assert made.rows[0].prepaid == Money.yuan("111.51")


def test_prepaying_more_than_the_principal_left_is_refused():
    with pytest.raises(NotApplicable):
        schedule.build(
            contract(),
            [Prepaid(id="p", on=START, amount=Money.yuan("10000.01"), strategy=Strategy.LOWER)],
        )


def test_prepaying_all_principal_leaves_only_the_interest_so_far():
    made = schedule.build(
        contract(),
        [
            Prepaid(
                id="p", on=date(2026, 2, 1), amount=Money.yuan("10000.00"), strategy=Strategy.LOWER
            )
        ],
    )

    # 17 of 31 days of 100.00
    assert totals(made) == ["54.84"]


def test_a_fee_is_paid_with_the_instalment_of_its_due_date():
    made = schedule.build(
        contract(), [Charged(id="c", on=START, due_on=date(2026, 3, 1), amount=Money.yuan("5.00"))]
    )

    assert [str(row.fees) for row in made.rows[:3]] == ["0.00", "5.00", "0.00"]


def test_a_charge_after_the_last_instalment_has_a_row_of_its_own():
    late = date(2027, 1, 20)

    made = schedule.build(
        contract(),
        [Charged(id="c", on=late, due_on=late, amount=Money.yuan("5.00"), part=Part.PENALTY)],
    )

    assert len(made.rows) == 13
    assert made.rows[-1].due_on == late
    assert str(made.rows[-1].total) == "5.00"


def test_a_waiver_takes_off_what_is_owed_and_no_more():
    charged = Charged(id="c", on=START, due_on=FIRST, amount=Money.yuan("5.00"))
    waived = Waived(id="w", on=FIRST, amount=Money.yuan("5.00"), part=Part.FEES)

    made = schedule.build(contract(), [charged, waived])

    assert made.rows[0].fees == ZERO
    with pytest.raises(NotApplicable):
        schedule.build(contract(), [waived])


def test_a_reversed_event_never_happened():
    events = [repaid(FIRST, "888.49"), Reversed(id="x", on=SECOND, event_id="r1")]

    made = schedule.build(contract(), events)

    assert made.paid[0].total == ZERO


def test_of_two_payments_of_one_day_the_named_one_is_reversed():
    events = [
        repaid(FIRST, "100.00", "first"),
        repaid(FIRST, "200.00", "second"),
        Reversed(id="x", on=SECOND, event_id="first"),
    ]

    assert str(schedule.build(contract(), events).paid[0].total) == "200.00"


@pytest.mark.parametrize(
    "events",
    [
        [Reversed(id="x", on=FIRST, event_id="nobody")],
        [repaid(SECOND, "1.00"), Reversed(id="x", on=FIRST, event_id="r1")],
        [
            repaid(FIRST, "1.00"),
            Reversed(id="x", on=FIRST, event_id="r1"),
            Reversed(id="y", on=FIRST, event_id="r1"),
        ],
        [
            repaid(FIRST, "1.00"),
            Reversed(id="x", on=FIRST, event_id="r1"),
            Reversed(id="y", on=FIRST, event_id="x"),
        ],
        [repaid(FIRST, "1.00"), repaid(FIRST, "1.00")],
        [repaid(date(2026, 1, 14), "1.00")],
        [repaid(FIRST, "0.00")],
        [Paused(id="p", on=FIRST, until=FIRST)],
        [Disbursed(id="d", on=date(2027, 1, 15), amount=Money.yuan("1.00"))],
        [Returned(id="b", on=FIRST, amount=Money.yuan("10000.01"))],
        [Returned(id="b", on=FIRST, amount=Money.yuan("1.00"), disbursement_id="nobody")],
        [ReAged(id="a", on=FIRST, instalments=0, first_due=SECOND)],
        [Charged(id="c", on=FIRST, due_on=FIRST, amount=Money(1), part=Part.PRINCIPAL)],
    ],
    ids=lambda events: type(events[-1]).__name__,
)
def test_what_cannot_have_happened_is_refused(events):
    with pytest.raises(NotApplicable):
        schedule.build(contract(), events)


def test_a_further_tranche_raises_the_instalments_that_remain():
    made = schedule.build(contract(), [Disbursed(id="d", on=FIRST, amount=Money.yuan("1000.00"))])

    # 9,211.51 + 1,000.00 over eleven months at 1 %: 984.945...
    assert made.rows[0].balance == Money.yuan("10211.51")
    assert set(totals(made)[1:-1]) == {"984.94"}


def test_money_that_came_back_counts_as_never_lent():
    made = schedule.build(
        contract("12000.00"),
        [Returned(id="b", on=date(2026, 2, 1), amount=Money.yuan("2000.00"))],
    )

    assert made.rows == schedule.build(contract()).rows


def test_a_tranche_that_came_back_leaves_no_trace():
    made = schedule.build(
        contract(),
        [
            Disbursed(id="d", on=FIRST, amount=Money.yuan("1000.00")),
            Returned(id="b", on=SECOND, amount=Money.yuan("1000.00"), disbursement_id="d"),
        ],
    )

    assert made.rows == schedule.build(contract()).rows


def test_when_all_money_came_back_nothing_is_owed():
    made = schedule.build(contract(), [Returned(id="b", on=FIRST, amount=Money.yuan("10000.00"))])

    assert made.rows == ()


def test_a_fee_stays_owed_though_all_money_came_back():
    made = schedule.build(
        contract(),
        [
            Returned(id="b", on=FIRST, amount=Money.yuan("10000.00")),
            Charged(id="c", on=FIRST, due_on=SECOND, amount=Money.yuan("5.00")),
        ],
    )

    assert totals(made) == ["5.00"]


def test_another_rate_runs_from_its_day():
    made = schedule.build(
        contract(method=Method.INTEREST_ONLY),
        [RateChanged(id="c", on=date(2026, 3, 1), annual_rate=Rate.percent("6"))],
    )

    # 14 days at 1 % and 14 at 0.5 % of a month of 28 days, then 50.00 a month
    assert [str(row.interest) for row in made.rows[:3]] == ["100.00", "75.00", "50.00"]


def test_no_interest_runs_in_a_pause():
    made = schedule.build(
        contract(method=Method.INTEREST_ONLY),
        [Paused(id="p", on=FIRST, until=date(2026, 3, 29))],
    )

    # All of the second month, and 14 of the 31 days of the third.
    assert [str(row.interest) for row in made.rows[:4]] == ["100.00", "0.00", "54.84", "100.00"]


def test_a_new_plan_takes_over_all_that_is_owed():
    # Nothing paid; on 1 April a plan of 24 instalments from 15 May at half the rate.
    on = date(2026, 4, 1)
    made = schedule.build(
        contract(),
        [
            ReAged(
                id="a",
                on=on,
                instalments=24,
                first_due=date(2026, 5, 15),
                annual_rate=Rate.percent("6"),
            )
        ],
    )

    old, new = made.rows[:2], made.rows[2:]
    assert {row.total for row in old} == {ZERO}
    assert len(new) == 24
    assert new[0].number == 3
    # Unpaid interest 100.00 + 92.12, 17 of 31 days on 8,415.14 at 1 %, and the first period of
    # the new plan: 10,000 x 6 % x 44/360
    assert str(new[0].interest) == "311.60"
    assert made.rows[-1].balance == ZERO
    assert sum(row.principal_fen for row in made.rows) == 1_000_000
