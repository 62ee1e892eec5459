"""A weak champion and a challenger that is better, and loans later than both."""

from __future__ import annotations

from datetime import date
from functools import cache

import polars as pl

from kernel.actors import Actor, Role
from tests.underwriting import builders as make
from tests.underwriting.models.rows import SPEC, loans, small_spec
from underwriting import evidence
from underwriting.evidence import Evidence
from underwriting.models import registry, training
from underwriting.models.artifact import TrainedModel

ANNE, BERT = (Actor(Role.RISK_OFFICER, name) for name in ("anne", "bert"))
ONE_FIGURE = SPEC.replace(
    'features = ["inquiries_12m", "card_utilisation_pct", "debt_to_income_pct", "annual_income"]',
    'features = ["debt_to_income_pct"]',
)


@cache
def weak() -> TrainedModel:
    return training.train(loans(seed=22), small_spec(ONE_FIGURE), 11)


@cache
def strong() -> TrainedModel:
    return training.train(loans(6000, seed=21), small_spec(), 11)


def later(count: int = 6000) -> pl.DataFrame:
    return loans(count, seed=23).with_columns(pl.lit(date(2026, 8, 1)).alias("month"))


def kept(session, model: TrainedModel):
    return registry.register(session, model, by=ANNE, at=make.AT)


def compared(session, champion, challenger, *, rows: int = 6000) -> Evidence:
    models = evidence.contest(session, champion, challenger)
    return evidence.of_file(later(rows), models, name="later.csv")


@cache
def _passed() -> list[Evidence]:
    return []


def better(session, champion, challenger) -> Evidence:
    """Give the evidence that the strong one is better, worked out once."""
    if not _passed():
        _passed().append(compared(session, champion, challenger))
    return _passed()[0]
