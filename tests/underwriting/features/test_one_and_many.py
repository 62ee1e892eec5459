"""One definition: a single row and a whole table of rows give the same figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from underwriting.features import families, single, tables
from underwriting.features.declaration import Feature, Sign, Source, Unit
from underwriting.features.expressions import column, parse
from underwriting.features.histories import Aggregate, Table
from underwriting.features.operations import OPERATIONS
from underwriting.reasons import Reason

START = datetime(2026, 1, 1, tzinfo=UTC)
COLUMNS = {
    "late": column("late", special={"96": "refused", "98": "other", "N/A": "unasked"}),
    "grade": column("grade", words={"A": Decimal(1), "B": Decimal(2), "7": Decimal(-3)}),
    "owed": column("owed", missing=("-9", "none")),
}
FAMILY = families.parse(
    {
        "table": "loans",
        "at": "at",
        "known_after": {"late": "closed_at", "closed_at": "closed_at"},
        "windows": ["7d", "all"],
        "aggregates": [aggregate.value for aggregate in Aggregate],
        "filters": {
            "cash": ["is_word", "kind", "cash", "p2p"],
            "big": ["at_least", "owed", 100],
            "refused": ["is_code", "late", "refused"],
            "closed_soon": ["at_most", ["days_between", "at", "closed_at"], 3],
        },
        "measures": {
            "rows": {"meaning": "loans", "sign": "rises", "reason": "many_accounts"},
            "owed": {"of": "owed", "meaning": "owed", "unit": "yuan", "reason": "debts_high"},
            "late": {"of": "late", "meaning": "late", "reason": "past_delinquency"},
            "open": {"of": ["days_since", "at"], "meaning": "age", "reason": "short_history"},
            "kind": {"words_of": "kind", "meaning": "kinds", "reason": "many_accounts"},
        },
    },
    COLUMNS,
    source=Source.DATA_SET,
)
MEMBERS = [FAMILY.feature(name) for name in FAMILY.names()]

numbers = st.none() | st.integers(-200, 10**6) | st.decimals(-(10**4), 10**4, places=2)
instants = st.integers(-60 * 24, 10 * 24).map(lambda hours: START + timedelta(hours=hours))
events = st.fixed_dictionaries({
    "at": st.none() | instants,
    "kind": st.sampled_from([None, "", "cash", " p2p ", "bank"]),
    "owed": st.sampled_from([None, Decimal(-9), Decimal(100), Decimal("99.99")]) | numbers,
    "late": st.sampled_from([None, Decimal(96), Decimal(98), Decimal(0), Decimal(3)]),
    "closed_at": st.none() | instants,
})  # fmt: skip
rows = st.fixed_dictionaries({
    "late": st.sampled_from(["96", "96.0", "98", " N/A ", "", None, "0", "3", "-1.5"]),
    "grade": st.sampled_from(["A", " B", "7", "7.0", "", None]),
    "owed": st.sampled_from([None, "-9", "-9.0", "none", "0.1", "0.2", "0.3", "1000000"]),
    "plain": numbers,
    "seen_at": st.none() | instants,
    "as_of": instants,
    "history": st.none() | st.lists(events, max_size=8),
})  # fmt: skip


def trees() -> st.SearchStrategy:
    leaves = st.sampled_from(["late", "grade", "owed", "plain"]) | st.integers(-3, 200)
    special = st.sampled_from(
        [["days_since", "seen_at"], ["is_code", "late", "other"], ["is_word", "grade", "A", "7"]]
    )

    def grown(children):
        return st.sampled_from(sorted(set(OPERATIONS) - {"days"})).flatmap(
            lambda operation: st.lists(
                children,
                min_size=OPERATIONS[operation].least,
                max_size=min(OPERATIONS[operation].most, 3),
            ).map(lambda parts: [operation, *parts])
        )

    return st.recursive(leaves | special, grown, max_leaves=6)


def feature(written) -> Feature:
    return Feature(
        name="it", meaning="it", unit=Unit.RATIO, source=Source.DATA_SET, sign=Sign.FREE,
        reason=Reason.DEBTS_HIGH, low=Decimal(-(10**12)), high=Decimal(10**12),
        of=parse(written, COLUMNS),
    )  # fmt: skip


def frames(people) -> tuple[pl.DataFrame, dict[str, Table]]:
    base = pl.DataFrame(
        {
            "person": range(len(people)),
            "asked": [person["history"] is not None for person in people],
            **{
                name: pl.Series([person[name] for person in people], dtype=pl.String)
                for name in ("late", "grade", "owed")
            },
            "plain": [None if p["plain"] is None else float(p["plain"]) for p in people],
            "seen_at": times([person["seen_at"] for person in people]),
            "as_of": times([person["as_of"] for person in people]),
        },
        strict=False,
    )
    told = [
        {"person": place, **event}
        for place, person in enumerate(people)
        for event in person["history"] or ()
    ]
    loans = pl.DataFrame(
        {
            "person": pl.Series([event["person"] for event in told], dtype=pl.Int64),
            "kind": pl.Series([event["kind"] for event in told], dtype=pl.String),
            "at": times([event["at"] for event in told]),
            "closed_at": times([event["closed_at"] for event in told]),
            **{
                name: pl.Series(
                    [None if event[name] is None else float(event[name]) for event in told],
                    dtype=pl.Float64,
                )
                for name in ("owed", "late")
            },
        }
    )
    return base, {"loans": Table(loans, "person", "asked")}


def times(found) -> pl.Series:
    return pl.Series(found, dtype=pl.Datetime("us", "UTC"))


def one_by_one(features, people):
    for person in people:
        history = {} if person["history"] is None else {"loans": person["history"]}
        yield single.single(features, person, history, as_of=person["as_of"])


def assert_equal(features, people):
    base, tables_ = frames(people)

    many = tables.batch(features, base, tables_, key="person", as_of="as_of")

    assert many.columns == [each.name for each in features]
    for one, row in zip(one_by_one(features, people), many.iter_rows(named=True), strict=True):
        for name, figure in one.items():
            if figure is None:
                assert row[name] is None, name
            else:
                assert row[name] == pytest.approx(float(figure), rel=1e-9, abs=1e-6), name


@given(written=trees(), people=st.lists(rows, min_size=1, max_size=5))
@settings(max_examples=150, deadline=None)
def test_an_expression_is_the_same_for_one_and_for_many(written, people):
    assert_equal([feature(written)], people)


@given(people=st.lists(rows, min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
def test_a_whole_family_is_the_same_for_one_and_for_many(people):
    assert_equal(MEMBERS, people)
