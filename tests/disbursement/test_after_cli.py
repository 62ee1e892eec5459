"""Commands after the payout: credit reports by two people, and a letter written to a file."""

from __future__ import annotations

import json
import stat
from datetime import date
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from disbursement import audit_cli, checking, commissions, credit_cli, servicing
from kernel import staff
from kernel.actors import Role, system
from kernel.clock import SetClock, shanghai
from kernel.db import transaction
from kernel.staff import NewStaff
from tests.disbursement import builders as make
from tests.disbursement.reporting import BORROWER, known
from tests.disbursement.running import BY, NOON, Running, running

PASSWORD = "correct horse battery"
NOW = shanghai(date(2027, 2, 1), 9)


@pytest.fixture
def loan(database) -> Running:
    """A loan of 20 November whose borrower is known, and a maker and a checker at the terminal."""
    known()
    with transaction() as session:
        for login, role in (("li.na", Role.FINANCE_MAKER), ("wang.fang", Role.FINANCE_CHECKER)):
            new = NewStaff(login=login, password=PASSWORD, role=role, display_name=login)
            staff.hire(session, new, by=system("test"), at=NOW)
    return running()


@pytest.fixture
def type_():
    """Give a way to type a command; a password is typed after it."""
    surroundings = type("S", (), {"clock": SetClock(NOW)})()

    def run(command, *words: object) -> Result:
        spelled = [str(word) for word in words]
        return CliRunner().invoke(command, spelled, obj=surroundings, input=f"{PASSWORD}\n")

    return run


def test_a_report_is_prepared_released_and_written_once_to_a_file_of_its_owner(
    loan, type_, tmp_path
):
    path = tmp_path / "report.csv"
    group = credit_cli.credit_report

    prepared = type_(group, "prepare", "hxcf", "month", "2026-11-05", "--as", "li.na", "--json")
    (report,) = json.loads(prepared.stdout)
    own = type_(group, "release", report["id"], "--as", "li.na")
    early = type_(group, "export", report["id"], path, "--as", "li.na")
    released = type_(group, "release", report["id"], "--as", "wang.fang")
    written = type_(group, "export", report["id"], path, "--as", "li.na")
    again = type_(group, "export", report["id"], path, "--as", "li.na")

    assert (prepared.exit_code, own.exit_code, early.exit_code) == (0, 3, 3)
    assert (released.exit_code, written.exit_code, again.exit_code) == (0, 0, 2)
    assert report["sha256"] in written.stdout
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert make.NAME in path.read_text(encoding="utf-8")
    assert make.NAME not in prepared.output + written.output


def test_what_is_held_back_ends_with_one_and_is_listed(loan, type_):
    group = credit_cli.credit_report

    prepared = type_(group, "prepare", "hxcf", "month", "2027-01-05", "--as", "li.na", "--json")
    (report,) = json.loads(prepared.stdout)
    held = type_(group, "held", report["id"])
    listed = type_(group, "list")
    rejected = type_(group, "reject", report["id"], "--reason", "x", "--as", "wang.fang")

    assert (prepared.exit_code, held.exit_code) == (1, 1)
    assert f"{loan.loan_id}  not_told" in held.stdout
    assert "0 lines, 1 held" in listed.stdout
    assert rejected.exit_code == 0
    assert type_(group, "held", uuid4()).exit_code == 3


def test_a_letter_is_written_for_a_settled_loan_alone(loan, type_, tmp_path):
    path = tmp_path / "letter.pdf"
    early = type_(audit_cli.letter, "issue", loan.loan_id, path, "--as", "li.na")
    with transaction() as session:
        quoted = servicing.payoff_quote(session, loan.loan_id, on=NOW.date()).total
        servicing.pay_off(
            session, loan.loan_id, payment_id=uuid4(), amount=quoted, on=NOW.date(),
            source="funding_bank/hxcf", by=BY, at=NOW,
        )  # fmt: skip

    issued = type_(audit_cli.letter, "issue", loan.loan_id, path, "--as", "li.na")

    assert (early.exit_code, issued.exit_code) == (3, 0)
    assert path.read_bytes().startswith(b"%PDF")
    assert type_(audit_cli.check, path).exit_code == 0


def test_the_doctor_names_an_agency_that_is_owed_another_sum(loan):
    loan.verify()
    with transaction() as session:
        agency = commissions.Agency(ref=BORROWER, code="beichen")
        commissions.earn(session, loan.leg_id, agency, by=BY, at=NOON)
        before = checking.check_books(session)
        session.execute(text("UPDATE commission SET fee = fee + 1"))

        after = checking.check_books(session)

    assert before == []
    assert after == [f"account commission_payable/{BORROWER} is not what its commissions add up to"]
