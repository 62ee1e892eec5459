"""Who applies in the demo and whom the model learns from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final

import polars as pl

from demo import lendingclub, simulator
from demo.people import Person
from underwriting.models import spec as specs
from underwriting.models import training_file
from underwriting.models.spec import TrainingSpec

SIMULATED_SPEC: Final = Path(__file__).parent / "simulated.toml"
SIMULATED_PAST: Final = 3_000
"""Simulated people of the past from whom the demo's model learns."""
SIMULATED_MONTHS: Final = 10
SIMULATED_FIRST_YEAR: Final = 2025


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Applicants, the rows the model learns from, and what must be said about both."""

    people: tuple[Person, ...]
    training: pl.DataFrame
    spec: TrainingSpec
    source: str
    notes: tuple[str, ...]
    """Sentences printed above every table of figures."""
    outcome: str
    """Whose outcome the bad rates speak of."""
    lives_on: bool
    """Whether the story goes on to the first instalments."""


def simulated(*, seed: int, count: int, year_now: int) -> Crowd:
    """Draw applicants and a past for the model from the built-in simulator."""
    past = [
        person
        for month in range(SIMULATED_MONTHS)
        for person in simulator.population(
            seed,
            SIMULATED_PAST // SIMULATED_MONTHS,
            month=date(SIMULATED_FIRST_YEAR, month + 1, 1),
            year_now=year_now,
            first=10_000 + month * SIMULATED_PAST // SIMULATED_MONTHS,
        )
    ]
    people = simulator.population(
        seed,
        count,
        month=date(SIMULATED_FIRST_YEAR, SIMULATED_MONTHS + 1, 1),
        year_now=year_now,
        first=1,
    )
    return Crowd(
        people=tuple(people),
        training=_as_frame(past),
        spec=specs.find(str(SIMULATED_SPEC)),
        source="the built-in simulator",
        notes=("SIMULATED debtors: every rate below is simulated and says nothing about people.",),
        outcome="simulated",
        lives_on=True,
    )


def of_lendingclub(
    applicants: Path, *, train: Path | None, limit: int, seed: int, year_now: int
) -> Crowd:
    """Read applicants with real figures from LendingClub's loans of 2018."""
    read = lendingclub.gather(applicants, train=train, limit=limit, seed=seed, year_now=year_now)
    left_out = ", ".join(f"{count} {why}" for why, count in read.left_out.items() if count)
    return Crowd(
        people=read.people,
        training=read.training,
        spec=read.spec,
        source=f"LendingClub applicants of {read.first_month:%Y-%m} to {read.last_month:%Y-%m}",
        notes=(
            f"trained on {read.training.height} older rows, before {read.first_month:%Y-%m}; "
            f"rows left out: {left_out or 'none'}",
            "real: income, debt to income, balances, limits, utilisation, inquiries, old "
            "delinquencies (amounts read as yuan one for one); loan asked for: revol_bal",
            f"generated: {'; '.join(lendingclub.GENERATED)}",
        ),
        outcome="outcome of LendingClub's own loan",
        lives_on=False,
    )


def _as_frame(people: list[Person]) -> pl.DataFrame:
    rows = [
        {
            **{name: _number(value) for name, value in person.figures.items()},
            "annual_income": None
            if person.monthly_income is None
            else float(person.monthly_income.as_yuan * 12),
            "employment_years": float(person.employment_months // 12),
            "merges_debts": float(len(person.cards) > 1),
            training_file.TARGET: int(bool(person.turned_bad)),
            training_file.MONTH: person.month,
        }
        for person in people
    ]
    floats = {name: pl.Float64 for name in rows[0] if name not in _NOT_FIGURES}
    return pl.DataFrame(rows, schema_overrides={**floats, training_file.TARGET: pl.Int8})


_NOT_FIGURES: Final = frozenset({training_file.TARGET, training_file.MONTH})


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
