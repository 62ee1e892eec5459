"""What an unpaid loan counts as: days past due, bucket, five-grade class, and whether it accrues.

The limits are dated data with their sources in ``policies/delinquency.toml``; here is only how
they are read.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

from kernel import law

POLICIES: Final = Path(__file__).parent / "policies"

Name = TypeVar("Name", bound=StrEnum)


class Bucket(StrEnum):
    """How many months a loan is past due, as lenders and collectors count."""

    M0 = "M0"
    """Nothing is past due."""
    M1 = "M1"
    M2 = "M2"
    M3 = "M3"
    M4 = "M4"
    M5 = "M5"
    M6 = "M6"
    M7 = "M7+"


class Grade(StrEnum):
    """五级分类: the five grades of risk."""

    NORMAL = "normal"
    """正常"""
    SPECIAL_MENTION = "special_mention"
    """关注"""
    SUBSTANDARD = "substandard"
    """次级"""
    DOUBTFUL = "doubtful"
    """可疑"""
    LOSS = "loss"
    """损失"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The limits in force on a day; each list holds the first day of its entry, in order."""

    bucket_days: tuple[int, ...]
    buckets: tuple[Bucket, ...]
    grade_days: tuple[int, ...]
    grades: tuple[Grade, ...]
    non_accrual_over_days: int
    accrues_again_at_days: int

    def bucket(self, days_past_due: int) -> Bucket:
        """Give the bucket of so many days past due."""
        return self.buckets[bisect_right(self.bucket_days, days_past_due) - 1]

    def grade(self, days_past_due: int) -> Grade:
        """Give the grade of so many days past due."""
        return self.grades[bisect_right(self.grade_days, days_past_due) - 1]

    def accrues(self, days_past_due: int, *, until_now: bool) -> bool:
        """Tell whether interest counts as income, given whether it did until now.

        A loan that was suspended is not resumed by a part of its arrears.
        """
        if until_now:
            return days_past_due <= self.non_accrual_over_days
        return days_past_due <= self.accrues_again_at_days

    @property
    def turns(self) -> tuple[int, ...]:
        """The days past due on which bucket, grade or accrual may become another, in order."""
        return _turns(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a loan stands at the close of a day."""

    days_past_due: int
    bucket: Bucket
    grade: Grade
    is_accruing: bool


def policy(*, on: date) -> Policy:
    """Read the limits in force on a day.

    Raises:
        NoRuleInForce: the table begins later.
    """
    return _policy(law.rule("delinquency", on=on, folder=POLICIES).in_force)


def days_past_due(overdue_since: date | None, *, on: date) -> int:
    """Count the days from the due date of the oldest unpaid instalment; never below zero.

    At the close of the due date itself nothing is past due.
    """
    return 0 if overdue_since is None else max(0, (on - overdue_since).days)


def standing(overdue_since: date | None, *, on: date, until_now: bool) -> Standing:
    """Tell what a loan counts as at the close of a day; `until_now` is whether it accrued before.

    Raises:
        NoRuleInForce: the table begins later.
    """
    limits = policy(on=on)
    late = days_past_due(overdue_since, on=on)
    return Standing(
        days_past_due=late,
        bucket=limits.bucket(late),
        grade=limits.grade(late),
        is_accruing=limits.accrues(late, until_now=until_now),
    )


def next_turn(overdue_since: date | None, *, after: date) -> date | None:
    """Give the first later day on which the same arrears make the loan count as something else.

    None when nothing is overdue, or nothing worse can come.

    Raises:
        NoRuleInForce: the table begins later.
    """
    if overdue_since is None:
        return None
    turns = policy(on=after).turns
    late = (after - overdue_since).days
    position = bisect_right(turns, late)
    return overdue_since + timedelta(days=turns[position]) if position < len(turns) else None


@cache
def _policy(in_force: date) -> Policy:
    values = law.rule("delinquency", on=in_force, folder=POLICIES).values
    buckets, bucket_days = _list(values["bucket"], Bucket)
    grades, grade_days = _list(values["grade"], Grade)
    return Policy(
        buckets=buckets,
        bucket_days=bucket_days,
        grades=grades,
        grade_days=grade_days,
        non_accrual_over_days=values["non_accrual_over_days"],
        accrues_again_at_days=values["accrues_again_at_days"],
    )


def _list(
    rows: Sequence[Mapping[str, Any]], kind: Callable[[str], Name]
) -> tuple[tuple[Name, ...], tuple[int, ...]]:
    names = tuple(kind(row["name"]) for row in rows)
    days = tuple(row["from_days"] for row in rows)
    assert days[0] == 0, "the first entry begins with what is not overdue"
    assert list(days) == sorted(set(days)), "each entry begins later than the one before"
    return names, days


@cache
def _turns(limits: Policy) -> tuple[int, ...]:
    days = {*limits.bucket_days, *limits.grade_days, limits.non_accrual_over_days + 1}
    return tuple(sorted(days - {0}))
