from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from underwriting.features import families, single, tables
from underwriting.features.cells import NotANumber, NotATime
from underwriting.features.columns import ColumnMissing
from underwriting.features.declaration import Source
from underwriting.features.histories import Table

BASE = pl.DataFrame(
    {"person": [1, 2, 1], "on": [date(2026, 3, 1), date(2026, 3, 1), date(2026, 1, 15)]}
)
LOANS = pl.DataFrame({
    "person": [1, 1, 1, None, 3],
    "at": ["2026-01-01", "2026-02-01", "2026-03-01", "2026-01-01", "2026-01-01"],
    "closed": [date(2026, 1, 10), date(2026, 3, 1), None, None, None],
    "owed": ["10", "20", "40", "80", "160"],
})  # fmt: skip


def members(*names, **changes):
    family = families.parse(
        {
            "table": "loans",
            "at": "at",
            "known_after": {"owed": "closed"},
            "windows": ["30d", "all"],
            "aggregates": ["count", "sum", "days_since_last"],
            "measures": {
                "rows": {"meaning": "loans", "reason": "many_accounts"},
                "owed": {"of": "owed", "meaning": "owed", "reason": "debts_high"},
            },
            **changes,
        },
        {},
        source=Source.DATA_SET,
    )
    return [family.feature(f"loans__{name}") for name in names]


def batch(features, base=BASE, loans=LOANS, **more):
    told = {"loans": Table(loans, "person")}
    return tables.batch(features, base, told, **{"key": "person", "as_of": "on", **more})


def test_each_row_sees_its_own_past():
    found = batch(members("rows__count__all__all", "owed__sum__all__all", "rows__count__30d__all"))

    # On 1 March the loan of 1 March is not yet there, and what closes that day is not yet known.
    assert found["loans__rows__count__all__all"].to_list() == [2.0, 0.0, 1.0]
    assert found["loans__owed__sum__all__all"].to_list() == [10.0, None, 10.0]
    assert found["loans__rows__count__30d__all"].to_list() == [1.0, 0.0, 1.0]


def test_few_at_a_time_give_the_same():
    wanted = members(
        "rows__count__all__all", "owed__sum__all__all", "rows__days_since_last__30d__all"
    )

    whole = batch(wanted)
    parts = list(
        tables.chunks(
            wanted, BASE, {"loans": Table(LOANS, "person")}, key="person", as_of="on", cells_max=3
        )
    )

    assert [part.columns for part in parts] == [[each.name] for each in wanted]
    joined = pl.concat(parts, how="horizontal")
    assert joined.cast(pl.Float64).equals(whole)
    assert set(joined.dtypes) == {pl.Float32}


def test_a_table_that_was_not_asked_is_missing():
    wanted = members("rows__count__all__all")

    found = tables.batch(wanted, BASE, {}, key="person", as_of="on")

    assert found["loans__rows__count__all__all"].to_list() == [None] * 3
    assert single.single(wanted, {}, {}, as_of=date(2026, 3, 1)) == {wanted[0].name: None}
    assert single.single(wanted, {}, {}, as_of=None) == {wanted[0].name: None}


def test_words_may_come_as_categories():
    wanted = members("rows__count__all__cheap", filters={"cheap": ["is_word", "owed", "10", "20"]})

    found = batch(wanted, loans=LOANS.with_columns(pl.col("owed").cast(pl.Categorical)))

    assert found.to_series().to_list() == [1.0, 0.0, 1.0]


def test_nobody_at_all_has_features_of_every_name():
    found = batch(members("rows__count__all__all", "owed__sum__all__all"), base=BASE.clear())

    assert found.height == 0
    assert found.width == 2


def test_an_empty_table_counts_nought():
    found = batch(members("rows__count__all__all", "owed__sum__all__all"), loans=LOANS.clear())

    assert found.row(0) == (0.0, None)


@pytest.mark.parametrize("as_of", [None, "on"])
def test_without_an_instant_nothing_can_be_told_apart(as_of):
    base = BASE if as_of is None else BASE.with_columns(on=pl.lit(None, dtype=pl.Date))

    for wanted in (members("owed__sum__all__all"), members("rows__count__30d__all")):
        with pytest.raises(ValueError):
            batch(wanted, base=base, as_of=as_of)


def test_without_an_instant_every_event_counts():
    wanted = members("rows__count__all__all", "rows__days_since_last__all__all", known_after={})

    found = batch(wanted, as_of=None)

    assert found.row(0) == (3.0, None)
    rows = LOANS.filter(person=1).to_dicts()
    assert list(single.single(wanted, {}, {"loans": rows}, as_of=None).values()) == [3, None]


@pytest.mark.parametrize(
    ("change", "fault", "says"),
    [
        ({"owed": ["10", "much", "1", "1", "1"]}, NotANumber, "column owed: row 2"),
        ({"owed": [date(2026, 1, 1)] * 5}, NotANumber, "column owed"),
        ({"at": ["2026-01-01", "", "soon", "", ""]}, NotATime, "column at: row 3"),
        ({"at": [True] * 5}, NotATime, "column at"),
        ({"person": ["1", "1", "1", "2", "3"]}, ValueError, "kinds"),
    ],
)
def test_cells_that_cannot_be_read_are_told_by_place(change, fault, says):
    loans = LOANS.with_columns(**{name: pl.Series(cells) for name, cells in change.items()})

    with pytest.raises(fault, match=says) as found:
        batch(members("owed__sum__all__all"), loans=loans)
    assert "much" not in str(found.value)


@pytest.mark.parametrize("name", ["owed", "at", "closed", "person"])
def test_a_column_that_is_not_there_is_named(name):
    with pytest.raises(ColumnMissing, match=name):
        batch(members("owed__sum__all__all"), loans=LOANS.drop(name))


@pytest.mark.parametrize("change", [{"key": "who"}, {"as_of": "when"}])
def test_a_column_of_the_base_that_is_not_there_is_named(change):
    with pytest.raises(ColumnMissing):
        batch(members("owed__sum__all__all"), **change)
