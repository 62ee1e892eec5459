"""What finance types: import, reconcile, explain, resolve and sign, with codes a script can read."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from disbursement import reconciliation_cli as cli
from disbursement.records.breaks import Break, BreakStatus
from disbursement.records.settlement import StatementFile
from kernel import staff
from kernel.actors import Role, system
from kernel.clock import shanghai
from kernel.db import transaction
from kernel.staff import NewStaff
from tests.disbursement.reconciliation import world
from tests.disbursement.reconciliation.test_fetching import DAY, pay
from tests.disbursement.reconciliation.world import Told, movement
from tests.disbursement.statements.files import Payment

PASSWORD = "correct horse battery"


@pytest.fixture
def finance(saga):
    """Hire a maker and a checker, and stand on the next morning."""
    with transaction() as session:
        for login, role in (("li.na", Role.FINANCE_MAKER), ("wang.fang", Role.FINANCE_CHECKER)):
            new = NewStaff(login=login, password=PASSWORD, role=role, display_name=login)
            staff.hire(session, new, by=system("test"), at=saga.clock.now())
    return saga


@pytest.fixture
def type_(finance):
    """Give a way to type a command; a password is typed after it."""

    def run(command, *words: str) -> Result:
        return CliRunner().invoke(command, words, obj=finance.surroundings, input=f"{PASSWORD}\n")

    return run


def next_morning(saga) -> None:
    saga.clock.advance_to(shanghai(DAY + timedelta(days=1), 10))


def the_break() -> Break:
    with transaction() as session:
        return session.scalars(select(Break)).one()


def written(tmp_path, content: bytes) -> str:
    file = tmp_path / "file"
    file.write_bytes(content)
    return str(file)


def test_a_clean_day_is_reconciled_and_signed(finance, type_):
    pay(finance)
    next_morning(finance)

    reconciled = type_(cli.reconcile, "--json")
    shown = type_(cli.sign_off, "show")
    prepared = type_(cli.sign_off, "prepare", "--as", "li.na")
    signed = type_(cli.sign_off, "sign", "--as", "wang.fang")

    assert [one.exit_code for one in (reconciled, shown, prepared, signed)] == [0, 0, 0, 0]
    told = json.loads(reconciled.stdout)
    assert (told["day"], told["run"], told["breaks"]) == ("2026-11-20", 1, [])
    assert told["figures"]["matched_paid"] == "9000.00"
    assert "signed and locked" in signed.output


def test_a_break_is_explained_by_one_and_resolved_by_another(finance, type_):
    pay(finance, fault="amount_off_by_one")
    next_morning(finance)

    reconciled = type_(cli.reconcile)
    found = str(the_break().id)
    assigned = type_(cli.reconcile, "assign", found, "--owner", "li.na", "--as", "li.na")
    explained = type_(cli.reconcile, "explain", found, "--text", "the file", "--as", "wang.fang")
    alone = type_(
        cli.reconcile, "resolve", found, "--resolution", "books_stand", "--as", "wang.fang"
    )
    again = type_(cli.reconcile, "explain", found, "--text", "the file", "--as", "li.na")
    resolved = type_(
        cli.reconcile, "resolve", found, "--resolution", "books_stand", "--as", "wang.fang"
    )
    last = type_(cli.reconcile)

    assert reconciled.exit_code == cli.EXIT_NEEDS_A_PERSON
    assert [assigned.exit_code, explained.exit_code, again.exit_code] == [0, 0, 0]
    assert (alone.exit_code, resolved.exit_code, last.exit_code) == (3, 0, 0)
    assert "four_eyes" in alone.stderr
    assert the_break().status is BreakStatus.RESOLVED


def test_breaks_are_listed_with_their_age(finance, type_):
    pay(finance, fault="amount_off_by_one")
    next_morning(finance)
    type_(cli.reconcile)

    listed = type_(cli.reconcile, "breaks", "--json")
    table = type_(cli.reconcile, "breaks", "--day", "2026-11-20", "--all")

    (one,) = json.loads(listed.stdout)
    assert (one["kind"], one["age"], one["ours"], one["theirs"]) == (
        "amount", "0-1", "9000.00", "9000.01",
    )  # fmt: skip
    assert listed.exit_code == cli.EXIT_NEEDS_A_PERSON
    assert "amount" in table.stdout


def test_files_that_are_not_ready_are_told(finance, type_):
    pay(finance)

    fetched = type_(cli.statement, "fetch", "--day", "2026-11-20", "--json")

    assert fetched.exit_code == cli.EXIT_MISSING
    assert {one["fetch"] for one in json.loads(fetched.stdout)} == {"not_ready"}


def test_a_day_that_is_not_over_is_refused(type_):
    refused = type_(cli.reconcile, "--day", "2026-11-20")

    assert refused.exit_code == 3
    assert "day_not_over" in refused.stderr


def test_a_missing_file_has_its_own_code(finance, type_):
    pay(finance)
    finance.partners.outage("bank", "http_500")
    next_morning(finance)

    assert type_(cli.reconcile).exit_code == cli.EXIT_MISSING


def test_files_are_imported_from_disk(type_, tmp_path):
    told = Told(payments=[Payment()], movements=[movement(5, "MYSTERY")])
    settlement = written(tmp_path, told.file())

    taken = type_(
        cli.statement, "import", "settlement", settlement, "--day", "2026-11-20", "--json"
    )
    bank = type_(
        cli.statement, "import", "bank", written(tmp_path, told.statement()), "--day", "2026-11-20"
    )

    assert (taken.exit_code, bank.exit_code) == (0, 0)
    assert json.loads(taken.stdout) == [{"status": "taken", "rows": 1, "new": True, "fault": None}]


def test_a_faulty_file_has_its_own_code(type_, tmp_path):
    faulty = type_(
        cli.statement, "import", "bank", written(tmp_path, b"hello\n"), "--day", "2026-11-20"
    )

    assert faulty.exit_code == cli.EXIT_FILE
    assert "statement_bad_line" in faulty.stdout


@pytest.mark.parametrize(("command", "status"), [("take", "taken"), ("turn-down", "refused")])
def test_a_held_file_is_decided_by_two(type_, tmp_path, command, status):
    with transaction() as session:
        world.take_file(session, Told().file())
    other = written(tmp_path, Told(payments=[Payment()]).file())
    held = type_(cli.statement, "import", "settlement", other, "--day", "2026-11-20")
    found = str(the_break().id)

    type_(cli.reconcile, "explain", found, "--text", "sent again", "--as", "li.na")
    decided = type_(cli.statement, command, found, "--as", "wang.fang")

    assert (held.exit_code, decided.exit_code) == (cli.EXIT_FILE, 0)
    with transaction() as session:
        assert session.get(StatementFile, the_break().file_id).status == status


def test_what_stands_against_signing_is_named(type_):
    shown = type_(cli.sign_off, "show", "--day", "2026-11-20", "--json")
    refused = type_(cli.sign_off, "prepare", "--day", "2026-11-20", "--as", "li.na")

    assert shown.exit_code == cli.EXIT_NEEDS_A_PERSON
    assert {"objection": "it was never reconciled"} in json.loads(shown.stdout)
    assert refused.exit_code == 3
    assert "day_not_ready" in refused.stderr


def test_a_wrong_password_does_nothing(finance):
    typed = CliRunner().invoke(
        cli.sign_off,
        ["prepare", "--day", "2026-11-20", "--as", "li.na"],
        obj=finance.surroundings,
        input="wrong\n",
    )

    assert typed.exit_code == 3
    assert "sign_in_refused" in typed.stderr


def test_an_unknown_owner_is_a_fault_of_the_command(finance, type_):
    pay(finance, fault="amount_off_by_one")
    next_morning(finance)
    type_(cli.reconcile)

    unknown = type_(
        cli.reconcile, "assign", str(the_break().id), "--owner", "nobody", "--as", "li.na"
    )

    assert unknown.exit_code == 2
