from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from kernel.clock import shanghai
from tests.underwriting.batch import world
from underwriting import assessments, policy
from underwriting.batch import files, spelling
from underwriting.batch.parsing import BatchFaulty

DOSSIERS = world.dossiers(8, 60)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(files, "ROWS_AT_ONCE", 25)


def run(source, target):
    told = []
    found = files.run(source, target, world.scorer(), tell=lambda *each: told.append(each))
    return found, told


def test_decisions_keep_the_order_of_the_dossiers_in_either_format(tmp_path):
    spelling.frame(DOSSIERS).write_csv(tmp_path / "in.csv")
    spelling.frame(DOSSIERS).write_parquet(tmp_path / "in.parquet")

    found, told = run(tmp_path / "in.csv", tmp_path / "out.parquet")
    again, told_again = run(tmp_path / "in.parquet", tmp_path / "out.csv")

    made = pl.read_parquet(tmp_path / "out.parquet")
    assert made["application_ref"].to_list() == [str(each.application_ref) for each in DOSSIERS]
    assert made.cast(pl.String).equals(pl.read_csv(tmp_path / "out.csv", infer_schema=False))
    assert found == again
    assert (found.dossiers, found.outcomes.total()) == (60, 60)
    assert told == [(25, None), (50, None), (60, None)]
    assert told_again == [(25, 60), (50, 60), (60, 60)]
    assert {path.name for path in tmp_path.iterdir()} == {
        "in.csv", "in.parquet", "out.csv", "out.parquet",
    }  # fmt: skip


def test_the_table_says_what_each_decision_says(tmp_path):
    spelling.frame(DOSSIERS).write_parquet(tmp_path / "in.parquet")

    run(tmp_path / "in.parquet", tmp_path / "out.parquet")

    rules = policy.load("2026-08")
    for row, each in zip(
        pl.read_parquet(tmp_path / "out.parquet").rows(named=True), DOSSIERS, strict=True
    ):
        decision = assessments.decide(each, rules, world.scorer())
        assert row["outcome"] == decision.outcome.value
        assert row["reasons"] == ";".join(reason.value for reason in decision.reasons)
        assert row["pd"] == (None if decision.pd is None else str(decision.pd))
        assert row["limit"] == str(decision.limit)
        assert row["cards"] == ";".join(str(card.card_ref) for card in decision.chosen)
        assert row["months"] == decision.months
        assert row["instalment"] == (str(decision.instalment) if decision.has_terms else None)
        assert row["total_interest"] == (
            str(decision.total_interest) if decision.has_terms else None
        )


def test_each_dossier_is_decided_by_the_policy_of_its_day(tmp_path):
    later = shanghai(date(2026, 11, 24), 0)
    mixed = [
        replace(each, as_of=later) if place % 2 else each
        for place, each in enumerate(DOSSIERS[:20])
    ]
    spelling.frame(mixed).write_parquet(tmp_path / "in.parquet")

    found, _ = run(tmp_path / "in.parquet", tmp_path / "out.csv")

    made = pl.read_csv(tmp_path / "out.csv", infer_schema=False)
    assert made["policy"].to_list() == ["2026-08", "2026-11"] * 10
    assert made["application_ref"].to_list() == [str(each.application_ref) for each in mixed]
    assert found.policies == {"2026-08": 10, "2026-11": 10}


def test_a_fault_names_its_row_and_leaves_nothing_behind(tmp_path):
    made = spelling.frame(DOSSIERS).with_columns(
        age=pl.when(pl.int_range(pl.len()) == 41).then(pl.lit("old")).otherwise(pl.col("age"))
    )
    made.write_csv(tmp_path / "in.csv")

    with pytest.raises(BatchFaulty, match=r"^row 42, age: no whole number"):
        run(tmp_path / "in.csv", tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_a_file_that_is_no_table_is_refused(tmp_path):
    spelling.frame(DOSSIERS).write_csv(tmp_path / "in.csv")
    text = (tmp_path / "in.csv").read_text()
    (tmp_path / "short.csv").write_text(text + "0192aaaa-0000-7000-8000-000000000001,2026\n")
    (tmp_path / "blank.csv").write_text("")
    (tmp_path / "header.csv").write_text(text.partition("\n")[0] + "\n")
    (tmp_path / "wrong.parquet").write_text(text)

    for name, why in (
        ("short.csv", "row 61: fewer fields"),
        ("blank.csv", "holds no dossier"),
        ("header.csv", "holds no dossier"),
        ("wrong.parquet", "cannot be read"),
        ("missing.csv", "cannot be read"),
        ("in.xlsx", "a file in .csv or .parquet"),
    ):
        with pytest.raises(BatchFaulty, match=why):
            run(tmp_path / name, tmp_path / "out.csv")


def test_decisions_that_are_there_are_not_written_over(tmp_path):
    spelling.frame(DOSSIERS).write_csv(tmp_path / "in.csv")
    (tmp_path / "out.csv").write_text("kept")

    with pytest.raises(BatchFaulty, match="is there already"):
        run(tmp_path / "in.csv", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "kept"
    with pytest.raises(BatchFaulty, match=r"written in \.csv or \.parquet"):
        run(tmp_path / "in.csv", tmp_path / "out.txt")
    with pytest.raises(BatchFaulty, match="cannot be written"):
        run(tmp_path / "in.csv", tmp_path / "nowhere" / "out.csv")
