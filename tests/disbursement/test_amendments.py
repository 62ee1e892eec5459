"""What one person asks for and another confirms: charges, reliefs, and giving a loan up."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest

from disbursement import amendments, loan_days, loans, servicing
from disbursement.allocation import Part
from disbursement.amendments import (
    AmendmentConflict,
    NoSuchAmendment,
    NotAnAmender,
    NotAnAmendment,
)
from disbursement.records.life import AmendmentStatus, LoanPosition
from disbursement.schedule.events import (
    Charged,
    NotApplicable,
    Paused,
    RateChanged,
    ReAged,
    Repaid,
    Waived,
)
from kernel.actors import Actor, Role
from kernel.money import ZERO, Money
from kernel.moves import MoveRefused
from kernel.rates import Rate
from tests.disbursement import builders as make
from tests.disbursement import lives
from tests.disbursement.lives import SOURCE, noon


@pytest.fixture
def session(checked):
    """Leave nothing behind, and books that agree."""
    return checked


FIRST = date(2026, 2, 15)


LATE = date(2026, 2, 25)


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


def test_a_waiver_costs_the_lender_and_takes_off_what_is_owed(session):
    loan = lives.active(session)
    close(session, loan, LATE)

    decided(session, loan, waived("3.94"))

    # Ten days of 788.49 at 18 % / 360.
    found = lives.balances(session, loan.id)
    assert (found["waiver"], found["penalty_income"]) == ("3.94", "3.94")
    assert "loan_penalty" not in found
    assert servicing.owed(session, loan.id, on=LATE).penalty == ZERO


def test_nothing_is_booked_before_another_person_confirms(session):
    loan = lives.active(session)
    close(session, loan, LATE)

    asked = ask(session, loan, waived("3.94"))

    assert asked.status is AmendmentStatus.REQUESTED
    assert "waiver" not in lives.balances(session, loan.id)


@pytest.mark.parametrize(
    "by",
    [
        make.MAKER,
        Actor(Role.FINANCE_CHECKER, make.MAKER.id),
        make.DEBTOR,
        Actor(Role.FINANCE_MAKER, "zhou.qi"),
    ],
    ids=["whoever_asked", "the_same_in_another_role", "the_debtor", "another_maker"],
)
def test_who_may_not_confirm(session, by):
    loan = lives.active(session)
    asked = ask(session, loan, waived("1.00"))

    with pytest.raises(NotAnAmender):
        amendments.confirm(session, asked.id, by=by, at=noon(LATE))


@pytest.mark.parametrize("by", [make.DEBTOR, lives.RISK, lives.CHANNEL])
def test_only_finance_staff_ask(session, by):
    loan = lives.active(session)

    with pytest.raises(NotAnAmender):
        ask(session, loan, waived("1.00"), by=by)


def test_confirmed_twice_is_booked_once_and_asked_twice_is_one_request(session):
    loan = lives.active(session)
    close(session, loan, LATE)
    wanted = waived("1.00")

    first, again = ask(session, loan, wanted), ask(session, loan, wanted)
    one = amendments.confirm(session, first.id, by=make.CHECKER, at=noon(LATE))
    two = amendments.confirm(session, first.id, by=make.CHECKER, at=noon(LATE))

    assert first.id == again.id
    assert one.id == two.id
    assert lives.balances(session, loan.id)["waiver"] == "1.00"


def test_another_wish_under_the_same_identity_is_refused(session):
    loan = lives.active(session)
    wanted = waived("1.00")
    ask(session, loan, wanted)

    with pytest.raises(AmendmentConflict):
        ask(session, loan, Waived(id=wanted.id, on=LATE, amount=Money(2), part=Part.PENALTY))


def test_a_declined_request_is_never_booked(session):
    loan = lives.active(session)
    asked = ask(session, loan, waived("1.00"))
    for _ in range(2):
        amendments.decline(session, asked.id, reason="no", by=make.CHECKER, at=noon(LATE))

    with pytest.raises(MoveRefused):
        amendments.confirm(session, asked.id, by=make.CHECKER, at=noon(LATE))

    assert [row.status for row in amendments.of_loan(session, loan.id)] == [
        AmendmentStatus.DECLINED
    ]


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        (waived("3.95"), NotApplicable),
        (waived("1.00", Part.PRINCIPAL), NotApplicable),
        (Repaid(id=str(uuid4()), on=LATE, amount=Money(1)), NotAnAmendment),
        (
            RateChanged(id=str(uuid4()), on=LATE, annual_rate=Rate.percent("24.01")),
            NotAnAmendment,
        ),
        (
            ReAged(
                id=str(uuid4()),
                on=LATE,
                instalments=12,
                first_due=date(2026, 4, 1),
                annual_rate=Rate.percent("24.01"),
            ),
            NotAnAmendment,
        ),
        (Paused(id=str(uuid4()), on=LATE, until=LATE), NotApplicable),
    ],
    ids=["more_than_owed", "principal", "no_amendment", "rate", "plan_rate", "empty_pause"],
)
def test_what_a_loan_has_no_room_for_is_refused_when_it_is_asked(session, wanted, refusal):
    loan = lives.active(session)
    close(session, loan, LATE)

    with pytest.raises(refusal):
        ask(session, loan, wanted)


def test_a_change_that_begins_tomorrow_is_asked_for_tomorrow(session):
    loan = lives.active(session)

    with pytest.raises(NotAnAmendment):
        amendments.request(
            session, loan.id, waived("1.00"), reason="x", by=make.MAKER, at=noon(FIRST)
        )


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_a_reason_is_given_and_short(session, reason):
    loan = lives.active(session)

    with pytest.raises(NotAnAmendment):
        amendments.request(
            session, loan.id, waived("1.00"), reason=reason, by=make.MAKER, at=noon(LATE)
        )


def test_a_request_nobody_made_is_not_found(session):
    with pytest.raises(NoSuchAmendment):
        amendments.confirm(session, uuid4(), by=make.CHECKER, at=noon(LATE))
    with pytest.raises(NoSuchAmendment):
        amendments.decline(session, uuid4(), reason="x", by=make.CHECKER, at=noon(LATE))


def test_a_charge_is_owed_with_the_instalment_of_its_due_date(session):
    loan = lives.active(session)
    fee = Charged(id=str(uuid4()), on=lives.START, due_on=FIRST, amount=Money.yuan("5.00"))

    decided(session, loan, fee)
    close(session, loan, FIRST)

    found = lives.balances(session, loan.id)
    assert (found["loan_fees"], found["fee_income"]) == ("5.00", "5.00")
    assert loans.instalments(session, loan)[0].fees == Money.yuan("5.00")


def test_another_rate_makes_another_plan(session):
    loan = lives.active(session)
    repay(session, loan, "888.49", FIRST)

    decided(session, loan, RateChanged(id=str(uuid4()), on=FIRST, annual_rate=Rate.percent("6")))

    # 9,211.51 over eleven months at 0.5 %: interest 46.06 first.
    row = loans.instalments(session, loan)[1]
    assert (row.interest, loan.schedule_version) == (Money.yuan("46.06"), 2)


def test_no_interest_runs_in_a_pause(session):
    loan = lives.active(session)
    repay(session, loan, "888.49", FIRST)

    decided(session, loan, Paused(id=str(uuid4()), on=FIRST, until=date(2026, 3, 15)))

    assert loans.instalments(session, loan)[1].interest == ZERO


def test_a_new_plan_takes_over_what_was_owed_and_nothing_is_overdue(session):
    loan = lives.active(session)
    on = date(2026, 4, 1)
    close(session, loan, on - timedelta(days=1))
    plan = ReAged(
        id=str(uuid4()),
        on=on,
        instalments=24,
        first_due=date(2026, 5, 15),
        annual_rate=Rate.percent("6"),
    )

    decided(session, loan, plan)

    position = session.get_one(LoanPosition, loan.id)
    assert (position.overdue_since, position.next_on) == (None, date(2026, 5, 15))
    found = lives.balances(session, loan.id)
    # What had fallen due is not due any more, and neither is the penalty.
    assert found == {"loan_principal": "10000.00"}
    assert servicing.owed(session, loan.id, on=on).due == ZERO
