"""A data set made up by a rule, with a spec that has one of everything."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl

from underwriting.models import spec_sets
from underwriting.models.spec_sets import SetSpec

SPEC = """
name = "made_up"
label = "bad by a rule"
limits = "nobody real"
seed = 11

feature = [
    { name = "use", of = "util", meaning = "use", unit = "ratio", sign = "rises", reason = "cards_nearly_full" },
    { name = "late", meaning = "times late", unit = "count", sign = "rises", reason = "past_delinquency", codes = ["untold"] },
    { name = "work", meaning = "years in work", unit = "years", sign = "falls", reason = "short_employment" },
    { name = "use_and_late", of = ["sum", "use", "late"], meaning = "both", unit = "ratio", sign = "rises", reason = "past_delinquency" },
    { name = "age", meaning = "age", unit = "years", sign = "free", reason = "checks_not_passed", protected = true },
]
category = [
    { name = "town", meaning = "town", reason = "short_history", frequency = true },
]

[reading]
target = "bad"
order = "applied"
as_of = "applied"
key = "person"
missing = ["NA"]
keep = { kind = ["card", "merge"] }
judge = { kind = ["card"] }
drop_where_all = { util = -9, late = -9 }

[columns]
late = { special = { 96 = "untold", -9 = "no_file" } }
util = { special = { -9 = "no_file" } }
work = { words = { "< 1 year" = 0, "1 year" = 1, "2+ years" = 2 } }

[table.loans]
file = "loans.csv"
key = "person"

[[family]]
table = "loans"
at = "begun"
known_after = { closed = "closed" }
windows = ["all"]
aggregates = ["count", "mean"]
only = ["loans__rows__count__*", "loans__took__mean__*"]

[family.measures]
rows = { meaning = "loans before", reason = "short_history" }
took = { of = ["days_between", "begun", "closed"], meaning = "days", unit = "days", reason = "past_delinquency" }

[lookup.people]
file = "people.csv"
key = "person"
columns = ["town"]

[categories]
smoothing = 20
folds = 5

[split]
folds = 2
first_share = 0.5
outer_share = 0.3
rows_min = 100

[calibration]
isotonic_bads_min = 2000

[blend]
scorecard_shares = [0.0, 0.5]

[search]
rounds_max = 40
patience = 10
trials = 1
space = { max_depth = [1, 3], learning_rate = [0.05, 0.3] }

[[search.candidate]]
max_depth = 2
learning_rate = 0.2
min_child_weight = 5
"""


def made_up(text: str = SPEC) -> SetSpec:
    return spec_sets.parse(text.encode())


def rows(count: int = 1_200, *, seed: int = 3) -> pl.DataFrame:
    """Rows whose risk rises with use, lateness and a bad town, and falls with work."""
    draw = np.random.default_rng(seed)
    use, late = draw.uniform(0, 1, count).round(3), draw.poisson(0.7, count)
    town, work = draw.integers(0, 6, count), draw.integers(0, 3, count)
    odds = -2.2 + 1.6 * use + 0.6 * late + 0.25 * town - 0.3 * work
    bad = draw.uniform(size=count) < 1 / (1 + np.exp(-odds))
    words = np.array(["< 1 year", "1 year", "2+ years"])
    return pl.DataFrame(
        {
            "person": [f"p{number}" for number in range(count)],
            "kind": ["merge" if number % 5 == 0 else "card" for number in range(count)],
            "applied": [f"2026-{1 + number * 6 // count:02d}-15" for number in range(count)],
            "util": use.astype(str),
            "late": ["96" if number % 40 == 0 else str(each) for number, each in enumerate(late)],
            "work": words[work],
            "age": draw.integers(18, 70, count).astype(str),
            "town_of": [f"Zürich {each}" for each in town],
            "bad": bad.astype(int).astype(str),
        }
    )


def write(folder: Path, frame: pl.DataFrame, name: str = "train.csv.gz") -> Path:
    """Write rows with their second files beside them, and give the path of the rows."""
    folder.mkdir(exist_ok=True)
    people = frame.select("person", town="town_of")
    loans = pl.concat(
        frame.select("person", begun=pl.lit(begun), closed=pl.lit(closed))
        for begun, closed in (("2025-01-01", "2025-02-01"), ("2025-03-01", "2099-01-01"))
    )
    people.write_csv(folder / "people.csv")
    loans.write_csv(folder / "loans.csv")
    content = frame.drop("town_of").write_csv().encode()
    path = folder / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path
