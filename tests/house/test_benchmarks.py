"""Each benchmark runs on a tiny size and gives its rows; the figures themselves are not tests."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from benchmarks import __main__ as runner
from benchmarks import explanation, ledger_books, ledger_pgbench, server, table, yardsticks
from benchmarks.bench import Bench
from benchmarks.table import Row, at_least, at_most
from kernel import db

DAY = date(2026, 11, 20)


@pytest.fixture
def bench(database, database_server, tmp_path) -> Bench:
    return Bench(
        server_url=database_server,
        folder=tmp_path,
        disk=None,
        seconds=1,
        rounds=1,
        clients=1,
        people=300,
        dossiers=500,
        loans=2_000,
        legs=2,
        open_loans=(100, 200),
        say=lambda text: None,
    )


def row(*ratios: float, bar=None) -> Row:
    return Row(benchmark="b", case="c", ratios=ratios, bar=bar)


def test_one_schedule_is_compared_with_a_bare_one_of_the_same_rows(bench):
    [found] = runner.BENCHMARKS["schedule_one"](bench)

    assert len(found.ratios) == 3
    assert found.bar == at_most(3.0)
    assert found.yardstick.loop_turns_per_second > 0


def test_many_schedules_are_compared_with_a_bare_recurrence_of_the_same_rows(bench):
    found = runner.BENCHMARKS["schedule_many"](bench)

    assert [each.case for each in found] == ["2,000 x 12, annuity", "2,000 x 12, equal_principal"]
    assert all(ratio > 0 for each in found for ratio in each.ratios)
    assert {each.bar for each in found} == {at_most(3.0)}


@pytest.mark.slow
def test_payouts_are_compared_with_as_many_requests_and_commits(bench):
    [found] = runner.BENCHMARKS["payout_saga"](bench)

    assert len(found.ratios) == 1
    assert "a payout takes 4 requests" in found.notes


@pytest.mark.slow
def test_the_end_of_a_day_is_compared_with_the_bare_writing_of_its_rows(bench):
    found = runner.BENCHMARKS["end_of_day"](bench)

    assert [each.case for each in found][:2] == ["100 open loans", "200 open loans"]
    assert all(ratio > 0 for each in found for ratio in each.ratios)
    assert found[-1].case == "a loan of 200 over one of 100"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ledger_random", "ledger_hot"])
def test_postings_are_compared_with_pgbench(bench, name):
    found = runner.BENCHMARKS[name](bench)

    assert [each.case for each in found] == [
        "100 a transaction, sync on",
        "single, sync on",
        "100 a transaction, sync off",
        "single, sync off",
    ]
    assert all(ratio > 0 for each in found for ratio in each.ratios)
    assert [each.bar for each in found] == [at_least(0.6), at_least(0.4)] * 2


@pytest.mark.slow
def test_one_assessment_is_compared_with_a_bare_score_and_commit(bench):
    found = runner.BENCHMARKS["assessment_one"](bench)

    assert [each.case for each in found] == [
        "approve, sync on",
        "decline, sync on",
        "approve, sync off",
    ]
    assert all(len(each.ratios) == 1 for each in found)


@pytest.mark.slow
def test_a_batch_is_compared_with_bare_scores_and_contributions(bench):
    found = runner.BENCHMARKS["assessment_batch"](bench)

    cases = [each.case for each in found]
    assert cases == [
        *(f"{case}, {form} form" for form in ("first", "second") for case in
          ("500", "the same from text to text", "reasons alone")),
        "500, GiB at most",
    ]  # fmt: skip
    assert all(ratio > 0 for each in found for ratio in each.ratios)
    assert found[0].bar == found[3].bar == at_least(0.5)
    assert found[-1].bar == at_most(2.0)


@pytest.mark.slow
def test_explanations_are_compared_with_the_librarys(bench, monkeypatch):
    monkeypatch.setattr(explanation, "SIZES", ((3, 20),))

    found = runner.BENCHMARKS["explanation"](bench)

    assert [each.case.partition(",")[0] for each in found] == ["one row", "many rows"]
    assert all(ratio > 0 for each in found for ratio in each.ratios)


@pytest.mark.parametrize("batch", [1, 3])
def test_pgbench_is_given_every_statement_that_the_ledger_sends(database, tmp_path, batch):
    ledger_books.open_accounts(database)
    sent = ledger_pgbench.overhear(
        database, ledger_books.postings(batch, is_hot=True, on=DAY, random=Random(1))
    )

    script = ledger_pgbench.write(database, tmp_path, batch=batch, is_hot=True, random=Random(1))

    # \set x3, BEGIN, the statements, COMMIT
    bodies = [path.read_text() for path in script.files]
    for body in bodies:
        assert body.count(";\n") == len(sent) + 2
        assert "INSERT INTO transfer" in body
        assert "ON CONFLICT DO NOTHING" in body
        assert "%(" not in body
    assert ledger_books.count(database) == 0


def test_pgbench_that_fails_says_why(database, database_server, tmp_path):
    script = ledger_pgbench.Script(files=(tmp_path / "wrong.sql",), variables={})
    script.files[0].write_text("SELECT 1/0;\n")

    with pytest.raises(RuntimeError, match="division by zero"):
        ledger_pgbench.run(database_server, script, clients=1, seconds=1, jobs=1)


def test_a_missed_bar_is_named_with_its_distance():
    # 0.45 lies 0.15 under 0.60, a quarter of it; 3.30 lies 0.30 over 3.00, a tenth.
    assert row(0.45, bar=at_least(0.60)).verdict == "MISSED by 25%"
    assert row(3.30, bar=at_most(3.0)).verdict == "MISSED by 10%"


def test_the_median_decides():
    assert row(0.10, 0.60, 0.90, bar=at_least(0.60)).verdict == "ok"
    assert row(2.0, 9.0, 3.0, bar=at_most(3.0)).verdict == "ok"


def test_a_bar_missed_by_a_hair_is_not_rounded_to_nothing():
    assert row(0.599, bar=at_least(0.60)).verdict == "MISSED by <1%"


def test_what_has_no_bar_or_was_not_measured_says_so():
    assert row(1.0).verdict == "no bar"
    assert row(bar=at_least(0.60)).verdict == "not run"


def test_the_table_has_two_lines_a_row_and_the_machine_on_top():
    shown = list(table.lines(yardsticks.machine(), [row(0.5, 0.7, 0.6), row()]))

    assert shown[0].startswith("machine: ")
    assert "0.60  0.50  0.70  3" in shown[4]
    assert len(shown) == 4 + 2 * 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["no_such_benchmark"],
        ["--seconds", "0"],
        ["--seconds", "61"],
        ["--seconds", "1.5"],
        ["--json", "no/such/folder/out.json"],
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_runs(arguments, capsys):
    with pytest.raises(SystemExit) as refused:
        runner.main(arguments)

    assert refused.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_a_database_of_a_benchmark_is_gone_after_it(database_server, database):
    with server.with_database(
        database_server, "bench_gone", ledger_books.TABLES, is_durable=False
    ) as url:
        engine = db.open_engine(url)
        assert ledger_books.count(engine) == 0
        engine.dispose()

    gone = server.client_environment(url)
    assert gone["PGDATABASE"] == make_url(url).database == f"bench_gone_{os.getpid()}"
    with pytest.raises(OperationalError, match="does not exist"):
        ledger_books.count(db.open_engine(url))


def test_a_server_left_by_a_run_that_was_killed_is_swept_away(tmp_path):
    left = tmp_path / "run-left"
    left.mkdir()
    (left / "owner").write_text("999999999")
    mine = tmp_path / "run-mine"
    mine.mkdir()
    (mine / "owner").write_text(str(Path("/proc/self").resolve().name))

    server.sweep(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["run-mine"]
