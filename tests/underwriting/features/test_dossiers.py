"""Features drawn from the bureau's file: point in time, and the same for one and for many."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.money import Money
from tests.underwriting import builders as make
from underwriting import bureau_file
from underwriting.bureau_file import (
    Account,
    AccountKind,
    BureauFile,
    Inquiry,
    OrganisationKind,
    Repayment,
)
from underwriting.features import catalogue, dossiers, tables
from underwriting.features.declaration import Source

SAMPLE = [
    name
    for family in catalogue.FAMILIES.values()
    for place, name in enumerate(family.names())
    if place % 9 == 0
]


def ago(days: float):
    return make.AT - timedelta(days=days)


def inquiry(days: float, kind: str = "cash_loan", organisation: str = "L001") -> Inquiry:
    return Inquiry(at=ago(days), kind=OrganisationKind(kind), organisation=organisation)


def account(opened: float, **changes) -> Account:
    facts = {
        "opened_at": ago(opened),
        "kind": AccountKind.CARD,
        "limit": make.yuan("20000.00"),
        "reported_at": ago(10),
        "balance": make.yuan("5000.00"),
        "late_months": 0,
        "closed_at": None,
    }
    return Account(**{**facts, **changes})


def repayment(due: float, paid: float | None = None) -> Repayment:
    return Repayment(
        due_at=ago(due),
        due=make.yuan("1000.00"),
        paid_at=None if paid is None else ago(paid),
        paid=make.yuan("0.00") if paid is None else make.yuan("1000.00"),
    )


def figures(**lists):
    told = make.dossier(bureau_file=BureauFile(**lists))
    return catalogue.figures(told, monthly_income=make.yuan("5000.00"))


def test_lenders_that_asked_within_days_are_counted_each_once():
    found = figures(
        inquiries=(
            inquiry(1, "cash_loan", "L001"),
            inquiry(2, "cash_loan", "L001"),
            inquiry(6.9, "bank", "B001"),
            inquiry(7, "p2p", "P001"),  # the window has its far end in it
            inquiry(7.1, "p2p", "P002"),
            inquiry(3, "data_aggregator", "D001"),  # lends nothing
            inquiry(0, "bank", "B002"),  # at the very instant: not before it
            inquiry(-1, "bank", "B003"),  # after it
        )
    )

    assert found["lender_inquiries_7d"] == 3
    assert found["lender_inquiries_30d"] == 4
    assert found["inquiries__rows__count__7d__cash_loan"] == 2
    assert found["inquiries__rows__share__7d__cash_loan"] == Decimal(2) / 5
    assert found["inquiries__rows__days_since_last__all__all"] == 1
    assert found["inquiries__rows__count__90d__balance_transfer"] == 0


def test_what_became_known_later_is_not_known():
    found = figures(
        accounts=(
            account(100, balance=make.yuan("100.00")),
            account(90, balance=make.yuan("900.00"), reported_at=ago(-1)),
            account(80, balance=make.yuan("500.00"), closed_at=ago(5)),
            account(70, balance=make.yuan("700.00"), closed_at=ago(-5)),
        ),
        repayments=(repayment(50, 45), repayment(20, -3), repayment(-3)),
    )

    assert found["accounts__balance__sum__all__all"] == Decimal("1300.00")  # 100 + 500 + 700
    assert found["accounts__balance__known__all__all"] == 3
    assert found["accounts__rows__count__all__open"] == 3  # the last closes only later
    assert found["repayments__days_late__max__all__all"] == 20  # still open as far as is known
    assert found["repayments__days_late__min__all__all"] == 5
    assert found["repayments__rows__count__all__open"] == 1


def test_nothing_told_is_missing_and_an_empty_list_counts_nought():
    untold, empty = figures(), figures(inquiries=())

    for name in ("inquiries__rows__count__7d__lenders", "lender_inquiries_7d"):
        assert untold[name] is None
        assert empty[name] == 0
    assert empty["inquiries__rows__days_since_last__all__all"] is None
    assert "inquiries__rows__share__7d__bank" in empty
    assert empty["inquiries__rows__share__7d__bank"] is None


def test_a_name_that_no_family_has_is_no_feature():
    for name in (
        "inquiries__rows__count__8d__lenders",
        "inquiries__rows__sum__7d__lenders",
        "inquiries__organisation__count__7d__lenders",
        "accounts__rows__count__7d__all__all",
        "nobody__rows__count__7d__all",
        "inquiries",
        "",
    ):
        assert name not in catalogue.CATALOGUE
        assert figures(inquiries=()).get(name) is None


def test_members_of_families_are_not_gone_through():
    assert all("__" not in name for name in catalogue.CATALOGUE)
    assert sum(len(family) for family in catalogue.FAMILIES.values()) > 3_000
    for family in catalogue.FAMILIES.values():
        assert len(list(family.names())) == len(family)


def test_every_member_has_a_name_a_reason_and_bounds():
    for name in SAMPLE:
        feature = catalogue.CATALOGUE[name]

        assert feature.name == name
        assert feature.source is Source.BUREAU
        assert feature.low < feature.high
        assert catalogue.REASONS[name] is feature.reason


def test_filters_name_kinds_that_there_are():
    inquiries, accounts = (catalogue.FAMILIES[name].filters for name in ("inquiries", "accounts"))

    assert {kind.value for kind in OrganisationKind} <= set(inquiries)
    assert set(inquiries["lenders"].among) == {kind.value for kind in bureau_file.LENDERS}
    for kind in OrganisationKind:
        assert inquiries[kind.value].among == (kind.value,)
    assert accounts["card"].among == (AccountKind.CARD.value,)


def test_what_is_frozen_says_the_same_later():
    told = make.dossier(bureau_file=BureauFile(inquiries=(inquiry(1), inquiry(-2, "bank", "B1"))))

    frozen = catalogue.drawn(told.bureau_file, as_of=told.as_of)

    assert frozen == {"lender_inquiries_7d": 1, "lender_inquiries_30d": 1}
    assert catalogue.drawn(BureauFile(), as_of=told.as_of) == {}


def test_a_member_s_definition_is_in_the_digest(monkeypatch):
    name = "inquiries__rows__count__7d__lenders"
    before = catalogue.digest([name])

    monkeypatch.setattr(
        catalogue, "_member", lambda asked: replace(_member(asked), of=_member(OTHER).of)
    )

    assert catalogue.digest([name]) != before


_member = catalogue._member
OTHER = "inquiries__rows__count__30d__lenders"

days = st.integers(-20, 800).map(lambda hours: hours / 2)
files = st.builds(
    BureauFile,
    inquiries=st.none()
    | st.lists(
        st.builds(
            inquiry, days, st.sampled_from([*OrganisationKind]), st.sampled_from(["A", "B", "C"])
        ),
        max_size=5,
    ).map(tuple),
    accounts=st.none()
    | st.lists(
        st.builds(
            account,
            days,
            kind=st.sampled_from([*AccountKind]),
            limit=st.integers(0, 10**7).map(Money),
            balance=st.integers(0, 10**7).map(Money),
            reported_at=days.map(ago),
            late_months=st.integers(0, 9),
            closed_at=st.none() | days.map(ago),
        ),
        max_size=5,
    ).map(tuple),
    repayments=st.none()
    | st.lists(st.builds(repayment, days, st.none() | days), max_size=5).map(tuple),
)


@given(told=st.lists(files, min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
def test_one_dossier_and_many_give_the_same(told):
    people = [
        # All of one application: none of them sees what another was told.
        make.dossier(bureau_file=file)
        for file in told
    ]
    plain = [catalogue.told(each, monthly_income=make.yuan("5000.00")) for each in people]
    base, events = dossiers.frames(people, plain)
    names = [*SAMPLE, "inquiries_12m", "annual_income", "lender_inquiries_7d"]

    many = tables.batch(
        [catalogue.CATALOGUE[name] for name in names],
        base,
        events,
        key=dossiers.KEY,
        as_of=dossiers.AS_OF,
    )

    for each, row in zip(people, many.iter_rows(named=True), strict=True):
        one = catalogue.figures(each, monthly_income=make.yuan("5000.00"))
        for name in names:
            figure = catalogue.CATALOGUE[name].value(one)
            if figure is None:
                assert row[name] is None, name
            else:
                assert row[name] == pytest.approx(float(figure), rel=1e-9, abs=1e-6), name
