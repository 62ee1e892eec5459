from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.underwriting.batch import world
from underwriting import assessments, policy
from underwriting.batch import reading, spelling
from underwriting.batch.assessing import Assessor
from underwriting.decisions import Decision
from underwriting.policy import Policy

FIRST = policy.load("2026-08")
SECOND = policy.load("2026-11")


def spread(rules: Policy) -> Policy:
    """Give a policy with bands so wide that most of those drawn get a price, and many are cut."""
    tops, multiples = ("0.2", "0.35", "0.5", "0.7"), ("8", "2", "1.2", "0.8")
    bands = tuple(
        replace(
            band,
            pd_max=Decimal(top),
            income_multiple=None if band.income_multiple is None else Decimal(multiple),
        )
        for band, top, multiple in zip(rules.bands, tops, multiples, strict=True)
    )
    if rules.added is None:
        return replace(rules, bands=bands)
    cells = tuple(
        replace(cell, bound_max=Decimal(top), income_multiple=Decimal(multiple))
        for cell, top, multiple in zip(rules.added.cells[:4], tops, multiples, strict=True)
    )
    return replace(rules, bands=bands, added=replace(rules.added, cells=cells))


POLICIES = (FIRST, spread(FIRST), SECOND, spread(SECOND))


def batch(dossiers, rules=FIRST):
    return Assessor(rules, world.scorer()).assess(reading.read(spelling.frame(dossiers)))


def alone(dossiers, rules=FIRST) -> list[Decision]:
    return [assessments.decide(each, rules, world.scorer()) for each in dossiers]


def without_workings(decision: Decision) -> Decision:
    comparison = decision.comparison
    if comparison is not None:
        comparison = replace(comparison, cheaper_from=None)
    return replace(decision, workings=None, comparison=comparison)


@pytest.mark.parametrize("rules", POLICIES, ids=["first", "spread", "second", "second spread"])
@settings(max_examples=2, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_each_of_many_gets_what_it_gets_alone(rules, seed):
    dossiers = world.dossiers(seed, 90)

    made = batch(dossiers, rules)

    for row, expected in enumerate(alone(dossiers, rules)):
        assert made.decision(row).to_bytes() == without_workings(expected).to_bytes()


def test_the_dossiers_drawn_come_to_every_kind_of_decision():
    decided = alone(world.dossiers(1, 500), spread(FIRST))

    outcomes = Counter(each.outcome.value for each in decided)
    assert min(outcomes[name] for name in ("approve", "decline", "review")) > 15
    assert {each.band for each in decided} >= {None, "A", "B", "C", "D"}
    assert {each.binding.value for each in decided if each.binding} >= {
        "debts", "product", "risk", "affordability",
    }  # fmt: skip
    assert any(each.has_terms and each.contributions for each in decided)
    assert any(len(each.chosen) > 2 and len(each.left_out) > 1 for each in decided)


def test_few_dossiers_are_decided_alone():
    made = batch(world.dossiers(2, 400))

    # Figures finer than a millionth, an amount beyond bounds, nine cards and more.
    assert 0 < len(made.alone) < 60
