"""Reports to the credit bureau, told in a few words for tests."""

from __future__ import annotations

import csv
import io
from datetime import date
from uuid import UUID, uuid4

from disbursement import borrowers, credit_notices, credit_reports, servicing
from disbursement.credit_file import COLUMNS, Period
from disbursement.records.funders import Funder
from kernel.clock import shanghai
from kernel.db import transaction
from kernel.money import Money
from kernel.personal import NationalId, PersonName
from kernel.sealing import seal
from tests.disbursement import builders as make
from tests.disbursement.running import BY, DAY

BORROWER = UUID(int=1002)
"""The debtor of every loan that the builders make."""
NOVEMBER = credit_reports.span(Period.MONTH, date(2026, 11, 5))
JANUARY = credit_reports.span(Period.MONTH, date(2027, 1, 1))
FEBRUARY_FIRST = shanghai(date(2027, 2, 1), 9)
SINCE = date(2026, 12, 20)
"""When the first instalment of a loan of 20 November falls due."""


def known() -> None:
    with transaction() as session:
        borrowers.keep(
            session,
            BORROWER,
            name=seal(PersonName(make.NAME)),
            national_id=seal(NationalId(make.national_id(1))),
            at=shanghai(DAY),
        )


def funder(session) -> Funder:
    return session.query(Funder).one()


def prepared(about, *, at=FEBRUARY_FIRST, by=make.MAKER):
    with transaction() as session:
        return credit_reports.prepare(session, funder(session), about, by=by, at=at)


def released(about, *, at=FEBRUARY_FIRST):
    report = prepared(about, at=at)
    with transaction() as session:
        return credit_reports.release(session, report.id, by=make.CHECKER, at=at)


def exported(report, *, at=FEBRUARY_FIRST):
    with transaction() as session:
        return credit_reports.export(session, report.id, by=make.MAKER, at=at)


def lines(report) -> list[dict[str, str]]:
    """Read the account lines of a report's file."""
    rows = list(csv.reader(io.StringIO(exported(report).content.decode())))
    assert (rows[0][0], rows[-1][0]) == ("H", "T")
    names = ("mark", "name", "id_type", "id_number", *COLUMNS)
    return [dict(zip(names, row, strict=True)) for row in rows[1:-1]]


def tell(loan_id, *, on: date, since: date = SINCE) -> None:
    """Plan a notice and have it arrive on a day."""
    message = uuid4()
    with transaction() as session:
        credit_notices.plan(
            session, loan_id, overdue_since=since, message_ref=message, at=shanghai(on)
        )
        assert credit_notices.delivered(session, message, at=shanghai(on, 9))


def pay(loan_id, amount: str, *, on: date) -> None:
    with transaction() as session:
        servicing.repay(
            session, loan_id, payment_id=uuid4(), amount=Money.yuan(amount), on=on,
            source="funding_bank/hxcf", by=BY, at=shanghai(on, 12),
        )  # fmt: skip
