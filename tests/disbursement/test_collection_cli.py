"""The operator's commands for money that comes in, as they are typed."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import update

from disbursement import collection_cli, fetching
from disbursement.records.debits import DebitOrder, DebitStatus
from kernel import staff
from kernel.actors import Role, system
from kernel.clock import shanghai
from kernel.db import transaction
from kernel.staff import NewStaff
from tests.disbursement import builders as make
from tests.disbursement.collecting import Collecting
from tests.disbursement.reconciliation.test_fetching import put_in

PASSWORD = "correct horse battery"


@pytest.fixture
def terminal(collecting: Collecting):
    with transaction() as session:
        for login, role in (("li.na", Role.FINANCE_MAKER), ("wang.fang", Role.FINANCE_CHECKER),
                            ("sun.yi", Role.RISK_OFFICER)):  # fmt: skip
            person = NewStaff(login=login, password=PASSWORD, role=role, display_name=login)
            staff.hire(session, person, by=system("test"), at=make.TEN)

    def run(*words: str):
        command = {"collect": collection_cli.collect, "transfer": collection_cli.transfer}[words[0]]
        given = f"{PASSWORD}\n"
        return CliRunner().invoke(command, words[1:], obj=collecting.surroundings, input=given)

    return run


def said(result) -> Any:
    return json.loads(result.stdout.splitlines()[-1])


def test_what_is_due_is_collected_and_listed_from_the_terminal(collecting, terminal):
    collecting.begin()
    collecting.bind()
    due_on, instalment = collecting.first_due()
    collecting.stand_at(due_on)

    ran = terminal("collect", "--json")
    collecting.ask(minutes=4)
    listed = terminal("collect", "list", "--json")

    assert (ran.exit_code, said(ran)) == (
        0,
        {"planned": 1, "sent": 1, "asked": 0, "need_a_person": 0},
    )
    [row] = said(listed)
    assert (row["status"], row["amount"], row["card"]) == (
        "paid",
        str(instalment),
        collecting.card.masked,
    )
    assert collecting.card.plain not in listed.stdout


def test_a_parked_collection_is_told_by_the_exit_code_and_let_go_by_finance_alone(
    collecting, terminal
):
    collecting.begin()
    collecting.bind()
    collecting.stand_at(collecting.first_due()[0])
    collecting.plan()
    with transaction() as session:
        session.execute(update(DebitOrder).values(parked=True))
    debit_id = str(collecting.order().id)

    ran = terminal("collect")
    by_risk = terminal("collect", "unpark", debit_id, "--as", "sun.yi")
    by_maker = terminal("collect", "unpark", debit_id, "--as", "li.na")
    again = terminal("collect", "rebook", debit_id, "--as", "li.na")
    off = ("collect", "cancel", debit_id, "--reason", "asked twice", "--as")
    assert (terminal(*off, "sun.yi").exit_code, terminal(*off, "li.na").exit_code) == (3, 0)
    assert collecting.status() is DebitStatus.CANCELLED

    assert (ran.exit_code, by_risk.exit_code, by_maker.exit_code) == (1, 3, 0)
    assert "not_for_collections" in by_risk.stderr
    assert (again.exit_code, not collecting.order().parked) == (3, True)


def test_a_transfer_is_proposed_by_one_and_agreed_to_by_another(collecting, terminal):
    put_in(collecting.saga)
    collecting.begin()
    due_on, instalment = collecting.first_due()
    collecting.stand_at(due_on)
    collecting.partners.transfer(str(instalment), "rent")
    collecting.clock.advance_to(shanghai(due_on + timedelta(days=1), 10))
    fetching.reconcile_day(collecting.surroundings, due_on)

    listed = terminal("transfer", "list", "--json")
    [row] = said(listed)
    loan = str(collecting.loan_id)
    nobody = terminal("transfer", "consent", row["id"], "--as", "wang.fang")
    proposed = terminal("transfer", "propose", row["id"], "--loan", loan, "--as", "li.na")
    turned = terminal("transfer", "turn-down", row["id"], "--as", "wang.fang")
    terminal("transfer", "propose", row["id"], "--loan", loan, "--as", "li.na")
    agreed = terminal("transfer", "consent", row["id"], "--as", "wang.fang")

    assert (listed.exit_code, row["amount"], row["reference"]) == (1, str(instalment), "rent")
    assert (nobody.exit_code, proposed.exit_code, turned.exit_code) == (3, 0, 0)
    assert (agreed.exit_code, terminal("transfer", "list").exit_code) == (0, 0)
    assert collecting.owed(due_on).due.fen == 0
