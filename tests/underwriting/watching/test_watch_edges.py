"""The command and the job: once a day, told again, and heard by the event log's readers."""

from __future__ import annotations

import json
from datetime import timedelta

import click
import pytest
from click.testing import CliRunner
from sqlalchemy import func, select, text

from kernel import db
from kernel.events import Event
from kernel.surroundings import Surroundings
from tests.underwriting.watching import town
from tests.underwriting.watching.town import DAY, NOW, key
from underwriting import cli, jobs
from underwriting.cli.watching import EXIT_ALARM
from underwriting.records.watching import LoanMark
from underwriting.watching import readings, watch


@pytest.fixture
def at_night(surroundings: Surroundings) -> Surroundings:
    """Stand an hour after the day that is watched."""
    surroundings.clock.advance_to(NOW)
    return surroundings


def called(surroundings: Surroundings, *arguments: str):
    root = click.Group(commands={command.name: command for command in cli.COMMANDS})
    return CliRunner().invoke(root, ["watch", *arguments], obj=surroundings)


def plant_a_ring() -> None:
    with db.transaction() as session:
        for number in range(1, 6):
            town.refer(session, number, DAY, key("device", "shared"))


def alarms() -> int:
    with db.transaction() as session:
        return session.scalar(
            select(func.count()).select_from(Event).where(Event.kind == watch.ALARM)
        )


def test_the_command_prints_what_rang_and_ends_with_its_code(at_night):
    plant_a_ring()

    told = called(at_night)
    again = called(at_night, "--day", DAY.isoformat(), "--json")

    assert told.exit_code == again.exit_code == EXIT_ALARM
    assert "1 alarm" in told.output
    assert "ring" in told.output
    [ring] = [r for r in json.loads(again.output)["readings"] if r["measure"] == "ring"]
    assert (ring["value"], ring["verdict"]) == ("5.000000", "alarm")
    assert alarms() == 1


def test_a_quiet_day_ends_well_and_a_day_that_is_not_over_is_refused(at_night):
    assert called(at_night).exit_code == 0

    refused = called(at_night, "--day", (DAY + timedelta(days=1)).isoformat())

    assert refused.exit_code == 3
    assert "is not over" in refused.output


def test_a_day_before_any_bars_is_told_in_one_line(at_night):
    refused = called(at_night, "--day", "2026-01-01")

    assert refused.exit_code == 1
    assert "no rule in force on 2026-01-01" in refused.output


def test_nobody_is_marked_late_for_a_day_on_which_he_may_still_pay(at_night):
    with db.transaction() as session:
        town.lend(session, 1, DAY - timedelta(days=60), overdue_since=DAY - timedelta(days=29))

    called(at_night, "--day", (DAY + timedelta(days=1)).isoformat())

    with db.transaction() as session:
        assert session.scalars(select(LoanMark.mark)).all() == []


def test_the_job_watches_each_day_once_and_catches_up_with_a_week(at_night):
    plant_a_ring()

    assert [jobs.watch_days(at_night) for _ in range(2)] == [1, 0]
    at_night.clock.advance(timedelta(days=2))
    # The ring is told again on each of the two days that nobody watched.
    assert jobs.watch_days(at_night) == 2
    at_night.clock.advance(timedelta(days=100))
    jobs.watch_days(at_night)

    with db.transaction() as session:
        watched = [each.day for each in readings.days(session)]
    assert watched[:7] == [DAY + timedelta(days=102 - back) for back in range(7)]
    assert watched[7:] == [DAY + timedelta(days=2), DAY + timedelta(days=1), DAY]
    assert alarms() == 3


def test_a_day_that_somebody_watched_by_hand_hides_none_before_it(at_night):
    jobs.watch_days(at_night)
    at_night.clock.advance(timedelta(days=4))
    assert called(at_night).exit_code == 0

    with db.transaction() as session:
        missing = watch.unwatched(session, at=at_night.clock.now())
    jobs.watch_days(at_night)

    assert missing == tuple(DAY + timedelta(days=days) for days in (1, 2, 3))
    with db.transaction() as session:
        assert len(readings.days(session)) == 5
        assert watch.unwatched(session, at=at_night.clock.now()) == ()


def test_counting_holds_no_reader_of_the_event_log_up(database):
    # Only a transaction that wrote has an identity that a reader waits for.
    with db.transaction() as session:
        town.lend(session, 1, DAY - timedelta(days=200), overdue_since=DAY - timedelta(days=100))
    with db.transaction() as session:
        assert watch.mark(session, day=DAY, at=NOW) == 2

    with db.transaction() as session:
        assert watch.mark(session, day=DAY, at=NOW) == 0
        wrote = session.scalar(text("SELECT pg_current_xact_id_if_assigned()::text"))

    assert wrote is None


@pytest.mark.parametrize(
    "table", ["link", "watched_case", "loan_mark", "watch_day", "watch_reading", "fairness_group"]
)
def test_what_was_read_is_never_changed(database, table):
    with db.transaction() as session:
        triggers = session.scalars(
            text("SELECT tgname FROM pg_trigger WHERE tgrelid = CAST(:t AS regclass)"), {"t": table}
        ).all()

    assert f"{table}_append_only" in triggers
