"""Rows of loans made up by a rule, and a small spec to train on them."""

from __future__ import annotations

from datetime import date
from functools import cache

import numpy as np
import polars as pl

from underwriting.models import spec, training
from underwriting.models.artifact import TrainedModel
from underwriting.models.spec import TrainingSpec

SPEC = """
name = "made_up"
features = ["inquiries_12m", "card_utilisation_pct", "debt_to_income_pct", "annual_income"]

[reading]
target = "bad"
month = "month"
keep = { kind = ["card", "merge"] }
only_where_empty = ["second_borrower"]

[reading.columns]
inquiries_12m = "inq"
card_utilisation_pct = "util"
debt_to_income_pct = "dti"
annual_income = "income"
employment_years = "work"

[reading.words.employment_years]
"< 1 year" = 0
"10+ years" = 10

[split]
window_share = "0.15"
rows_min = 500

[calibration]
isotonic_bads_min = 2000

[search]
rounds_max = 60
patience = 10

[[search.candidate]]
max_depth = 2
learning_rate = 0.2

[[search.candidate]]
max_depth = 3
learning_rate = 0.1
"""


def small_spec(text: str = SPEC) -> TrainingSpec:
    return spec.parse(text.encode())


def loans(count: int = 1500, *, seed: int = 7, months: int = 5) -> pl.DataFrame:
    """Loans whose log-odds of default rise with inquiries, use and debts, and fall with income."""
    draw = np.random.default_rng(seed)
    inquiries = draw.poisson(2.5, count).astype(float)
    use = draw.uniform(0, 100, count).round(1)
    debts = draw.uniform(0, 45, count).round(2)
    income = draw.lognormal(11, 0.5, count).round(0)
    odds = -2.6 + 0.25 * inquiries + 0.012 * use + 0.03 * debts - 0.4 * (np.log(income) - 11)
    bad = draw.uniform(size=count) < 1 / (1 + np.exp(-odds))
    return pl.DataFrame(
        {
            "inquiries_12m": inquiries,
            "card_utilisation_pct": [None if n % 37 == 0 else v for n, v in enumerate(use)],
            "debt_to_income_pct": debts,
            "annual_income": income,
            "target": bad.astype(np.int8),
            "month": [date(2026, 1 + n * months // count, 1) for n in range(count)],
        }
    )


@cache
def trained() -> TrainedModel:
    return training.train(loans(), small_spec(), 11)


@cache
def second() -> TrainedModel:
    """Train on other loans drawn by the same rule."""
    return training.train(loans(seed=9), small_spec(), 11)
