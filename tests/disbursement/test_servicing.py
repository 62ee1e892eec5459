"""Paying a loan back: the books show what the schedule says, to the fen."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from disbursement import loan_days, loans, schedule, servicing
from disbursement.delinquency import Bucket
from disbursement.loan_events import LoanNotBegun
from disbursement.records.life import LoanPosition
from disbursement.records.loans import LoanStatus
from disbursement.schedule.events import NotApplicable, Strategy
from disbursement.servicing import NotAPayment, PayoffDiffers
from kernel.actors import system
from kernel.money import ZERO, Money
from tests.disbursement import builders as make
from tests.disbursement import lives
from tests.disbursement.lives import SOURCE, noon


@pytest.fixture
def session(checked):
    """Leave nothing behind, and books that agree."""
    return checked


FIRST = date(2026, 2, 15)


SECOND = date(2026, 3, 15)


BY = system("debits")


def repay(session, loan, yuan, on, *, payment_id=None):
    return servicing.repay(
        session,
        loan.id,
        payment_id=payment_id or uuid4(),
        amount=Money.yuan(yuan),
        on=on,
        source=SOURCE,
        by=BY,
        at=noon(on),
    )


def close(session, loan, day):
    loan_days.close_through(session, loan, day=day, at=noon(day + timedelta(days=1)))


def facts(session):
    return session.scalars(text("SELECT kind FROM event ORDER BY id")).all()


def test_a_loan_begins_with_the_schedule_it_was_shown(session):
    loan = lives.active(session)

    rows = loans.instalments(session, loan)
    shown = schedule.annuity(
        Money.yuan("10000.00"),
        annual_rate=make.loan_order().annual_rate,
        months=12,
        value_date=lives.START,
    )
    assert [(r.due_on, r.principal, r.interest, r.balance) for r in rows] == [
        (r.due_on, r.principal, r.interest, r.balance) for r in shown.rows
    ]
    assert session.get_one(LoanPosition, loan.id).next_on == FIRST
    assert lives.balances(session, loan.id) == {"loan_principal": "10000.00"}


def test_what_falls_due_is_owed_as_interest(session):
    loan = lives.active(session)

    close(session, loan, FIRST)

    # 10,000.00 at 1 %; accrued interest is filled by the daily accrual, which nobody ran here.
    assert lives.balances(session, loan.id) == {
        "loan_principal": "10000.00",
        "loan_interest": "100.00",
        "interest_accrued": "-100.00",
    }
    owing = servicing.owed(session, loan.id, on=FIRST)
    assert (owing.due, owing.principal_due) == (Money.yuan("888.49"), Money.yuan("788.49"))
    assert facts(session)[-1] == "loan.due"


def test_an_instalment_paid_on_its_day_pays_interest_and_principal(session):
    loan = lives.active(session)

    repay(session, loan, "888.49", FIRST)

    assert lives.balances(session, loan.id) == {
        "loan_principal": "9211.51",
        "interest_accrued": "-100.00",
        "funding_bank": "888.49",
    }
    assert servicing.owed(session, loan.id, on=FIRST).next_due == (SECOND, Money.yuan("888.49"))
    assert session.get_one(LoanPosition, loan.id).overdue_since is None


def test_money_that_comes_early_waits_as_credit_and_pays_on_the_due_date(session):
    loan = lives.active(session)
    repay(session, loan, "888.49", date(2026, 2, 10))
    early = lives.balances(session, loan.id)

    close(session, loan, FIRST)

    assert early == {
        "loan_principal": "10000.00",
        "loan_credit": "888.49",
        "funding_bank": "888.49",
    }
    assert lives.balances(session, loan.id) == {
        "loan_principal": "9211.51",
        "interest_accrued": "-100.00",
        "funding_bank": "888.49",
    }


def test_within_days_of_grace_nothing_is_charged_and_nothing_reported(session):
    loan = lives.active(session)
    close(session, loan, date(2026, 2, 18))

    repay(session, loan, "888.49", date(2026, 2, 18))

    assert servicing.owed(session, loan.id, on=date(2026, 2, 28)).due == ZERO
    assert "loan.overdue" not in facts(session)
    assert lives.balances(session, loan.id)["loan_principal"] == "9211.51"


def test_after_the_days_of_grace_penalty_runs_from_the_due_date(session):
    loan = lives.active(session)

    close(session, loan, date(2026, 2, 19))

    # 788.49 of principal for four days at 18 % / 360: 1.576...
    assert lives.balances(session, loan.id)["loan_penalty"] == "1.58"
    position = session.get_one(LoanPosition, loan.id)
    assert (position.bucket, position.overdue_since) == (Bucket.M1, FIRST)
    assert facts(session)[-1] == "loan.overdue"


def test_a_late_payment_pays_penalty_then_interest_then_principal(session):
    loan = lives.active(session)

    repay(session, loan, "103.94", date(2026, 2, 25))

    # Ten days of 788.49 at 18 % / 360 are 3.94; then 100.00 of interest, and nothing is left.
    assert lives.balances(session, loan.id) == {
        "loan_principal": "10000.00",
        "interest_accrued": "-100.00",
        "penalty_income": "3.94",
        "funding_bank": "103.94",
    }


def test_closing_late_gives_the_entries_of_closing_in_time(session):
    daily, late = lives.active(session), lives.active(session)
    for days in range(200):
        close(session, daily, lives.START + timedelta(days=days))

    close(session, late, lives.START + timedelta(days=199))

    def entries(loan):
        query = text(
            "SELECT d.code, c.code, t.amount, t.value_date, t.reason FROM transfer t"
            " JOIN account d ON d.id = t.debit_id JOIN account c ON c.id = t.credit_id"
            " WHERE t.event_ref = :loan ORDER BY t.value_date, t.reason, 1, 2"
        )
        rows = session.execute(query, {"loan": loan.id}).all()
        return [[str(v).replace(str(loan.id), "L") for v in row] for row in rows]

    assert entries(daily) == entries(late)
    assert len(entries(daily)) > 10


def test_a_payment_on_a_loan_that_lags_closes_the_days_before_it(session):
    lagging, daily = lives.active(session), lives.active(session)
    on = date(2026, 5, 20)
    close(session, daily, on - timedelta(days=1))

    repay(session, lagging, "3600.00", on)
    repay(session, daily, "3600.00", on)

    one = servicing.owed(session, lagging.id, on=on)
    assert one == servicing.owed(session, daily.id, on=on)
    assert session.get_one(LoanPosition, lagging.id).closed_through >= date(2026, 5, 15)


def test_prepaying_lowers_the_instalments_and_a_new_version_is_in_force(session):
    loan = lives.active(session)
    repay(session, loan, "888.49", FIRST)

    servicing.prepay(
        session,
        loan.id,
        payment_id=uuid4(),
        amount=Money.yuan("3000.00"),
        strategy=Strategy.LOWER,
        on=FIRST,
        source=SOURCE,
        by=BY,
        at=noon(FIRST),
    )

    # 3,000 over eleven months would have carried 289.362..., of which 289.36 is taken off.
    rows = loans.instalments(session, loan)
    assert (loan.schedule_version, len(rows)) == (2, 12)
    assert rows[1].principal + rows[1].interest == Money.yuan("599.13")
    assert lives.balances(session, loan.id)["loan_principal"] == "6211.51"
    assert "loan.replanned" in facts(session)


def test_money_that_waits_closes_a_loan_for_nothing_and_the_rest_stays_the_debtors(session):
    loan = lives.active(session)
    day = date(2026, 1, 20)
    repay(session, loan, "11000.00", day)
    wanted = servicing.payoff_quote(session, loan.id, on=day)

    closing = uuid4()
    for _ in range(2):
        servicing.pay_off(
            session, loan.id, payment_id=closing, amount=wanted.total, on=day, source=SOURCE,
            by=BY, at=noon(day),
        )  # fmt: skip

    # 10,000 and 5 of 31 days of 100.00: 16.13
    assert (wanted.total, wanted.left_over) == (ZERO, Money.yuan("983.87"))
    assert loan.status is LoanStatus.SETTLED
    assert lives.balances(session, loan.id) == {
        "funding_bank": "11000.00",
        "interest_accrued": "-16.13",
        "loan_credit": "983.87",
    }
    # One payment was told, and no payment of nothing.
    assert facts(session).count("loan.repaid") == 1


def test_closing_for_nothing_can_be_taken_back(session):
    loan = lives.active(session)
    day = date(2026, 1, 20)
    repay(session, loan, "11000.00", day)
    closing = uuid4()
    servicing.pay_off(
        session, loan.id, payment_id=closing, amount=ZERO, on=day, source=SOURCE,
        by=BY, at=noon(day),
    )  # fmt: skip

    servicing.take_back(
        session, loan.id, event_id=closing, reason="not wanted", on=day, by=BY, at=noon(day)
    )

    assert loan.status is LoanStatus.ACTIVE
    assert servicing.owed(session, loan.id, on=day).credit == Money.yuan("11000.00")


@pytest.mark.parametrize("fen", [0, -100])
def test_a_loan_is_not_closed_for_nothing_while_money_has_to_come_in(session, fen):
    loan = lives.active(session)

    with pytest.raises((PayoffDiffers, NotAPayment)):
        servicing.pay_off(
            session, loan.id, payment_id=uuid4(), amount=Money(fen), on=FIRST, source=SOURCE,
            by=BY, at=noon(FIRST),
        )  # fmt: skip


def test_the_quoted_amount_paid_on_its_day_closes_loan_and_ledger_at_zero(session):
    loan = lives.active(session)
    repay(session, loan, "888.49", FIRST)
    day = date(2026, 3, 1)
    wanted = servicing.payoff_quote(session, loan.id, on=day)

    servicing.pay_off(
        session,
        loan.id,
        payment_id=uuid4(),
        amount=wanted.total,
        on=day,
        source=SOURCE,
        by=BY,
        at=noon(day),
    )

    # 9,211.51 and 14 of 28 days of 92.12: 46.06
    assert wanted.total == Money.yuan("9257.57")
    assert loan.status is LoanStatus.SETTLED
    # 888.49 + 9,257.57 came in; 146.06 of it was interest, not accrued by anybody here.
    assert lives.balances(session, loan.id) == {
        "funding_bank": "10146.06",
        "interest_accrued": "-146.06",
    }
    assert facts(session)[-1] == "loan.settled"


def test_another_amount_than_quoted_does_not_close_a_loan(session):
    loan = lives.active(session)

    with pytest.raises(PayoffDiffers, match=r"10000\.00"):
        servicing.pay_off(
            session,
            loan.id,
            payment_id=uuid4(),
            amount=Money.yuan("9999.99"),
            on=lives.START,
            source=SOURCE,
            by=BY,
            at=noon(lives.START),
        )


def test_the_last_instalment_settles_the_loan_and_what_is_too_much_stays_the_debtors(session):
    loan = lives.active(session)
    for row in loans.instalments(session, loan)[:-1]:
        repay(session, loan, str(row.principal + row.interest), row.due_on)
    last = loans.instalments(session, loan)[-1]

    repay(session, loan, str(last.principal + last.interest + Money.yuan("5.00")), last.due_on)

    assert loan.status is LoanStatus.SETTLED
    left = lives.balances(session, loan.id)
    assert left["loan_credit"] == "5.00"
    assert "loan_principal" not in left
    assert "loan_interest" not in left


def test_money_for_a_settled_loan_stands_to_the_debtors_credit(session):
    loan = lives.active(session, "1000.00", months=6)
    for row in loans.instalments(session, loan):
        repay(session, loan, str(row.principal + row.interest), row.due_on)

    repay(session, loan, "50.00", date(2026, 9, 1))

    assert loan.status is LoanStatus.SETTLED
    assert lives.balances(session, loan.id)["loan_credit"] == "50.00"


@pytest.mark.parametrize("yuan", ["0.00", "-1.00"])
def test_a_payment_is_above_zero(session, yuan):
    loan = lives.active(session)

    with pytest.raises(NotAPayment):
        repay(session, loan, yuan, FIRST)


def test_a_loan_that_has_not_begun_takes_no_money(session):
    loan = lives.placed(session)

    with pytest.raises(LoanNotBegun):
        repay(session, loan, "1.00", FIRST)


def test_prepaying_more_than_the_principal_is_refused(session):
    loan = lives.active(session)

    with pytest.raises(NotApplicable):
        servicing.prepay(
            session, loan.id, payment_id=uuid4(), amount=Money.yuan("10000.01"),
            strategy=Strategy.SHORTEN, on=lives.START, source=SOURCE, by=BY, at=noon(lives.START),
        )  # fmt: skip


def test_the_past_is_told_as_it_was_then(session):
    loan = lives.active(session)
    repay(session, loan, "888.49", date(2026, 2, 25))

    assert servicing.owed(session, loan.id, on=date(2026, 2, 20)).days_past_due == 5
    assert servicing.owed(session, loan.id, on=date(2026, 1, 1)).principal == Money.yuan("10000")


def test_a_payment_is_not_booked_before_its_day(session):
    loan = lives.active(session)

    with pytest.raises(NotAPayment):
        servicing.repay(
            session, loan.id, payment_id=uuid4(), amount=Money(1), on=SECOND, source=SOURCE,
            by=BY, at=noon(FIRST),
        )  # fmt: skip
