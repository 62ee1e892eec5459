from __future__ import annotations

import polars as pl
import pytest

from tests.underwriting.models.sets import SPEC, made_up, rows, write
from underwriting.models import reading
from underwriting.models.training_file import TrainingFileFaulty

WITH_AMOUNTS = (
    SPEC.replace('"loans__took__mean__*"]', '"loans__took__mean__*", "loans__lent__*"]')
    .replace("[lookup.people]", 'lent = { of = "lent", meaning = "lent", unit = "amount", reason = "debts_high" }\n[lookup.people]')
    .replace('columns = ["town"]', 'columns = ["town", "wage"]')
    .replace("feature = [", 'feature = [\n    { name = "wage", meaning = "wage", unit = "amount", sign = "falls", reason = "income_low" },')
)  # fmt: skip


@pytest.fixture
def sent(tmp_path):
    """Write rows with second files that have amounts, and give their places."""
    path = write(tmp_path, rows(6), "rows.csv")
    loans = pl.read_csv(tmp_path / "loans.csv", infer_schema=False).with_columns(lent=pl.lit("5"))
    people = pl.read_csv(tmp_path / "people.csv", infer_schema=False).with_columns(wage=pl.lit("9"))
    loans.write_csv(tmp_path / "loans.csv")
    people.write_csv(tmp_path / "people.csv")
    return {"rows": path, "loans": loans, "people": people, "folder": tmp_path}


def read(sent, **aux):
    return reading.read(sent["rows"], made_up(WITH_AMOUNTS), aux=aux)


def spoilt(sent, name, file, **cells):
    """Write a second file with one cell spoilt: column = (row, cell)."""
    frame = sent[name]
    for column, (row, cell) in cells.items():
        is_here = pl.int_range(pl.len()) == row - 1
        frame = frame.with_columns(
            pl.when(is_here).then(pl.lit(cell)).otherwise(column).alias(column)
        )
    frame.write_csv(sent["folder"] / file)
    return sent["folder"] / file


def test_clean_second_files_are_read(sent):
    assert read(sent).columns["loans__lent__mean__all__all"].tolist() == [5.0] * 6
    assert read(sent).columns["wage"].tolist() == [9.0] * 6


def test_a_bad_cell_of_a_second_file_is_named_by_its_file_row_and_column(sent):
    bad = spoilt(sent, "loans", "more.csv", lent=(9, "much"))

    with pytest.raises(TrainingFileFaulty) as fault:
        read(sent, loans=[sent["folder"] / "loans.csv", bad])

    assert str(fault.value) == "more.csv: column lent: row 9 is not a number"


def test_a_date_of_a_second_file_is_not_guessed(sent):
    bad = spoilt(sent, "loans", "loans.csv", begun=(2, "08/05/2016"))

    with pytest.raises(TrainingFileFaulty) as fault:
        read(sent, loans=[bad])

    assert str(fault.value) == "loans.csv: column begun: row 2 is not a time as YYYY-MM-DD"


def test_a_bad_cell_of_a_lookup_is_named_by_its_own_row(sent):
    people = sent["people"].reverse()
    bad = spoilt({**sent, "people": people}, "people", "folk.csv", wage=(2, "good"))

    with pytest.raises(TrainingFileFaulty) as fault:
        read(sent, people=[bad])

    assert str(fault.value) == "folk.csv: column wage: row 2 is not a number"


@pytest.mark.parametrize(
    ("name", "columns", "says"),
    [
        ("loans", ["lent", "begun"], "the second file loans, lacks the columns: begun, lent"),
        ("loans", ["person"], "the second file loans, lacks the columns: person"),
        ("people", ["wage"], "the second file people, lacks the columns: wage"),
    ],
)
def test_columns_that_a_second_file_lacks_are_listed(sent, name, columns, says):
    sent[name].drop(columns).write_csv(sent["folder"] / "less.csv")

    with pytest.raises(TrainingFileFaulty) as fault:
        read(sent, **{name: [sent["folder"] / "less.csv"]})

    assert says in str(fault.value)
    assert str(fault.value).startswith("less.csv")


def test_words_of_a_second_file_in_windows_1252_are_the_same_words(sent):
    content = sent["people"].write_csv().encode("windows-1252")
    (sent["folder"] / "people.csv").write_bytes(
        b"person , town,wage\r\n" + content.split(b"\n", 1)[1]
    )

    assert read(sent).words["town"][0].startswith("ZURICH")
