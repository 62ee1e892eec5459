from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.underwriting.batch import world
from underwriting import assessments, policy
from underwriting.batch import assessing, reading, spelling
from underwriting.decisions import Decision

FIRST = policy.load("2026-08")
SPREAD = replace(
    FIRST,
    bands=tuple(
        replace(band, pd_max=Decimal(top), income_multiple=Decimal(multiple))
        for band, top, multiple in zip(
            FIRST.bands, ("0.2", "0.35", "0.5", "0.7"), ("8", "2", "1.2", "0.8"), strict=True
        )
    ),
)
"""The first policy with bands so wide that most of those drawn get a price, and many are cut."""


def batch(dossiers, rules=FIRST):
    return assessing.assess(reading.read(spelling.frame(dossiers)), rules, world.scorer())


def alone(dossiers, rules=FIRST) -> list[Decision]:
    return [assessments.decide(each, rules, world.scorer()) for each in dossiers]


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32), rules=st.sampled_from([FIRST, SPREAD]))
def test_each_of_many_gets_the_bytes_it_gets_alone(seed, rules):
    dossiers = world.dossiers(seed, 120)

    made = batch(dossiers, rules)

    for row, expected in enumerate(alone(dossiers, rules)):
        assert made.decision(row).to_bytes() == expected.to_bytes()


def test_the_dossiers_drawn_come_to_every_kind_of_decision():
    decided = alone(world.dossiers(1, 700), SPREAD)

    outcomes = Counter(each.outcome.value for each in decided)
    assert min(outcomes[name] for name in ("approve", "decline", "review")) > 20
    assert {each.band for each in decided} >= {None, "A", "B", "C", "D"}
    assert {each.binding.value for each in decided if each.binding} >= {
        "debts", "product", "risk", "affordability",
    }  # fmt: skip
    assert any(each.has_terms and each.contributions for each in decided)
    assert any(len(each.chosen) > 2 and len(each.left_out) > 1 for each in decided)


def test_few_dossiers_are_decided_alone():
    made = batch(world.dossiers(2, 1000))

    # Figures finer than a millionth, an amount beyond bounds, nine cards and more.
    assert 0 < len(made.alone) < 150
