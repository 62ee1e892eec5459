"""The commands after a restore, as they are typed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from click.testing import CliRunner

from disbursement import fetching, restore_cli
from kernel import staff
from kernel.actors import Role, system
from kernel.clock import business_day, shanghai
from kernel.db import transaction
from kernel.staff import NewStaff
from tests.disbursement import builders as make

PASSWORD = "correct horse battery"


@pytest.fixture
def terminal(saga):
    with transaction() as session:
        for login, role in (
            ("li.na", Role.FINANCE_MAKER),
            ("wang.fang", Role.FINANCE_CHECKER),
            ("sun.yi", Role.RISK_OFFICER),
        ):
            person = NewStaff(login=login, password=PASSWORD, role=role, display_name=login)
            staff.hire(session, person, by=system("test"), at=make.TEN)

    def run(*words: str, login: str):
        return CliRunner().invoke(
            restore_cli.restore,
            [*words, "--as", login],
            obj=saga.surroundings,
            input=f"{PASSWORD}\n",
        )

    return run


def test_payouts_are_frozen_by_one_and_let_go_by_another_when_the_files_are_there(saga, terminal):
    """The backup is of half past nine; the database was lost at ten."""
    begun = terminal("begin", "--lost-from", "2026-11-20T09:30", login="li.na")
    early = terminal("end", login="wang.fang")
    saga.clock.advance_to(shanghai(business_day(make.TEN) + timedelta(days=2), 9, 5))
    fetching.reconcile_due(saga.surroundings)
    alone = terminal("end", login="li.na")
    ended = terminal("end", login="wang.fang")

    assert begun.exit_code == 0, begun.stderr
    assert "2026-11-20, 2026-11-21" in begun.stdout
    assert (early.exit_code, alone.exit_code) == (3, 3)
    assert "files_of_lost_time_missing" in early.stderr
    assert "same_restorer" in alone.stderr
    assert ended.exit_code == 0, ended.stderr
    assert "0 payouts recovered" in ended.stdout


def test_who_is_not_of_finance_is_refused(terminal):
    refused = terminal("begin", "--lost-from", "2026-11-20T09:30", login="sun.yi")

    assert refused.exit_code == 3
    assert "not_for_restores" in refused.stderr


def test_a_time_that_is_none_is_not_understood(terminal):
    refused = terminal("begin", "--lost-from", "yesterday", login="li.na")

    assert refused.exit_code == 2
