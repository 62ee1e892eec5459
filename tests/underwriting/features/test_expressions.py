from __future__ import annotations

import doctest
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from underwriting.features import cells, expressions
from underwriting.features.cells import NotANumber, NotATime
from underwriting.features.expressions import ExpressionFaulty, Seen, column, parse

COLUMNS = {"late": column("late", special={"96": "refused", "98": "other"})}


def work_out(written, **row):
    return parse(written, COLUMNS).value(Seen(row, as_of=cells.moment(date(2026, 11, 24), "")))


def test_the_example_in_the_docstring_holds():
    assert doctest.testmod(expressions).failed == 0


@pytest.mark.parametrize(
    ("written", "row", "found"),
    [
        (["ratio", "a", "b"], {"a": 3, "b": 4}, "0.75"),
        (["ratio", "a", "b"], {"a": 3, "b": 0}, None),
        (["ratio", "a", "b"], {"a": 3, "b": "0.0000001"}, None),  # nearer to 0 than a millionth
        (["ratio", "a", "b"], {"a": 3}, None),
        (["difference", "a", 1.5], {"a": "2"}, "0.5"),
        (["sum", "a", "b"], {"a": 1}, None),
        (["sum_known", "a", "b"], {"a": 1}, "1"),
        (["sum_known", "a", "b"], {}, None),
        (["mean_known", "a", "b", "c"], {"a": 1, "c": 4}, "2.5"),
        (["min", "a", "b"], {"a": 1}, "1"),
        (["max", "a", "b"], {"a": 1, "b": 7}, "7"),
        (["product", "a", "a", 2], {"a": -3}, "18"),
        (["share_of", "a", "b", "c"], {"a": 1, "b": 1, "c": 2}, "0.25"),
        (["log1p", "a"], {"a": 0}, "0"),
        (["log1p", "a"], {"a": -1}, None),
        (["sqrt", "a"], {"a": 9}, "3"),
        (["sqrt", "a"], {"a": -9}, None),
        (["abs", ["negative", "a"]], {"a": 2}, "2"),
        (["floor", "a"], {"a": "2.9"}, "2"),
        (["floor", "a"], {"a": "2.9999999"}, "3"),  # that near, it is 3
        (["within", "a", 0, 10], {"a": 10}, "10"),
        (["within", "a", 0, 10], {"a": 11}, None),
        (["clip", "a", 0, 10], {"a": 11}, "10"),
        (["clip", "a", 0, 10], {"a": -1}, "0"),
        (["if_missing", "a", "b", 5], {}, "5"),
        (["count_known", "a", "b"], {"b": 0}, "1"),
        (["is_missing", "a"], {"a": float("nan")}, "1"),
        (["is_known", "a"], {"a": 0}, "1"),
        (["at_least", ["sum", "a", "b"], 0.3], {"a": "0.1", "b": "0.2"}, "1"),
        (["at_most", "a", 1], {"a": 2}, "0"),
        (["equals", "a", 1], {"a": True}, "1"),
        (["every", ["equals", "a", 1], ["equals", "b", 1]], {"a": 1, "b": 0}, "0"),
        (["every", ["equals", "a", 1], ["equals", "b", 1]], {"a": 1}, None),
        (["any", ["equals", "a", 1], ["equals", "b", 1]], {"a": 1}, "1"),
        (["not", ["equals", "a", 1]], {"a": 1}, "0"),
        (["is_word", "kind", "bank", "p2p"], {"kind": " p2p "}, "1"),
        (["is_word", "kind", "bank"], {"kind": ""}, None),
        ("late", {"late": 96}, None),
        ("late", {"late": "96.0"}, None),
        ("late", {"late": 9}, "9"),
        (["is_code", "late", "refused"], {"late": "96"}, "1"),
        (["is_code", "late", "refused"], {"late": 98.0}, "0"),
        (["is_code", "late", "refused"], {}, "0"),
        (["days_since", "seen"], {"seen": date(2026, 11, 20)}, "4"),
        (["days_since", "seen"], {"seen": "2026-11-23T12:00:00"}, "0.5"),
        (["days_since", "seen"], {"seen": None}, None),
        (["days_between", "a", "b"], {"a": "2026-01-01", "b": "2026-01-31"}, "30"),
        (["is_missing", ["time_of", "a"]], {"a": ""}, "1"),
    ],
)
def test_an_operation_gives_what_it_says(written, row, found):
    assert work_out(written, **row) == (None if found is None else Decimal(found))


@pytest.mark.parametrize(
    "written",
    [
        ["explode", "a"],
        ["ratio", "a"],
        ["ratio", "a", "b", "c"],
        [],
        [["ratio"], "a"],
        True,
        None,
        {"column": "a"},
        "",
        "a" * 201,
        ["sum", float("inf")],
        ["sum", 10**16],
        ["sum", *["a"] * 101],
        ["is_word", "kind"],
        ["is_code", "late", "never_heard_of"],
        ["is_code", "late"],
        ["days_since", ["sum", "a"]],
        ["days_since"],
        ["days_between", "a"],
        ["time_of", "a", "b"],
        ["__import__", "os"],
    ],
)
def test_what_is_no_expression_is_refused(written):
    with pytest.raises(ExpressionFaulty):
        parse(written, COLUMNS)


def test_an_expression_has_an_end():
    written = "a"
    for _ in range(30):
        written = ["abs", written]

    with pytest.raises(ExpressionFaulty):
        parse(written, {})


@pytest.mark.parametrize("cell", ["many", "1_000", "１２", [], "0x10"])
def test_a_cell_that_is_no_number_is_told_without_its_words(cell):
    with pytest.raises(NotANumber) as fault:
        work_out("a", a=cell)

    assert str(fault.value) == "column a: a cell is not a number"


@pytest.mark.parametrize("cell", ["soon", "2026-13-01", [], True])
def test_a_cell_that_is_no_time_is_told(cell):
    with pytest.raises(NotATime):
        work_out(["days_since", "a"], a=cell)


def test_a_word_that_nobody_declared_is_no_number():
    grade = column("grade", words={"A": Decimal(1)})

    assert grade.value(Seen({"grade": "A"})) == 1
    with pytest.raises(NotANumber):
        grade.value(Seen({"grade": "Z"}))


def test_a_time_is_the_same_instant_in_every_zone():
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)

    assert cells.moment(noon, "") == cells.moment(noon.astimezone(timezone(timedelta(hours=8))), "")
    assert cells.moment(noon.replace(tzinfo=None), "") == cells.moment(noon, "")


def test_definitions_that_mean_the_same_are_spelled_the_same():
    one = parse(["ratio", "late", ["sum", "b", 1]], COLUMNS)
    again = parse(["ratio", "late", ["sum", "b", 1.0]], COLUMNS)
    other = parse(["ratio", "late", ["sum", "b", 1]], {})  # its codes would be numbers

    assert one.plain() == again.plain()
    assert one.plain() != other.plain()
