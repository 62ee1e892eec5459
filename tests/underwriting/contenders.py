"""A weak champion and a challenger that is better, and loans later than both."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import cache

import numpy as np
import polars as pl

from kernel.actors import Actor, Role
from tests.underwriting import builders as make
from tests.underwriting.models.rows import SPEC, loans, small_spec
from underwriting import evidence, shares
from underwriting.evidence import Evidence
from underwriting.models import gate, registry, training
from underwriting.models.artifact import TrainedModel
from underwriting.models.gate import Conditions, Verdict
from underwriting.records.service import Routing

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


@cache
def verdict(
    *,
    loans: int = 1_000,
    off: float = 0.0,
    signs: tuple[str, ...] | None = (),
) -> Verdict:
    """Judge a challenger that says what the champion says, and is right but for `off`.

    A tenth of the loans each has the probabilities .05, .10 and so on to .50, and as many bads.
    """
    each = loans // 10
    levels = np.repeat(np.linspace(0.05, 0.50, 10), each)
    bads = np.concatenate(
        [np.arange(each) < round(pd * each) for pd in np.linspace(0.05, 0.50, 10)]
    ).astype(np.float64)
    conditions = Conditions(broken_signs=signs)
    return gate.compare(
        levels, levels + off, bads, seed=1, draws=gate.DRAWS_MIN, conditions=conditions
    )


def shown(session, challenger, judged: Verdict | None = None) -> Evidence:
    """Give evidence of a challenger that is no better than the champion, and no worse."""
    return Evidence(
        kind=evidence.Kind.FILE,
        champion=registry.champion(session).name,
        challenger=challenger.name,
        detail="1000 loans of made_up.csv",
        verdict=judged or verdict(),
    )


def share(session, challenger, part: str, *, at: datetime = make.AT) -> Routing:
    """Give a challenger its share by two officers' word."""
    request = shares.ask(
        session,
        Decimal(part),
        shown(session, challenger),
        reason="to compare",
        by=ANNE,
        at=at,
    )
    return shares.confirm(session, request.id, by=BERT, at=at)


def less(session, challenger, part: str = "0", *, at: datetime = make.AT) -> Routing:
    """Take of a challenger's share, or all of it."""
    return shares.lower(session, challenger, Decimal(part), reason="to stop", by=ANNE, at=at)
