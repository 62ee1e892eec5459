"""Releasing a credit report: two people, the same bytes, and persons in the file alone."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

import pytest
from sqlalchemy import text

from disbursement import (
    breaks,
    credit_reports,
)
from disbursement.credit_reports import (
    FileDiffers,
    NotReleased,
    PeriodNotOver,
    ReportWaits,
)
from disbursement.records.borrowers import Borrower
from disbursement.records.credit import ReportStatus
from kernel.actors import Actor, Role
from kernel.clock import shanghai
from kernel.db import transaction
from kernel.moves import MoveRefused
from kernel.personal import PersonName
from kernel.sealing import seal
from tests.disbursement import builders as make
from tests.disbursement.reporting import (
    BORROWER,
    FEBRUARY_FIRST,
    JANUARY,
    NOVEMBER,
    exported,
    known,
    pay,
    prepared,
    released,
)
from tests.disbursement.running import running


@pytest.fixture
def loan(database):
    """A loan of 8,000 yuan of 20 November over twelve months, its borrower known."""
    known()
    return running()


def test_the_file_is_written_after_another_person_released_it(loan):
    report = prepared(NOVEMBER)
    with pytest.raises(NotReleased):
        exported(report)
    with pytest.raises(breaks.NotYours), transaction() as session:
        credit_reports.release(session, report.id, by=make.MAKER, at=FEBRUARY_FIRST)

    with transaction() as session:
        credit_reports.release(session, report.id, by=make.CHECKER, at=FEBRUARY_FIRST)

    assert exported(report).sha256 == report.sha256


def test_whoever_prepared_a_report_does_not_release_it(loan):
    report = prepared(NOVEMBER, by=make.CHECKER)

    with pytest.raises(breaks.SamePerson), transaction() as session:
        credit_reports.release(session, report.id, by=make.CHECKER, at=FEBRUARY_FIRST)


def test_a_rejected_report_makes_room_for_another(loan):
    report = prepared(NOVEMBER)
    with pytest.raises(ReportWaits):
        prepared(NOVEMBER)
    with transaction() as session:
        credit_reports.reject(
            session, report.id, reason="wrong month", by=make.CHECKER, at=FEBRUARY_FIRST
        )

    again = prepared(NOVEMBER)

    assert (again.number, again.status) == (2, ReportStatus.PREPARED)
    with pytest.raises(MoveRefused), transaction() as session:
        credit_reports.release(session, report.id, by=make.CHECKER, at=FEBRUARY_FIRST)


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.RISK_OFFICER, Role.DEBTOR])
def test_only_finance_prepares_and_writes_reports(loan, role):
    report = released(NOVEMBER)
    somebody = Actor(role, "somebody")

    with pytest.raises(breaks.NotYours):
        prepared(JANUARY, by=somebody)
    with pytest.raises(breaks.NotYours), transaction() as session:
        credit_reports.export(session, report.id, by=somebody, at=FEBRUARY_FIRST)


def test_a_period_that_is_not_over_is_not_reported(loan):
    with pytest.raises(PeriodNotOver):
        prepared(JANUARY, at=shanghai(date(2027, 1, 31), 23))


def test_the_same_report_is_the_same_bytes_whenever_it_is_written(loan):
    report = released(NOVEMBER)
    first = exported(report)
    pay(loan.loan_id, "100.00", on=date(2027, 2, 3))

    again = exported(report, at=FEBRUARY_FIRST + timedelta(days=400))

    assert again.content == first.content
    with transaction() as session:
        written = credit_reports.exports(session, report.id)
    assert [row.sha256 for row in written] == [first.sha256, first.sha256]


def test_a_borrower_changed_since_the_release_stops_the_file(loan):
    report = released(NOVEMBER)
    with transaction() as session:
        kept = session.get_one(Borrower, BORROWER)
        kept.name = seal(PersonName("测试乙"))

    with pytest.raises(FileDiffers):
        exported(report)


def test_the_trailer_counts_the_lines_and_proves_the_body(loan):
    content = exported(released(NOVEMBER)).content

    body, _, last = content.rstrip(b"\r\n").rpartition(b"\r\n")
    fields = last.decode().split(",")
    assert fields[:2] == ["T", "1"]
    assert fields[-2] == "8000.00"
    assert fields[-1] == hashlib.sha256(body + b"\r\n").hexdigest()


def test_persons_stand_in_the_file_alone_and_every_look_is_on_record(loan):
    report = released(NOVEMBER)
    exported(report)

    with transaction() as session:
        kept = str(session.execute(text("SELECT * FROM credit_report_line")).all())
        looks = session.execute(
            text("SELECT actor, kind FROM reveal WHERE subject = :id AND purpose = :why"),
            {"id": report.id, "why": credit_reports.PURPOSE},
        ).all()
    assert make.NAME not in kept
    assert make.national_id(1) not in kept
    # Prepared once and written once: name and number each time.
    assert sorted(kind for _, kind in looks) == ["national_id"] * 2 + ["person_name"] * 2
    assert {actor for actor, _ in looks} == {str(make.MAKER)}
