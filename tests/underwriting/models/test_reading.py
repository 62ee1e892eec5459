from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tests.underwriting.models.sets import SPEC, made_up, rows, write
from underwriting.models import reading
from underwriting.models.training_file import TrainingFileFaulty


def read(path, spec=None, **told):
    return reading.read(path, spec or made_up(), **told)


def test_rows_become_features_words_and_outcomes(tmp_path):
    loans = read(write(tmp_path, rows(40)))

    assert list(loans.columns) == [
        "loans__rows__count__all__all", "loans__took__mean__all__all",
        "use", "late", "late__is_untold", "work", "use_and_late",
    ]  # fmt: skip
    assert loans.words["town"][0] == rows(40)["town_of"][0].upper().replace("Ü", "U")
    assert loans.months[0] == "2026-01"
    assert loans.judged.sum() == 32
    assert loans.told["rows_read"] == 40


def test_a_code_is_missing_and_has_its_own_flag(tmp_path):
    loans = read(write(tmp_path, rows(41)))

    coded = loans.columns["late__is_untold"] == 1
    assert coded.tolist() == [number % 40 == 0 for number in range(41)]
    assert np.isnan(loans.columns["late"][coded]).all()
    assert not np.isnan(loans.columns["late"][~coded]).any()


def test_a_closing_after_the_application_is_not_known(tmp_path):
    loans = read(write(tmp_path, rows(10)))

    # Two loans before: one of 31 days, one that ends in 2099, which nobody can know.
    assert loans.columns["loans__rows__count__all__all"].tolist() == [2.0] * 10
    assert loans.columns["loans__took__mean__all__all"].tolist() == [31.0] * 10


def test_protected_columns_are_read_only_when_their_worth_is_measured(tmp_path):
    path = write(tmp_path, rows(20).drop("age"))

    assert "age" not in read(path).columns
    with pytest.raises(TrainingFileFaulty, match="lacks the columns: age"):
        read(path, protected=True)


def test_other_order_other_packing_and_other_columns_give_the_same_loans(tmp_path):
    frame = rows(60)
    loans = read(write(tmp_path / "one", frame))
    order = np.random.default_rng(2).permutation(60)
    shuffled = (
        frame[order].with_columns(extra=pl.lit("x")).select(reversed([*frame.columns, "extra"]))
    )

    found = read(write(tmp_path / "two", shuffled, "train.csv"))

    for name, values in loans.columns.items():
        assert np.array_equal(found.columns[name], values[order], equal_nan=True)
    assert found.words["town"].tolist() == loans.words["town"][order].tolist()
    assert found.bads.tolist() == loans.bads[order].tolist()


def test_rows_that_are_blank_throughout_are_left_out(tmp_path):
    blank = rows(20).with_columns(util=pl.lit("-9.0"), late=pl.lit("-9")).head(5)
    loans = read(write(tmp_path, pl.concat([rows(20), blank])))

    assert len(loans) == 20
    assert loans.told["rows_read"] == 25


def test_new_words_for_numbers_count_as_missing_and_are_counted(tmp_path):
    frame = rows(20).with_columns(work=pl.lit("for ages"))
    loans = read(write(tmp_path, frame))

    assert np.isnan(loans.columns["work"]).all()
    assert loans.told["unknown_words"] == {"work": 20}


def test_parts_of_a_second_file_are_put_together_and_equal_rows_count_once(tmp_path):
    path = write(tmp_path / "rows", rows(10))
    loans = tmp_path / "rows" / "loans.csv"
    half = pl.read_csv(loans, infer_schema=False).head(10)
    half.write_csv(tmp_path / "half.csv")

    found = read(path, aux={"loans": [loans, tmp_path / "half.csv"]})
    alone = read(path, aux={"loans": [tmp_path / "half.csv"]})

    assert found.columns["loans__rows__count__all__all"].tolist() == [2.0] * 10
    assert alone.columns["loans__rows__count__all__all"].tolist() == [1.0] * 10
    assert alone.told["rows_without"] == {"people": 0, "loans": 0}


