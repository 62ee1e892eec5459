from __future__ import annotations

from decimal import Decimal

import pytest

from underwriting.features import families
from underwriting.features.declaration import Feature, Sign, Source, Unit
from underwriting.features.expressions import column
from underwriting.features.families import FamilyFaulty
from underwriting.features.histories import Aggregate, Drawn, History
from underwriting.reasons import Reason

WRITTEN = {
    "table": "loans",
    "at": "at",
    "windows": ["30d", "all"],
    "aggregates": ["count", "sum", "share", "distinct"],
    "filters": {"big": ["at_least", "owed", 100]},
    "measures": {
        "rows": {"meaning": "loans", "sign": "rises", "reason": "many_accounts"},
        "owed": {"of": "owed", "meaning": "owed", "unit": "yuan", "reason": "debts_high"},
        "kind": {"words_of": "kind", "meaning": "kinds", "reason": "many_accounts"},
    },
}


def family(**changes):
    return families.parse({**WRITTEN, **changes}, {}, source=Source.DATA_SET)


def test_a_family_names_what_it_crosses():
    # 2 windows x 2 filters x (2 of rows + 1 of owed + 1 of kinds)
    assert len(family()) == 16
    assert list(family().names())[:4] == [
        "loans__rows__count__30d__all",
        "loans__rows__share__30d__all",
        "loans__owed__sum__30d__all",
        "loans__kind__distinct__30d__all",
    ]


def test_a_member_has_the_unit_and_sign_of_its_measure():
    count = family().feature("loans__rows__count__30d__big")
    share = family().feature("loans__rows__share__30d__big")
    total = family().feature("loans__owed__sum__all__all")

    assert (count.unit, count.sign, count.low) == (Unit.COUNT, Sign.RISES, 0)
    assert share.unit is Unit.RATIO
    assert (total.unit, total.sign, total.reason) == (Unit.YUAN, Sign.FREE, Reason.DEBTS_HIGH)


@pytest.mark.parametrize(
    "change",
    [
        {"table": "lo__ans"},
        {"table": "_loans"},
        {"table": 7},
        {"windows": ["0d"]},
        {"windows": ["30 days"]},
        {"windows": ["30d", "30d"]},
        {"windows": []},
        {"aggregates": ["median"]},
        {"aggregates": "count"},
        {"filters": {"b__ig": ["at_least", "owed", 100]}},
        {"filters": {"big": ["explode", "owed"]}},
        {"filters": []},
        {"measures": {"owed": {"of": "owed", "meaning": "owed"}}},
        {
            "measures": {
                "owed": {"of": "a", "words_of": "a", "meaning": "a", "reason": "debts_high"}
            }
        },
        {"measures": {"owed": {"of": "a", "meaning": "a", "reason": "because"}}},
        {"measures": {"owed": {"of": "a", "meaning": "a", "reason": "debts_high", "colour": 1}}},
        {"at": None},
        {"colour": "blue"},
        {"known_after": ["at"]},
    ],
)
def test_a_family_that_cannot_be_made_is_refused(change):
    with pytest.raises(FamilyFaulty):
        family(**change)


def test_a_family_has_a_limit():
    with pytest.raises(FamilyFaulty):
        family(
            windows=[f"{days}d" for days in range(1, 30_000)],
            filters={f"f{number}": ["at_least", "owed", number] for number in range(20)},
        )


@pytest.mark.parametrize(
    ("aggregate", "of"),
    [
        (Aggregate.SUM, None),
        (Aggregate.COUNT, column("a")),
        (Aggregate.DISTINCT, column("a")),
        (Aggregate.SHARE, None),
    ],
)
def test_an_aggregate_goes_with_what_it_is_of(aggregate, of):
    with pytest.raises(ValueError):
        Drawn(history=History(table="loans", at="at"), aggregate=aggregate, of=of)


def test_a_table_without_times_has_no_windows():
    with pytest.raises(ValueError):
        Drawn(history=History(table="loans", at=None), aggregate=Aggregate.COUNT, days=30)


def test_a_code_becomes_an_indicator_and_no_number():
    late = Feature(
        name="late", meaning="times late", unit=Unit.COUNT, source=Source.DATA_SET,
        sign=Sign.RISES, reason=Reason.PAST_DELINQUENCY, high=Decimal(50),
        of=column("late", special={"96": "refused", "98": "other", "99": "other"}),
    )  # fmt: skip

    assert late.special == {"96": "refused", "98": "other", "99": "other"}
    assert [each.name for each in late.indicators()] == ["late__is_refused", "late__is_other"]
    assert all(each.unit is Unit.FLAG for each in late.indicators())
