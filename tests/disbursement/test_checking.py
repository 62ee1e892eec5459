"""The check of the books is not blind: whatever is changed behind its back, it names."""

from __future__ import annotations

import json
from datetime import date, timedelta
from uuid import uuid4

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from disbursement import (
    accounts,
    amendments,
    business_days,
    checking,
    ledger,
    loan_days,
    servicing,
)
from disbursement.allocation import Part
from disbursement.ledger import Posting
from disbursement.schedule.events import Reversed, Waived
from kernel import commands
from kernel.db import transaction
from kernel.money import Money
from tests.disbursement import builders as make
from tests.disbursement import lives
from tests.disbursement.lives import SOURCE, noon

FIRST = date(2026, 2, 15)


def overdue(session):
    """Make a loan of which one instalment was paid late and the next one is overdue."""
    loan = lives.active(session)
    on = date(2026, 2, 25)
    servicing.repay(
        session,
        loan.id,
        payment_id=uuid4(),
        amount=Money.yuan("892.43"),
        on=on,
        source=SOURCE,
        by=lives.CHANNEL,
        at=noon(on),
    )
    day = date(2026, 4, 1)
    loan_days.close_through(session, loan, day=day, at=noon(day + timedelta(days=1)))
    return loan


@pytest.fixture
def session(database):
    """Open a transaction that is undone, with whatever was changed in it."""
    with transaction() as opened:
        yield opened
        opened.rollback()


@pytest.fixture
def loan(session):
    """Give such a loan in a transaction that is undone."""
    return overdue(session)


@pytest.fixture
def kept(database):
    """Give such a loan that others see as well."""
    with transaction() as session:
        return overdue(session)


def found(session, loan):
    """Check all and some, which must name the same of one loan."""
    everything = checking.check_books(session)
    some = checking.check_books(session, loan_ids=[loan.id])
    assert set(some) <= set(everything)
    return some, everything


def change(session, statement, **values):
    session.execute(text("SET LOCAL session_replication_role = replica"))
    session.execute(text(statement), values)


def test_right_books_differ_in_nothing(session, loan):
    assert found(session, loan) == ([], [])


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE loan_position SET next_on = next_on + 1", "has next_on"),
        ("UPDATE loan_position SET overdue_since = NULL", "has overdue_since None"),
        ("UPDATE loan_position SET bucket = 'M3'", "has bucket M3"),
        ("UPDATE loan_position SET grade = 'loss'", "has grade loss"),
        ("UPDATE loan_position SET earning = earning + 1", "has earning"),
        ("UPDATE loan_position SET earned = earned + 1", "due out of accrued interest"),
        ("UPDATE loan_position SET closed_through = closed_through - 9", "the schedule says"),
        ("UPDATE instalment SET interest = interest + 1 WHERE number = 3", "is not the schedule"),
        ("DELETE FROM instalment WHERE number = 12", "is not the schedule"),
        ("UPDATE loan SET status = 'settled'", "something is owed"),
        ("UPDATE loan SET principal = principal - 1", "is with the issuers"),
        ("UPDATE loan SET penalty_rate = 0.19", "loan_penalty shows"),
        ("UPDATE loan SET annual_rate = 0.11", "loan_interest shows"),
        ("UPDATE loan SET penalty_day_basis = 7", "cannot be read any more"),
        ("UPDATE loan_event SET body = '{}' WHERE kind = 'repaid'", "cannot be read any more"),
        ("DELETE FROM loan", "cannot be read any more"),
        ("UPDATE loan_event SET number = 7 WHERE kind = 'repaid'", "without a gap"),
        ("DELETE FROM loan_event WHERE kind = 'repaid'", "loan_principal shows"),
        ("UPDATE transfer SET amount = amount + 1 WHERE reason = 'penalty_due'", "loan_penalty"),
        ("UPDATE transfer SET amount = amount - 1 WHERE reason = 'payout'", "loan_principal"),
        ("UPDATE loan_event SET \"on\" = '2026-03-25' WHERE kind = 'repaid'", "loan_penalty"),
        ("UPDATE loan_event SET body = '{\"amount\": \"0.00\"}' WHERE kind = 'repaid'", "schedule"),
        (
            "UPDATE transfer SET debit_id = (SELECT id FROM account WHERE code = 'capital/hxcf')"
            " WHERE debit_id = (SELECT id FROM account WHERE code = 'funding_bank/hxcf')",
            "the account of its money",
        ),
        (
            "UPDATE transfer SET value_date = value_date + 1 WHERE reason = 'paid'",
            "another day than the event",
        ),
        (
            "UPDATE transfer SET value_date = value_date + 1 WHERE reason = 'payout'",
            "another day than the payout",
        ),
        ("UPDATE loan_position SET product_id = gen_random_uuid()", "under another product"),
        ("UPDATE loan_position SET written_off_on = '2026-03-31'", "of which no event tells"),
        ("UPDATE loan_position SET written_off_on = '2026-03-31'", "active, and was written off"),
    ],
)
def test_whatever_is_changed_on_a_loan_is_named(session, loan, statement, said):
    change(session, statement)

    some, _ = found(session, loan)

    assert any(said in difference for difference in some), some
    assert all(str(loan.id) in difference or "leg" in difference for difference in some)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE accrual SET amount = amount + 1", "accrual of 2026-01-17"),
        (
            "UPDATE accrual SET earned = earned - 1 WHERE day = '2026-01-16'",
            "accrual of 2026-01-17",
        ),
        (
            "UPDATE transfer SET value_date = '2026-01-20' WHERE reason = 'interest_accrued'",
            "accrual",
        ),
        ("DELETE FROM transfer WHERE reason = 'interest_accrued'", "accrual of 2026-01-16"),
        ("DELETE FROM closed_day WHERE day = '2026-01-16'", "day 2026-01-16 is not closed"),
        ("UPDATE closed_day SET closed_at = NULL", "day 2026-01-16 is not closed"),
    ],
)
def test_whatever_is_changed_on_a_closed_day_is_named(session, statement, said):
    loan = lives.active(session)
    for number in range(3):
        day = lives.START + timedelta(days=number)
        morning = noon(day + timedelta(days=1))
        assert business_days.begin_next(session, through=day, at=morning) == day
        loan_days.close_through(session, loan, day=day, at=morning)
        assert business_days.end(session, day, at=morning)
        session.flush()
    assert checking.check_books(session) == []

    change(session, statement)

    differences = checking.check_books(session)
    assert any(said in difference for difference in differences), differences


