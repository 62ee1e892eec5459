"""Reporting loans to a credit bureau: the person told before, two people deciding, the same bytes."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest

from disbursement import (
    credit_disputes,
    credit_file,
    credit_notices,
    credit_reports,
    loan_events,
    loans,
    servicing,
)
from disbursement.credit_file import COLUMNS, Period
from disbursement.credit_reports import (
    NothingToReport,
)
from disbursement.records.credit import DisputeOutcome, HoldReason
from kernel.clock import shanghai
from kernel.db import transaction
from kernel.money import Money
from tests.disbursement import builders as make
from tests.disbursement.reporting import (
    FEBRUARY_FIRST,
    JANUARY,
    NOVEMBER,
    SINCE,
    known,
    lines,
    pay,
    prepared,
    released,
    tell,
)
from tests.disbursement.running import BY, DAY, running


@pytest.fixture
def loan(database):
    """A loan of 8,000 yuan of 20 November over twelve months, its borrower known."""
    known()
    return running()


def test_a_loan_that_is_paid_as_agreed_is_reported_as_normal(loan):
    (line,) = lines(released(NOVEMBER))

    assert line["mark"] == "A"
    assert (line["name"], line["id_number"]) == (make.NAME, make.national_id(1))
    assert (line["state"], line["bucket"], line["grade"]) == ("normal", "M0", "normal")
    assert (line["lent"], line["balance"], line["due_unpaid"]) == ("8000.00", "8000.00", "0.00")
    assert (line["opened_on"], line["matures_on"]) == ("2026-11-20", "2027-11-20")


def test_arrears_are_held_back_until_the_person_was_told(loan):
    report = released(JANUARY)

    with transaction() as session:
        (held,) = credit_reports.held(session, report.id)
    assert lines(report) == []
    assert (report.lines, report.held) == (0, 1)
    assert (held.loan_id, held.hold) == (loan.loan_id, HoldReason.NOT_TOLD)


@pytest.mark.parametrize(
    ("told", "reported"),
    [(date(2027, 1, 27), True), (date(2027, 1, 28), False)],
    ids=["five days before", "four days before"],
)
def test_arrears_are_reported_so_many_days_after_the_notice_arrived(loan, told, reported):
    tell(loan.loan_id, on=told)

    found = lines(released(JANUARY))

    assert [line["state"] for line in found] == (["overdue"] if reported else [])


def test_arrears_are_reported_with_days_bucket_grade_and_amounts(loan):
    tell(loan.loan_id, on=date(2026, 12, 24))

    (line,) = lines(released(JANUARY))

    # Two instalments of 710.79 are unpaid at the end of January; 42 days since the first.
    # Penalty at 18 % a year of 360 days on the unpaid principal of each: 630.79 x 42 d and
    # 637.10 x 11 d, rounded for each: 13.25 + 3.50.
    assert line["overdue_since"] == "2026-12-20"
    assert (line["days_past_due"], line["bucket"], line["grade"]) == ("42", "M2", "special_mention")
    assert line["due_unpaid"] == str(Money.yuan("1421.58") + Money.yuan("16.75"))
    assert line["told_on"] == "2026-12-24"


def test_a_notice_of_other_arrears_does_not_count(loan):
    tell(loan.loan_id, on=date(2026, 12, 24), since=date(2026, 10, 20))

    assert lines(released(JANUARY)) == []


def test_a_notice_that_never_arrived_does_not_count(loan):
    with transaction() as session:
        credit_notices.plan(
            session, loan.loan_id, overdue_since=SINCE, message_ref=uuid4(), at=shanghai(SINCE)
        )

    assert lines(released(JANUARY)) == []


def test_days_of_grace_are_reported_as_normal(loan):
    about = credit_reports.span(Period.DAY, date(2026, 12, 23))

    (line,) = lines(released(about))

    assert (line["state"], line["days_past_due"], line["overdue_since"]) == ("normal", "0", "")
    assert line["due_unpaid"] == "0.00"


def test_a_past_day_is_reported_as_it_was_and_not_as_it_is(loan):
    tell(loan.loan_id, on=date(2026, 12, 24))
    pay(loan.loan_id, "1500.00", on=date(2027, 2, 3))

    (line,) = lines(released(JANUARY, at=shanghai(date(2027, 2, 4), 9)))

    assert line["state"] == "overdue"


def test_a_settled_loan_is_reported_in_its_period_and_not_again(loan):
    on = date(2027, 1, 15)
    with transaction() as session:
        quoted = servicing.payoff_quote(session, loan.loan_id, on=on).total
        servicing.pay_off(
            session, loan.loan_id, payment_id=uuid4(), amount=quoted, on=on,
            source="funding_bank/hxcf", by=BY, at=shanghai(on, 12),
        )  # fmt: skip

    (line,) = lines(released(JANUARY))

    assert (line["state"], line["settled_on"]) == ("settled", "2027-01-15")
    assert line["balance"] == "0.00"
    with pytest.raises(NothingToReport):
        prepared(
            credit_reports.span(Period.MONTH, date(2027, 2, 1)), at=shanghai(date(2027, 3, 1), 9)
        )


def test_a_loan_that_was_given_up_for_lost_is_reported_as_written_off(loan):
    given_up = date(2027, 1, 20)
    tell(loan.loan_id, on=date(2026, 12, 24))
    with transaction() as session:
        row = loans.lock(session, loan.loan_id)
        event = loan_events.WrittenOff(id=str(uuid4()), on=given_up)
        loan_events.record(session, row, event, by=BY, at=shanghai(given_up, 12))

    (line,) = lines(released(JANUARY))

    assert (line["state"], line["grade"]) == ("written_off", "loss")
    assert (line["written_off_on"], line["balance"]) == ("2027-01-20", "8000.00")


def test_a_payment_learned_of_later_is_a_correction_of_the_month(loan):
    tell(loan.loan_id, on=date(2026, 12, 24))
    first = released(JANUARY)
    pay(loan.loan_id, "1500.00", on=date(2027, 1, 30))

    second = released(JANUARY)

    (line,) = lines(second)
    assert (first.number, second.number) == (1, 2)
    assert (line["mark"], line["state"]) == ("C", "normal")
    with pytest.raises(NothingToReport):
        prepared(JANUARY)


def test_a_line_that_was_held_back_is_reported_as_a_correction_once_its_time_has_come(loan):
    released(JANUARY)
    with pytest.raises(NothingToReport):
        prepared(JANUARY)
    tell(loan.loan_id, on=date(2027, 2, 1))

    second = released(JANUARY, at=shanghai(date(2027, 2, 6), 9))

    assert [(line["mark"], line["state"]) for line in lines(second)] == [("C", "overdue")]


def test_a_loan_whose_payments_all_came_back_is_withdrawn_where_it_was_reported(loan):
    released(NOVEMBER)
    loan.come_back(at=shanghai(date(2027, 1, 20), 12))

    (line,) = lines(released(JANUARY))

    assert (line["state"], line["balance"]) == ("undone", "0.00")


def test_a_loan_that_came_to_nothing_before_any_report_is_not_reported(loan):
    loan.come_back(at=shanghai(DAY, 15))

    with pytest.raises(NothingToReport):
        prepared(NOVEMBER)


def test_a_disputed_loan_is_marked_until_it_was_answered(loan):
    with transaction() as session:
        opened = credit_disputes.open_(
            session, loan.loan_id, reason="paid on time", by=make.DEBTOR, at=FEBRUARY_FIRST
        )
    (marked,) = lines(released(NOVEMBER))
    with transaction() as session:
        credit_disputes.answer(
            session, opened.id, outcome=DisputeOutcome.REJECTED, words="the bank has no payment",
            by=make.CHECKER, at=FEBRUARY_FIRST,
        )  # fmt: skip
    (after,) = lines(released(NOVEMBER))

    assert opened.answer_by == date(2027, 2, 21)
    assert (marked["disputed"], after["disputed"]) == ("Y", "N")
    with pytest.raises(credit_disputes.NoSuchDispute), transaction() as session:
        credit_disputes.answer(
            session, opened.id, outcome=DisputeOutcome.UPHELD, words="again",
            by=make.CHECKER, at=FEBRUARY_FIRST,
        )  # fmt: skip


@pytest.mark.parametrize("words", ["", "  ", "x" * 501])
def test_an_objection_says_something(loan, words):
    with pytest.raises(credit_disputes.DisputeWordless), transaction() as session:
        credit_disputes.open_(
            session, loan.loan_id, reason=words, by=make.DEBTOR, at=FEBRUARY_FIRST
        )


def test_a_borrower_who_is_not_known_is_held_back(database):
    running()

    report = released(NOVEMBER)

    with transaction() as session:
        (held,) = credit_reports.held(session, report.id)
    assert held.hold is HoldReason.NOT_IDENTIFIED


@pytest.mark.parametrize(
    ("period", "day", "first", "last"),
    [
        (Period.DAY, date(2026, 12, 31), date(2026, 12, 31), date(2026, 12, 31)),
        (Period.MONTH, date(2026, 12, 31), date(2026, 12, 1), date(2026, 12, 31)),
        (Period.MONTH, date(2028, 2, 1), date(2028, 2, 1), date(2028, 2, 29)),
    ],
)
def test_a_period_has_its_first_and_its_last_day(period, day, first, last):
    about = credit_reports.span(period, day)

    assert (about.first, about.as_of) == (first, last)


def test_lines_stand_in_one_order_whatever_order_they_came_in():
    head = credit_file.Head(funder_code="hxcf", period=Period.DAY, first=DAY, as_of=DAY, number=1)
    some = [
        credit_file.Line(
            mark=credit_file.Mark.ACCOUNT,
            name='Li, "Na"',
            id_number="1",
            facts=dict.fromkeys(COLUMNS, "0.00") | {"loan": loan, "state": "normal"},
        )
        for loan in ("b", "a", "c")
    ]

    one, other = credit_file.write(head, some), credit_file.write(head, some[::-1])

    assert one.content == other.content
    assert one.counts["normal"] == 3
