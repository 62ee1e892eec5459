"""Taking a payment back by its identity, and asking for anything twice."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from disbursement import checking, loans, servicing
from disbursement.delinquency import Bucket
from disbursement.loan_events import EventConflict
from disbursement.records.life import LoanPosition
from disbursement.records.loans import LoanStatus
from disbursement.schedule.events import Strategy
from disbursement.servicing import NotReversible
from kernel.actors import system
from kernel.db import transaction
from kernel.money import Money
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


def facts(session):
    return session.scalars(text("SELECT kind FROM event ORDER BY id")).all()


def test_a_payment_that_bounced_is_taken_back_and_its_instalment_owed_again(session):
    loan = lives.active(session)
    payment = repay(session, loan, "888.49", FIRST)

    back = date(2026, 2, 27)
    servicing.take_back(
        session, loan.id, event_id=payment.id, reason="bounced", on=back, by=BY, at=noon(back)
    )

    # As if never paid: 788.49 for twelve days at 18 % / 360 are 4.73.
    assert lives.balances(session, loan.id) == {
        "loan_principal": "10000.00",
        "loan_interest": "100.00",
        "loan_penalty": "4.73",
        "interest_accrued": "-100.00",
        "penalty_income": "4.73",
    }
    assert session.get_one(LoanPosition, loan.id).bucket is Bucket.M1


def test_a_payment_that_bounced_opens_a_settled_loan_again(session):
    loan = lives.active(session, "1000.00", months=6)
    payments = [
        repay(session, loan, str(row.principal + row.interest), row.due_on)
        for row in loans.instalments(session, loan)
    ]
    settled = loan.status

    on = date(2026, 7, 20)
    servicing.take_back(
        session, loan.id, event_id=payments[-1].id, reason="bounced", on=on, by=BY, at=noon(on)
    )

    assert settled is LoanStatus.SETTLED
    assert loan.status is LoanStatus.ACTIVE
    assert "loan.reopened" in facts(session)
    assert servicing.owed(session, loan.id, on=on).due > Money.yuan("172.00")


def test_an_earlier_payment_that_bounced_after_the_payoff_is_owed_since_then(session):
    loan = lives.active(session)
    first = repay(session, loan, "888.49", FIRST)
    day = date(2026, 3, 1)
    total = servicing.payoff_quote(session, loan.id, on=day).total
    servicing.pay_off(
        session, loan.id, payment_id=uuid4(), amount=total, on=day, source=SOURCE, by=BY,
        at=noon(day),
    )  # fmt: skip

    servicing.take_back(
        session, loan.id, event_id=first.id, reason="bounced", on=day, by=BY, at=noon(day)
    )

    # The instalment of 888.49 with fourteen days of penalty on 788.49: 5.52.
    owing = servicing.owed(session, loan.id, on=day)
    assert owing.due == Money.yuan("894.01")
    assert loan.status is LoanStatus.ACTIVE


@pytest.mark.parametrize("verb", ["repay", "prepay", "pay_off", "take_back"])
def test_asking_twice_changes_nothing(session, verb):
    loan = lives.active(session)
    first = repay(session, loan, "888.49", FIRST)
    payment_id = uuid4()
    day = date(2026, 3, 1)
    money = {"payment_id": payment_id, "on": day, "source": SOURCE, "by": BY, "at": noon(day)}
    total = servicing.payoff_quote(session, loan.id, on=day).total
    calls = {
        "repay": lambda: servicing.repay(session, loan.id, amount=Money.yuan("10.00"), **money),
        "prepay": lambda: servicing.prepay(
            session, loan.id, amount=Money.yuan("10.00"), strategy=Strategy.SHORTEN, **money
        ),
        "pay_off": lambda: servicing.pay_off(session, loan.id, amount=total, **money),
        "take_back": lambda: servicing.take_back(
            session, loan.id, event_id=first.id, reason="bounced", on=day, by=BY, at=noon(day)
        ),
    }
    one = calls[verb]()
    rows = "SELECT (SELECT count(*) FROM transfer), (SELECT count(*) FROM event)"
    before = session.execute(text(rows)).one()

    two = calls[verb]()

    assert one.id == two.id
    assert session.execute(text(rows)).one() == before


def test_another_amount_under_the_same_identity_is_refused(session):
    loan = lives.active(session)
    first = repay(session, loan, "888.49", FIRST)

    with pytest.raises(EventConflict):
        repay(session, loan, "888.50", FIRST, payment_id=first.id)


def test_a_payment_of_another_loan_is_refused_under_its_identity(session):
    one, two = lives.active(session), lives.active(session)
    first = repay(session, one, "888.49", FIRST)

    with pytest.raises(EventConflict):
        repay(session, two, "888.49", FIRST, payment_id=first.id)


@pytest.mark.parametrize("by", [make.DEBTOR, lives.RISK])
def test_a_payment_is_not_taken_back_by_just_anybody(session, by):
    loan = lives.active(session)
    payment = repay(session, loan, "888.49", FIRST)

    with pytest.raises(NotReversible):
        servicing.take_back(
            session, loan.id, event_id=payment.id, reason="x", on=FIRST, by=by, at=noon(FIRST)
        )


@pytest.mark.parametrize("event_id", [UUID(int=9), "begun"])
def test_what_is_no_payment_is_not_taken_back(session, event_id):
    loan = lives.active(session)
    if event_id == "begun":
        event_id = session.scalar(text("SELECT id FROM loan_event WHERE kind = 'begun'"))

    with pytest.raises(NotReversible):
        servicing.take_back(
            session, loan.id, event_id=event_id, reason="x", on=FIRST, by=BY, at=noon(FIRST)
        )


def test_eight_reports_of_one_payment_book_it_once(database):
    with transaction() as opened:
        loan = lives.active(opened)
    payment_id, together = uuid4(), threading.Barrier(8)

    def report(_: int) -> UUID:
        with transaction() as opened:
            together.wait(10)
            return repay(opened, loan, "888.49", FIRST, payment_id=payment_id).id

    with ThreadPoolExecutor(8) as pool:
        booked = set(pool.map(report, range(8)))

    assert booked == {payment_id}
    with transaction() as opened:
        assert lives.balances(opened, loan.id)["loan_principal"] == "9211.51"
        assert checking.check_books(opened) == []


def test_payments_of_one_loan_at_once_take_turns(database):
    with transaction() as opened:
        loan = lives.active(opened)
    together = threading.Barrier(6)

    def report(position: int) -> None:
        with transaction() as opened:
            together.wait(10)
            repay(opened, loan, f"{100 + position}.00", FIRST)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(report, range(6)))

    # 615.00 came in: 100.00 of interest, the rest principal.
    with transaction() as opened:
        assert lives.balances(opened, loan.id)["loan_principal"] == "9485.00"
        assert checking.check_books(opened) == []