def test_a_collection_that_is_paid_and_not_on_its_loan_is_named(collecting):
    collecting.begin()
    collecting.bind()
    collecting.stand_at(collecting.first_due()[0])
    assert collecting.collect().status == "paid"
    with transaction() as session:
        assert checking.check_books(session) == []
        change(session, "UPDATE debit_order SET loan_id = gen_random_uuid()")

        differences = checking.check_books(session)

        assert any("paid and not booked on its loan" in one for one in differences), differences
        session.rollback()


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ((SOURCE, accounts.interest_income("hxcf")), "income less what was given up"),
        ((accounts.waiver("hxcf"), SOURCE), "income less what was given up"),
        ((accounts.interest_accrued("hxcf"), SOURCE), "interest accrued"),
        ((SOURCE, accounts.interest_suspended("hxcf")), "interest in suspense"),
    ],
)
def test_an_entry_that_no_loan_stands_for_is_named(session, loan, entry, said):
    debit, credit = entry
    accounts.open_all(session, [debit, credit], at=noon(FIRST))
    stray = Posting(
        id=uuid4(),
        debit=debit,
        credit=credit,
        amount=Money(1),
        reason="stray",
        event_ref=uuid4(),
        value_date=FIRST,
    )
    ledger.post(session, stray, at=noon(FIRST))

    _, everything = found(session, loan)

    assert any(said in difference for difference in everything), everything


def agreed(session, loan):
    """Have two persons waive a part of the penalty, and undo it again."""
    on = date(2026, 4, 1)
    waived = Waived(id=str(uuid4()), on=on, amount=Money(100), part=Part.PENALTY)
    undone = Reversed(id=str(uuid4()), on=on, event_id=waived.id)
    for wanted in (waived, undone):
        asked = amendments.request(
            session, loan.id, wanted, reason="hardship", by=make.MAKER, at=noon(on)
        )
        amendments.confirm(session, asked.id, by=make.CHECKER, at=noon(on))


def taken_back(session, loan):
    """Take the payment of the loan back, which one person may."""
    paid = session.scalars(text("SELECT id FROM loan_event WHERE kind = 'repaid'")).one()
    on = date(2026, 4, 1)
    servicing.take_back(
        session, loan.id, event_id=paid, reason="bounced", on=on, by=make.MAKER, at=noon(on)
    )


def test_what_two_persons_agreed_on_and_what_one_took_back_is_right(session, loan):
    agreed(session, loan)
    taken_back(session, loan)

    assert found(session, loan) == ([], [])


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM amendment", "agreed on"),
        ("DELETE FROM amendment WHERE kind = 'reversed'", "agreed on"),
        ("UPDATE amendment SET status = 'requested'", "agreed on"),
        ('UPDATE amendment SET body = body || \'{"amount": "0.99"}\'', "agreed on"),
        ('UPDATE amendment SET "on" = "on" - 1', "agreed on"),
        ("UPDATE amendment SET kind = 'charged'", "agreed on"),
        ("UPDATE amendment SET loan_id = gen_random_uuid()", "agreed on"),
        ("UPDATE amendment SET requested_by = 'finance_maker:' || :checker", "agreed on"),
        ("UPDATE amendment_step SET to_status = 'declined'", "agreed on"),
        ("UPDATE loan_event SET actor = 'finance_checker:x' WHERE kind = 'waived'", "agreed on"),
        ("DELETE FROM loan_event WHERE kind IN ('waived', 'reversed')", "confirmed and not booked"),
    ],
)
def test_what_no_two_persons_agreed_on_is_named(session, loan, statement, said):
    agreed(session, loan)
    values = {"checker": make.CHECKER.id} if ":checker" in statement else {}

    change(session, statement, **values)

    some, _ = found(session, loan)
    assert any(said in difference for difference in some), some


def test_what_is_wrong_with_another_loan_is_not_named_for_this_one(session, loan):
    other = lives.active(session)
    change(session, "UPDATE loan_position SET bucket = 'M3' WHERE loan_id = :id", id=other.id)

    some, everything = found(session, loan)

    assert some == []
    assert len(everything) == 1


def doctor(*options: str):
    command = commands.doctor_command(checking.check_books)
    return CliRunner().invoke(command, ["--books", *options])


def test_the_command_says_that_the_books_agree(kept):
    told = doctor()

    assert told.exit_code == 0
    assert "agree with all that happened" in told.output


def test_the_command_names_each_difference_and_fails(kept):
    with transaction() as session:
        change(session, "UPDATE loan_position SET bucket = 'M3'")

    told = doctor("--json")

    assert told.exit_code == 1
    details = [finding["detail"] for finding in json.loads(told.output)]
    assert details[0] == "differences: 1"
    assert details[1].startswith(f"loan {kept.id}: its position has bucket M3")
