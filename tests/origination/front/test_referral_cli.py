"""The import command says what it did, and its exit code says it again."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from kernel import db
from kernel.clock import SetClock
from kernel.config import read as read_settings
from kernel.surroundings import build
from origination import agencies
from origination.records.referrals import Referral
from origination.referral_cli import import_referrals
from tests.origination.front import builders as make
from tests.origination.front.sheets import csv_file, row


@pytest.fixture
def run(database, tmp_path):
    with db.transaction() as session:
        make.agency(session)
    surroundings = build(read_settings({"DAICHANG_ENV": "test"}), SetClock(make.NOON))

    def command(content, *options, agency="beichen"):
        file = tmp_path / "cases.csv"
        if content is not None:
            file.write_bytes(content)
        return CliRunner().invoke(
            import_referrals, [str(file), "--agency", agency, *options], obj=surroundings
        )

    return command


def referrals_kept():
    with db.transaction() as session:
        return session.scalar(select(func.count()).select_from(Referral))


def test_a_good_file_is_taken_and_the_same_file_again_is_known(run):
    content = csv_file(row(1), row(2))

    first, again = run(content), run(content)

    assert (first.exit_code, again.exit_code) == (0, 0)
    assert "2 rows: 2 created, 0 known already, 0 refused" in first.output
    assert "2 rows: 0 created, 2 known already, 0 refused" in again.output
    assert referrals_kept() == 2


def test_refused_rows_are_shown_in_a_table_and_the_others_are_taken(run):
    found = run(csv_file(row(1), row(2, card_last4="12x4")))

    assert found.exit_code == 2
    assert "2 rows: 1 created, 0 known already, 1 refused" in found.output
    assert "must be 4 digits" in found.output
    assert "12x4" not in found.output
    assert referrals_kept() == 1


def test_a_dry_run_says_the_same_and_writes_nothing(run):
    content = csv_file(row(1), row(2, card_last4="12x4"))

    rehearsed = json.loads(run(content, "--dry-run", "--json").stdout)

    assert referrals_kept() == 0
    done = json.loads(run(content, "--json").stdout)
    assert referrals_kept() == 1
    assert rehearsed | {"dry_run": False} == done
    assert done["created"] == 1
    assert done["faults"] == [
        {"row": 3, "column": "E card_last4", "value": "1***", "remedy": "must be 4 digits"}
    ]


def test_what_the_books_refuse_is_a_row_fault_too(run):
    run(csv_file(row(1)))

    found = run(csv_file(row(1, card_last4="9999"), row(2)), "--json")

    report = json.loads(found.stdout)
    assert found.exit_code == 2
    assert (report["created"], report["refused"]) == (1, 1)
    assert "other content" in report["faults"][0]["remedy"]


@pytest.mark.parametrize("content", [None, b"", b"\x00\x01", b"name\nx\n"])
def test_an_unreadable_file_is_exit_code_three(run, content):
    found = run(content)

    assert found.exit_code == 3
    assert "cannot be read" in found.output
    assert json.loads(run(content, "--json").stdout)["code"] == "file_unreadable"
    assert referrals_kept() == 0


def test_an_agency_that_may_not_refer_is_exit_code_four(run):
    assert run(csv_file(row(1)), agency="nobody").exit_code == 4

    with db.transaction() as session:
        agency = agencies.by_code(session, "beichen")
        agencies.suspend(session, agency, reason="complaints", by=make.SETUP, at=make.NOON)
    assert run(csv_file(row(1))).exit_code == 4
    assert referrals_kept() == 0


def test_more_faults_than_fit_are_counted(run):
    found = run(csv_file(*[row(number, card_last4="x") for number in range(1, 61)]))

    assert "and 10 more: see --json" in found.output


def test_the_help_documents_the_exit_codes(run):
    found = CliRunner().invoke(import_referrals, ["--help"])

    for code in ("0  every row", "2  some rows", "3  the file", "4  the agency"):
        assert code in found.output
