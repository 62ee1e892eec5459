from __future__ import annotations

import doctest
from decimal import Decimal

import pytest

from kernel.money import Money
from tests.underwriting import builders as make
from underwriting import canonical, limits
from underwriting.dossier import Purpose
from underwriting.features import catalogue, declaration
from underwriting.features.declaration import Source
from underwriting.graph import figures as ring_figures
from underwriting.reasons import BOOK

HASH = "6f8ffa27d76db97155c5295e0ebf08cd4f2972b1aa1120c7ce8331927576d69e"


def test_every_feature_is_declared_once_with_a_reason_in_words():
    declared = (
        *catalogue.BUREAU, *catalogue.ELSEWHERE, *catalogue.GRAPH, *catalogue.DRAWN
    )  # fmt: skip
    assert len(catalogue.CATALOGUE) == len(declared)
    for feature in catalogue.CATALOGUE.values():
        assert feature.meaning
        assert feature.reason in BOOK
        assert feature.low < feature.high


@pytest.mark.parametrize("module", [declaration, canonical, limits])
def test_the_examples_in_the_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("name", sorted(catalogue.CATALOGUE))
def test_a_feature_is_its_figure_within_bounds(name):
    feature = catalogue.CATALOGUE[name]

    assert feature.value({name: feature.low}) == feature.low
    assert feature.value({name: feature.high}) == feature.high
    assert feature.value({name: feature.low - 1}) is None
    assert feature.value({name: feature.high + 1}) is None
    assert feature.value({name: None}) is None
    assert feature.value({}) is None


def test_what_the_bureau_does_not_tell_comes_from_the_dossier():
    told = make.dossier(employment_months=47, purpose=Purpose.CONSOLIDATION)

    found = catalogue.figures(told, monthly_income=Money.yuan("5600.00"))

    assert found["annual_income"] == Decimal("67200.00")
    assert found["employment_years"] == Decimal(3)
    assert found["merges_debts"] == Decimal(1)
    assert found["inquiries_12m"] == Decimal(2)


def test_ten_years_in_work_and_more_are_alike():
    found = catalogue.figures(make.dossier(employment_months=400), monthly_income=Money(0))

    assert found["employment_years"] == Decimal(10)


def test_the_bureau_cannot_tell_what_others_tell():
    told = make.dossier(figures={"annual_income": Decimal(10**6), "merges_debts": Decimal(0)},
                        purpose=Purpose.CONSOLIDATION)  # fmt: skip

    found = catalogue.figures(told, monthly_income=Money.yuan("1000.00"))

    assert found["annual_income"] == Decimal("12000.00")
    assert found["merges_debts"] == Decimal(1)


def test_a_changed_definition_changes_the_digest():
    names = ("inquiries_12m", "annual_income")

    assert catalogue.digest(names) == catalogue.digest(list(names))
    assert catalogue.digest(names) != catalogue.digest(names[::-1])


def test_features_that_stay_the_same_keep_their_hash():
    # Recorded models hold hashes of definitions; this one was made before there were expressions.
    names = (*(feature.name for feature in catalogue.BUREAU), "annual_income", "employment_years",
             "merges_debts")  # fmt: skip

    assert catalogue.digest(names) == HASH


def test_the_graph_s_figures_are_those_of_the_catalogue():
    assert {feature.name for feature in catalogue.GRAPH} == set(ring_figures.NAMES)
    assert all(feature.source is Source.GRAPH for feature in catalogue.GRAPH)


def test_only_bureau_figures_are_looked_at_for_bounds():
    assert all(feature.source is Source.BUREAU for feature in catalogue.BUREAU)
    assert catalogue.out_of_bounds({"inquiries_12m": Decimal(-1), "total_balance": None}) == (
        "inquiries_12m",
    )
