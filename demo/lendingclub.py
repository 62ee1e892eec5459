"""Debtors whose figures are real: rows of LendingClub's public loans, amounts read as yuan.

Real are income, debt to income, revolving balance, card limits, utilisation, inquiries and old
delinquencies. Generated, and printed as such, are identities, the number of cards (the largest
owes the row's largest card balance), days past due, minimum payments, the card rate, essential
costs. LendingClub's own grade, rate, instalment, amount and term are read by nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from random import Random
from typing import Any, Final

import polars as pl

from demo import cards, identities
from demo.people import Person
from kernel.money import Money
from underwriting.models import spec as specs
from underwriting.models import training_file
from underwriting.models.spec import TrainingSpec

SPEC_NAME: Final = "card_repayers"
LIVING_COSTS: Final = (1_600, 3_200)
"""Generated essential costs a month, in yuan: a person's share of urban living costs."""
WORKS_SINCE_AGE: Final = 22
AGE_MAX: Final = 55
COST_SHARE_MAX: Final = Decimal("0.45")
GENERATED: Final = (
    "names, ID numbers, mobiles and card numbers",
    "number of cards (the largest owes max_bal_bc)",
    "days past due, minimum payment, card rate 0.05 % a day",
    "essential costs, issuers' own offers",
)


AMOUNT_MAX: Final = Decimal(1_000_000_000)
"""In yuan; more is no debt of a person."""


class ApplicantsFaulty(ValueError):
    """The applicants' file cannot be used; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Who applies, whom the model learns from, and who was left out and why."""

    people: tuple[Person, ...]
    training: pl.DataFrame
    """One column per figure, `target` and `month`, all strictly before the first applicant."""
    spec: TrainingSpec
    left_out: Mapping[str, int]
    first_month: date
    last_month: date


def gather(applicants: Path, *, train: Path | None, limit: int, seed: int, year_now: int) -> Crowd:
    """Read applicants and training rows, split by month so that the model sees only the past.

    Raises:
        ApplicantsFaulty: nobody is left to apply, or nobody to learn from.
        TrainingFileFaulty: a file cannot be read as the spec says.
    """
    spec = specs.find(SPEC_NAME)
    rows = _rows(applicants, spec)
    kept, left_out = _kept(rows, spec)
    first = _first_month(kept, has_training_file=train is not None)
    frame = training_file.read_training_file(train or applicants, spec)
    training = frame.filter(pl.col(training_file.MONTH) < first)
    late = [row for row in kept if _month(row) >= first]
    if not late or training.is_empty():
        raise ApplicantsFaulty(
            "no rows are left to apply, or none older than the first applicant to train on"
        )
    Random(seed).shuffle(late)
    chosen = sorted(late[:limit], key=lambda row: (_month(row), row["id"]))
    return Crowd(
        people=tuple(
            _person(row, number, spec=spec, seed=seed, year_now=year_now)
            for number, row in enumerate(chosen, 1)
        ),
        training=training,
        spec=spec,
        left_out=left_out,
        first_month=first,
        last_month=max(_month(row) for row in chosen),
    )


def _rows(path: Path, spec: TrainingSpec) -> list[dict[str, Any]]:
    if not path.is_file():
        raise ApplicantsFaulty(f"there is no file {path.name}")
    try:
        table = pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as fault:
        raise ApplicantsFaulty(f"not a CSV file: {type(fault).__name__}") from None
    reading = spec.reading
    needed = {"id", "purpose", "revol_bal", "max_bal_bc", reading.month, reading.target}
    missing = (needed | set(reading.columns.values()) | set(reading.only_where_empty)) - set(
        table.columns
    )
    if missing:
        raise ApplicantsFaulty(f"the file lacks the columns: {', '.join(sorted(missing))}")
    return table.to_dicts()


def _kept(
    rows: Sequence[Mapping[str, Any]], spec: TrainingSpec
) -> tuple[list[Mapping[str, Any]], Mapping[str, int]]:
    kept: list[Mapping[str, Any]] = []
    left_out = {"another purpose": 0, "joint application": 0, "no revolving balance": 0}
    purposes = spec.reading.keep["purpose"]
    for row in rows:
        if row["purpose"] not in purposes:
            left_out["another purpose"] += 1
        elif not training_file.is_kept(row, spec):
            left_out["joint application"] += 1
        elif not _yuan(row, "revol_bal"):
            left_out["no revolving balance"] += 1
        else:
            kept.append(row)
    if len({row["id"] for row in kept}) != len(kept):
        raise ApplicantsFaulty("column id: every row has one of its own")
    return kept, left_out


def _first_month(rows: Sequence[Mapping[str, Any]], *, has_training_file: bool) -> date:
    months = sorted({_month(row) for row in rows})
    if not months:
        raise ApplicantsFaulty("the file has no row of a debtor who repays cards")
    return months[0] if has_training_file else months[len(months) * 2 // 3]


def _person(
    row: Mapping[str, Any], number: int, *, spec: TrainingSpec, seed: int, year_now: int
) -> Person:
    random = Random(f"{seed}/{row['id']}")
    figures = training_file.as_figures(row, spec)
    income = figures["annual_income"]
    monthly_income = Money.rounded(income / 12) if income else None
    years = figures["employment_years"]
    balance = _yuan(row, "revol_bal")
    return Person(
        reference=f"LC{row['id']}",
        name=identities.name(random),
        national_id=identities.national_id(
            random,
            number=number,
            age_years=random.randint(WORKS_SINCE_AGE + int(years or 0), AGE_MAX),
            year_now=year_now,
        ),
        mobile=identities.mobile(number),
        month=_month(row),
        purpose=row["purpose"],
        figures=figures,
        monthly_income=monthly_income,
        income_is_proven=monthly_income is not None,
        employment_months=int(years * 12) if years is not None else 0,
        essential_costs=_essential_costs(monthly_income, random),
        cards=cards.spread(cards.split(balance, _yuan(row, "max_bal_bc")), random),
        watchlisted=False,
        turned_bad=row["target"] == "1",
    )


def _essential_costs(income: Money | None, random: Random) -> Money:
    costs = Money.yuan(str(random.randint(*LIVING_COSTS)))
    return costs if income is None else min(costs, income.times(COST_SHARE_MAX))


def _month(row: Mapping[str, Any]) -> date:
    try:
        return date.fromisoformat(row["issue_d"]).replace(day=1)
    except (TypeError, ValueError):
        raise _faulty(row, "issue_d", "a date YYYY-MM-DD") from None


def _yuan(row: Mapping[str, Any], column: str) -> Money:
    try:
        amount = Decimal(row[column] or 0)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not (amount.is_finite() and 0 <= amount <= AMOUNT_MAX):
        raise _faulty(row, column, "an amount of money")
    return Money.rounded(amount)


def _faulty(row: Mapping[str, Any], column: str, wanted: str) -> ApplicantsFaulty:
    return ApplicantsFaulty(f"column {column}: the row with id {row['id']} does not hold {wanted}")