def test_people_whom_a_second_file_does_not_know_are_counted(tmp_path):
    path = write(tmp_path / "rows", rows(10))
    known = pl.read_csv(tmp_path / "rows" / "people.csv").head(4)
    pl.concat([known, known.with_columns(town=pl.lit("elsewhere"))]).write_csv(tmp_path / "p.csv")

    loans = read(path, aux={"people": [tmp_path / "p.csv"]})

    assert loans.told["rows_without"]["people"] == 6
    assert len(loans) == 10
    assert loans.words["town"][0].startswith("ZURICH")
    assert loans.words["town"][9] == reading.NO_WORD


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda frame: frame.drop("bad"), "lacks the target column bad"),
        (lambda frame: frame.drop("util"), "lacks the columns: util"),
        (lambda frame: frame.with_columns(bad=pl.lit("2")), "0 or 1 in every row"),
        (
            lambda frame: pl.concat([frame.head(4), frame.tail(6).with_columns(bad=pl.lit("2"))]),
            "something else in 6, first in row 5",
        ),
        (lambda frame: frame.with_columns(bad=pl.lit("")), "0 or 1 in every row"),
        (lambda frame: frame.with_columns(util=pl.lit("high")), "column util: row 1"),
        (lambda frame: frame.with_columns(applied=pl.lit("soon")), "row 1 is not a time"),
        (lambda frame: frame.with_columns(applied=pl.lit("")), "column applied: row 1 has no time"),
        (lambda frame: frame.with_columns(kind=pl.lit("holiday")), "no row is of the kind"),
        (lambda frame: frame.head(0), "no row is of the kind"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_a_reason(tmp_path, spoil, says):
    path = write(tmp_path, spoil(rows(10)))

    with pytest.raises(TrainingFileFaulty, match=says):
        read(path)


def test_a_second_file_that_is_nowhere_is_named(tmp_path):
    path = write(tmp_path, rows(5))
    (tmp_path / "loans.csv").unlink()

    with pytest.raises(TrainingFileFaulty, match=r"--aux loans=FILE or put loans\.csv beside it"):
        read(path)


def test_loans_that_are_only_judged_need_no_order(tmp_path):
    spec = made_up(SPEC.replace('order = "applied"', 'order = "place"'))
    path = write(tmp_path, rows(5))

    assert read(path, spec, is_judged_alone=True).order is None
    with pytest.raises(TrainingFileFaulty, match="lacks the columns: place"):
        read(path, spec)


def panel_spec():
    panel = """
[panel.months]
days_ago = [1, 31]
columns = { owed = ["owed_1", "owed_2"] }
[[family]]
table = "months"
at = "at"
windows = ["20d", "all"]
aggregates = ["max"]
measures = { owed = { of = "owed", meaning = "owed", unit = "amount", reason = "debts_high" } }
[split]"""
    start = SPEC.index("[table.loans]"), SPEC.index("[lookup.people]")
    alone = SPEC[: start[0]] + SPEC[start[1] :].replace("[split]", panel, 1)
    return made_up(alone.replace('as_of = "applied"', "as_of = 2026-07-01"))


def test_a_panel_becomes_an_event_for_each_month(tmp_path):
    frame = rows(4).with_columns(
        owed_1=pl.lit("3"), owed_2=pl.Series(["7", "", "1", "x9"]).str.head(1).replace("x", "9")
    )

    loans = read(write(tmp_path, frame), panel_spec())

    assert loans.columns["months__owed__max__20d__all"].tolist() == [3.0] * 4
    assert loans.columns["months__owed__max__all__all"].tolist() == [7.0, 3.0, 3.0, 9.0]


def test_a_row_is_counted_in_its_file_and_not_among_those_that_are_kept(tmp_path):
    frame = rows(9).with_columns(kind=pl.Series(["holiday"] * 6 + ["card"] * 3))
    frame = frame.with_columns(util=pl.Series(["0.5"] * 8 + ["high"]))

    with pytest.raises(
        TrainingFileFaulty, match=r"^later\.csv: column util: row 9 is not a number"
    ):
        read(write(tmp_path, frame, "later.csv"))


def test_a_faulty_cell_of_a_panel_is_named_as_the_file_names_it(tmp_path):
    frame = rows(4).with_columns(owed_1=pl.lit("3"), owed_2=pl.Series(["7", "", "much", "9"]))

    with pytest.raises(TrainingFileFaulty, match=r"column owed_2: row 3 is not a number"):
        read(write(tmp_path, frame), panel_spec())


def test_loans_that_stand_in_both_files_are_counted(tmp_path):
    numbered = rows(60).with_row_index("number").cast(pl.String)
    taught = read(write(tmp_path / "a", numbered))
    other = rows(50, seed=8).with_columns(person="x" + pl.col("person"))
    copies = rows(60).head(7).with_columns(late=pl.col("late") + ".0")
    near = rows(60).tail(5).with_columns(age=pl.lit("99"))
    both = pl.concat([other, copies, near]).with_row_index("number", offset=500).cast(pl.String)

    judged = read(write(tmp_path / "b", both.with_columns(extra=pl.lit("1"))))

    # Five are alike in all that the model is told, and of another age.
    assert reading.count_in(judged, taught) == 7
    assert reading.count_in(judged.part(np.arange(50)), taught) == 0
    assert reading.count_in(judged, judged) == 62
