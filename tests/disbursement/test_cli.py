"""The operator's commands for payouts, as they are typed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from disbursement import cli, payouts
from disbursement.channels.channel import Outcome, Receipt
from disbursement.payouts import Source
from disbursement.records.payouts import LegStatus
from kernel import staff
from kernel.actors import Role, system
from kernel.db import transaction
from kernel.staff import NewStaff
from tests.disbursement import builders as make

PASSWORD = "correct horse battery"
CARD = make.card_number(1)


@pytest.fixture
def terminal(saga):
    with transaction() as session:
        for login, role in (("li.na", Role.FINANCE_MAKER), ("wang.fang", Role.FINANCE_CHECKER),
                            ("sun.yi", Role.RISK_OFFICER)):  # fmt: skip
            person = NewStaff(login=login, password=PASSWORD, role=role, display_name=login)
            staff.hire(session, person, by=system("test"), at=make.TEN)

    def run(*words: str, password: str = PASSWORD):
        command = {"pay": cli.pay, "approve": cli.approve, "payout": cli.payout}[words[0]]
        return CliRunner().invoke(command, words[1:], obj=saga.surroundings, input=f"{password}\n")

    return run


def said(result) -> Any:
    """Read the JSON of a command; outside a real process its logs stand before it."""
    return json.loads(result.stdout.splitlines()[-1])


def test_a_payout_is_approved_paid_and_listed_from_the_terminal(saga, terminal):
    saga.partners.card(CARD, "9000.00")
    saga.place(make.leg_order(1))
    leg_id = str(saga.leg().id)

    approved = terminal("approve", leg_id, "--as", "li.na")
    paid = terminal("pay", "--json")
    listed = terminal("payout", "list", "--json")

    assert (approved.exit_code, approved.stdout.strip()) == (0, "approved")
    assert said(paid) == {"sent": 1, "asked": 0, "cleared": 0, "need_a_person": 0}
    [row] = said(listed)
    assert (row["id"], row["status"], row["amount"]) == (leg_id, "accepted", "9000.00")
    assert row["card"] == CARD.masked


def test_a_checker_states_at_the_terminal_what_lay_on_a_funders_account(saga, terminal):
    saga.place(make.leg_order(1))

    by_maker = terminal("payout", "opening", "hxcf", "5000.00", "--as", "li.na")
    nonsense = terminal("payout", "opening", "hxcf", "much", "--as", "wang.fang")
    done = terminal("payout", "opening", "hxcf", "5000.00", "--as", "wang.fang")

    assert (by_maker.exit_code, nonsense.exit_code) == (3, 2)
    assert (done.exit_code, done.stdout.strip()) == (0, "free: 5000.00")


def test_a_checker_says_at_the_terminal_that_an_account_is_a_float(saga, terminal):
    saga.place(make.leg_order(1))

    by_maker = terminal("payout", "float", "hxcf", "--as", "li.na")
    stated = terminal("payout", "float", "hxcf", "--as", "wang.fang")
    terminal("payout", "opening", "hxcf", "0.00", "--as", "wang.fang")
    done = terminal("payout", "float", "hxcf", "--as", "wang.fang")

    assert (by_maker.exit_code, stated.exit_code) == (3, 3)
    assert (done.exit_code, done.stdout.strip()) == (0, "hxcf: not below zero")


def test_two_people_decide_at_the_terminal_what_a_contradicted_payout_came_to(saga, terminal):
    saga.partners.card(CARD, "9000.00")
    saga.start(make.leg_order(1))
    saga.send()
    saga.ask(minutes=3)
    leg_id = str(saga.leg().id)
    refused = Receipt(outcome=Outcome.REFUSED, text="told")
    with transaction() as session:
        payouts.record(session, saga.leg().id, refused, source=Source.FILE, at=saga.clock.now())
    words = ("payout", "rule", leg_id, "--verdict", "was_not_paid", "--reason", "their letter")

    first = terminal(*words, "--as", "li.na")
    again = terminal(*words, "--as", "li.na")
    second = terminal(*words, "--as", "wang.fang")

    assert (first.exit_code, again.exit_code) == (0, 3)
    assert second.stdout.strip() == "decided"
    assert saga.status() is LegStatus.RETURNED


def test_a_large_payout_needs_two_people_at_the_terminal(saga, terminal):
    saga.place(make.leg_order(1, "50000.00"))
    leg_id = str(saga.leg().id)

    first = terminal("approve", leg_id, "--as", "li.na")
    same = terminal("approve", leg_id, "--as", "li.na")
    second = terminal("approve", leg_id, "--as", "wang.fang")

    assert (first.exit_code, first.stdout.strip()) == (0, "planned")
    assert (same.exit_code, second.exit_code) == (3, 0)
    assert saga.status() is LegStatus.APPROVED


@pytest.mark.parametrize(
    ("login", "password", "code"),
    [
        ("li.na", "wrong password", "sign_in_refused"),
        ("nobody", PASSWORD, "sign_in_refused"),
        ("sun.yi", PASSWORD, "not_an_approver"),
    ],
)
def test_who_may_not_approve_is_told_so_and_changes_nothing(  # noqa: PLR0917 - a table
    saga, terminal, login, password, code
):
    saga.place(make.leg_order(1))

    refused = terminal("approve", str(saga.leg().id), "--as", login, password=password)

    assert refused.exit_code == 3
    assert code in refused.stderr
    assert password not in refused.output
    assert saga.status() is LegStatus.PLANNED


def test_five_wrong_passwords_close_the_terminal_for_a_while(saga, terminal):
    saga.place(make.leg_order(1))
    leg_id = str(saga.leg().id)
    for _ in range(5):
        terminal("approve", leg_id, "--as", "li.na", password="wrong password")

    right = terminal("approve", leg_id, "--as", "li.na")

    assert right.exit_code == 3
    assert "too_many_tries" in right.stderr


def test_a_parked_payout_is_shown_and_can_be_unparked_by_a_person(saga, terminal):
    saga.partners.card(CARD, "9000.00")
    saga.start(make.leg_order(1))
    with transaction() as session:
        session.execute(text("UPDATE payout_leg SET parked = true"))
    leg_id = str(saga.leg().id)

    told = terminal("pay")
    listed = terminal("payout", "list", "--parked", "--json")
    unparked = terminal("payout", "unpark", leg_id, "--as", "li.na")
    after = terminal("pay", "--json")

    assert told.exit_code == 1
    assert "need a person: 1" in told.stdout
    assert said(listed)[0]["status"] == "approved (parked)"
    assert unparked.exit_code == 0
    assert said(after)["sent"] == 1


def test_a_successor_is_planned_from_the_terminal(saga, terminal):
    saga.partners.card(make.card_number(1), "1200.00", fault="refuse_63")
    saga.partners.card(make.card_number(2), "2400.00")
    saga.start(make.leg_order(1), make.leg_order(2))
    saga.send()
    [failed] = [leg for leg in saga.legs() if leg.status is LegStatus.FAILED]

    planned = terminal("payout", "succeed", str(failed.id), "--as", "wang.fang")

    assert planned.exit_code == 0
    assert saga.leg().predecessor_id == failed.id


def test_payouts_are_listed_by_status_for_people_too(saga, terminal):
    saga.place(make.leg_order(1))

    shown = terminal("payout", "list", "--status", "planned")
    none = terminal("payout", "list", "--status", "paid", "--json")

    assert "planned" in shown.stdout
    assert CARD.plain not in shown.stdout
    assert said(none) == []


def test_a_payout_nobody_planned_is_said_to_be_missing(terminal):
    unknown = terminal("approve", "00000000-0000-0000-0000-000000000001", "--as", "li.na")

    assert unknown.exit_code == 3
    assert "no_such_payout" in unknown.stderr
