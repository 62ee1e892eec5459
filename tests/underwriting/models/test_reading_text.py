"""Files as strangers send them: other signs, other spellings of letters, other dates."""

from __future__ import annotations

import polars as pl
import pytest

from tests.underwriting.models.sets import SPEC, made_up, rows, write
from underwriting.models import reading
from underwriting.models.reading_text import LINE, text_of
from underwriting.models.spec_search import SpecFaulty
from underwriting.models.training_file import TrainingFileFaulty


@pytest.fixture
def table(tmp_path):
    """Write bytes as a file and read them."""

    def read(content: bytes) -> pl.DataFrame:
        (tmp_path / "sent.csv").write_bytes(content)
        return text_of(tmp_path / "sent.csv")

    return read


@pytest.mark.parametrize(
    "content",
    [
        b"town,owed\nBern,1\nGenf,2\n",
        b" town ,\towed\n Bern, 1 \nGenf ,2\n",
        b'"town"," owed "\n"Bern","1"\n"Genf","2"',
        b"\xef\xbb\xbftown,owed\nBern,1\nGenf,2\n",
        b'\xef\xbb\xbf"town","owed"\nBern,1\nGenf,2\n',
        b"town,owed\r\nBern,1\r\nGenf,2\r\n",
        b"\r\ntown,owed\r\nBern,1\r\nGenf,2\r\n,\r\n\r\n",
    ],
    ids=["plain", "blanks", "quotes", "mark", "mark and quotes", "crlf", "blank lines"],
)
def test_a_table_is_the_same_however_it_is_written(table, content):
    found = table(content)

    assert found.columns == [LINE, "town", "owed"]
    assert found.rows() == [(1, "Bern", "1"), (2, "Genf", "2")]


def test_rows_keep_their_number_over_lines_with_nothing_in_them(table):
    assert table(b"a,b\n1,2\n\n,\n3,4\n").rows() == [(1, "1", "2"), (4, "3", "4")]


def test_columns_without_a_name_are_no_fault(table):
    assert table(b",a,\n0,1,2\n").columns == [LINE, "_column_1", "a", "_column_3"]


@pytest.mark.parametrize(
    ("spelled", "word"),
    [("S\u00e3o Jos\u00e9".encode(), "S\u00e3o Jos\u00e9"), (b"S\xe3o Jos\xe9", "S\u00e3o Jos\u00e9"), (b"5 \x80", "5 \u20ac")],
    ids=["utf-8", "latin-1", "windows-1252"],
)  # fmt: skip
def test_letters_are_those_that_were_written(table, spelled, word):
    assert table(b"a,b\n" + spelled + b",1\n")["a"].to_list() == [word]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a,b\nZ\xc3\xbcrich,Z\xc3\xbcrich\nGen\xe8ve,1\n", "sent.csv: line 3 holds broken UTF-8"),
        (b"a,b\n1,\x81\n", "sent.csv: line 2 is neither UTF-8 nor Windows-1252"),
        ("a,b\n1,2\n".encode("utf-16"), "sent.csv holds bytes that are no text"),
        (b"", "sent.csv is empty"),
        (b"\n \n", "sent.csv is empty"),
        (b"a,b\n1,2\n" * 500 + b'1,"2\n' + b"3,4\n" * 500, "sent.csv is no CSV file"),
        (b"a,b,a\n1,2,3\n", "sent.csv: the header names twice: a"),
        (b"a, a \n1,2\n", "sent.csv: the header names twice: a"),
        (b"a;b\n1;2\n", "cells are parted by semicolons; commas are wanted"),
        (b"a\tb\n1\t2\n", "cells are parted by tabulators"),
        (b"\x1f\x8bbroken", "sent.csv is no CSV file"),
        (b'a,b\n1,"2\n3,4,5\n', "sent.csv is no CSV file"),
        (b"a,b\n1,2\n3,4,5\n", "a row has more cells than the header"),
    ],
)
def test_what_is_no_table_is_refused_by_its_name(table, content, says):
    with pytest.raises(TrainingFileFaulty) as fault:
        table(content)

    assert says in str(fault.value)


def test_a_file_that_is_nowhere_is_named(tmp_path):
    with pytest.raises(TrainingFileFaulty, match=r"there is no file gone\.csv"):
        text_of(tmp_path / "gone.csv")


@pytest.mark.parametrize("written", ["08/05/2016", "05-08-2016", "2016/05/08", "8.5.2016"])
def test_a_date_whose_order_nobody_knows_is_not_guessed(tmp_path, written):
    frame = rows(6).with_columns(applied=pl.Series(["2026-01-15"] * 5 + [written]))

    with pytest.raises(TrainingFileFaulty) as fault:
        reading.read(write(tmp_path, frame, "sent.csv"), made_up())

    assert str(fault.value) == "sent.csv: column applied: row 6 is not a time as YYYY-MM-DD"


def test_a_spec_declares_how_times_are_written_in_every_file(tmp_path):
    spec = made_up(SPEC.replace("[reading]", '[reading]\ntimes = { applied = "%d/%m/%Y", begun = "%d %b %Y %H:%M" }'))  # fmt: skip
    clean = reading.read(write(tmp_path / "a", rows(20)), made_up())
    days = rows(20)["applied"].str.to_date()
    path = write(tmp_path / "b", rows(20).with_columns(applied=days.dt.strftime("%d/%m/%Y")))
    events = pl.read_csv(tmp_path / "b" / "loans.csv", infer_schema=False)
    begun = events["begun"].str.to_date().dt.strftime("%d %b %Y 10:00")
    events.with_columns(begun).write_csv(tmp_path / "b" / "loans.csv")

    loans = reading.read(path, spec)

    assert loans.months == clean.months
    assert loans.order.tolist() == clean.order.tolist()
    count = "loans__rows__count__all__all"
    assert loans.columns[count].tolist() == clean.columns[count].tolist()


def test_a_file_that_breaks_the_declared_form_is_refused_by_row(tmp_path):
    spec = made_up(SPEC.replace("[reading]", '[reading]\ntimes = { applied = "%d/%m/%Y" }'))
    frame = rows(5).with_columns(applied=pl.Series(["08/05/2016"] * 3 + ["31/02/2016", "2016"]))

    with pytest.raises(TrainingFileFaulty) as fault:
        reading.read(write(tmp_path, frame, "sent.csv"), spec)

    assert str(fault.value) == "sent.csv: column applied: row 4 is not a time like %d/%m/%Y"


@pytest.mark.parametrize("form", ["%d/%m", "%d/%m/%y", "%d/%d/%Y", "%H:%M %d/%m/%Y", "", "%D"])
def test_a_form_that_leaves_something_open_is_no_form(form):
    with pytest.raises(SpecFaulty):
        made_up(SPEC.replace("[reading]", f'[reading]\ntimes = {{ applied = "{form}" }}'))
