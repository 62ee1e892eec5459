"""The command and the job, as an operator and the scheduler run them."""

from __future__ import annotations

import json
from datetime import date

import pytest
from click.testing import CliRunner, Result

from disbursement import end_of_day, end_of_day_cli, end_of_day_jobs
from kernel import config, jobs
from kernel.clock import SetClock, shanghai
from kernel.db import transaction
from kernel.surroundings import Surroundings
from tests.disbursement import lives
from tests.disbursement.end_of_day import lending
from tests.disbursement.end_of_day.test_restart import spoil


@pytest.fixture
def surroundings(database) -> Surroundings:
    clock = SetClock(shanghai(date(2026, 2, 16), 1, 30))
    return Surroundings(settings=config.read({"DAICHANG_ENV": "test"}), clock=clock, outbound={})


@pytest.fixture
def loan_id(database):
    with transaction() as session:
        return lives.active(session).id


def run(surroundings: Surroundings, *words: str) -> Result:
    command = end_of_day_cli.end_of_day_command
    return CliRunner().invoke(command, words, obj=surroundings)


def test_days_are_told_as_json(surroundings, loan_id):
    run(surroundings, "--through", "2026-02-14")

    result = run(surroundings, "--json")

    told = json.loads(result.stdout.splitlines()[-1])
    assert result.exit_code == 0
    [day] = told["closed"]
    assert (day["day"], day["loans"]) == ("2026-02-15", 1)
    # The first of twelve instalments of 888.49; the last of its 31 days earned 3.23.
    assert day["figures"]["amounts"] == {
        "due": "888.49",
        "interest_due": "100.00",
        "accrued": "3.23",
    }
    assert day["figures"]["counts"]["due"] == 1
    assert (told["stopped_at"], told["failed"]) == (None, [])


def test_days_are_told_as_a_table(surroundings, loan_id):
    result = run(surroundings)

    assert result.exit_code == 0
    assert "2026-02-15" in result.stdout
    assert "100.00" in result.stdout
    assert "nothing to close" in run(surroundings).stdout


def test_a_day_that_is_not_over_ends_with_three(surroundings, loan_id):
    result = run(surroundings, "--through", "2026-02-16")

    assert result.exit_code == 3
    assert result.stderr.strip() == "day_still_runs: 2026-02-16 is not over"


def test_a_day_that_cannot_be_read_ends_with_two(surroundings, database):
    assert run(surroundings, "--through", "yesterday").exit_code == 2


def test_a_loan_that_cannot_be_closed_ends_with_one_and_is_named(surroundings, loan_id):
    spoil(loan_id)

    told = run(surroundings)
    as_json = run(surroundings, "--json")

    assert (told.exit_code, as_json.exit_code) == (1, 1)
    assert f"2026-02-15 stays open: these loans could not be closed\n  {loan_id}" in told.stdout
    assert json.loads(as_json.stdout.splitlines()[-1])["failed"] == [str(loan_id)]


def test_the_job_counts_days_and_fails_aloud_when_a_loan_is_left(surroundings, loan_id):
    [job] = end_of_day_jobs.JOBS

    assert jobs.run(job, surroundings) == 32  # 15 January to 15 February
    assert jobs.run(job, surroundings) == 0

    surroundings.clock.advance_to(shanghai(date(2026, 3, 16), 1, 30))
    with transaction() as session:
        lending.open_for(session, loan_id)
    spoil(loan_id, on=date(2026, 3, 15))
    assert jobs.run(job, surroundings) is None
    with pytest.raises(end_of_day.LoansLeftOpen):
        job.run(surroundings)
