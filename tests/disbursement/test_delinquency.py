"""Days past due, buckets, grades and when interest stops to count as income."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disbursement import delinquency
from disbursement.delinquency import Bucket, Grade
from kernel.law import NoRuleInForce

DUE = date(2026, 11, 20)


def on(days: int) -> date:
    return DUE + timedelta(days=days)


@pytest.mark.parametrize(
    ("days", "bucket", "grade"),
    [
        (0, Bucket.M0, Grade.NORMAL),
        (1, Bucket.M1, Grade.SPECIAL_MENTION),
        (30, Bucket.M1, Grade.SPECIAL_MENTION),
        (31, Bucket.M2, Grade.SPECIAL_MENTION),
        (61, Bucket.M3, Grade.SPECIAL_MENTION),
        (90, Bucket.M3, Grade.SPECIAL_MENTION),
        (91, Bucket.M4, Grade.SUBSTANDARD),
        (120, Bucket.M4, Grade.SUBSTANDARD),
        (121, Bucket.M5, Grade.SUBSTANDARD),
        (151, Bucket.M6, Grade.SUBSTANDARD),
        (180, Bucket.M6, Grade.SUBSTANDARD),
        (181, Bucket.M7, Grade.SUBSTANDARD),
        (270, Bucket.M7, Grade.SUBSTANDARD),
        (271, Bucket.M7, Grade.DOUBTFUL),
        (360, Bucket.M7, Grade.DOUBTFUL),
        (361, Bucket.M7, Grade.LOSS),
        (4000, Bucket.M7, Grade.LOSS),
    ],
)
def test_days_past_due_decide_bucket_and_grade(days, bucket, grade):
    found = delinquency.standing(DUE, on=on(days), until_now=True)

    assert (found.days_past_due, found.bucket, found.grade) == (days, bucket, grade)


def test_a_loan_with_nothing_overdue_is_current():
    found = delinquency.standing(None, on=DUE, until_now=True)

    assert (found.bucket, found.grade, found.is_accruing) == (Bucket.M0, Grade.NORMAL, True)


@pytest.mark.parametrize(("days", "accrues"), [(90, True), (91, False)])
def test_income_stops_after_ninety_days(days, accrues):
    assert delinquency.standing(DUE, on=on(days), until_now=True).is_accruing is accrues


@pytest.mark.parametrize(("days", "accrues"), [(91, False), (30, False), (1, False), (0, True)])
def test_income_runs_again_only_when_no_arrears_are_left(days, accrues):
    assert delinquency.standing(DUE, on=on(days), until_now=False).is_accruing is accrues


def test_a_day_before_the_table_begins_has_no_limits():
    with pytest.raises(NoRuleInForce):
        delinquency.standing(None, on=date(2020, 1, 1), until_now=True)


def test_nothing_changes_by_itself_without_arrears_or_at_the_worst():
    assert delinquency.next_turn(None, after=DUE) is None
    assert delinquency.next_turn(DUE, after=on(361)) is None


def test_turns_are_every_day_on_which_one_of_the_three_changes():
    assert delinquency.policy(on=DUE).turns == (1, 31, 61, 91, 121, 151, 181, 271, 361)


@given(st.integers(0, 500), st.booleans())
def test_until_the_next_turn_a_loan_stands_as_it_does(days, until_now):
    before = delinquency.standing(DUE, on=on(days), until_now=until_now)
    turn = delinquency.next_turn(DUE, after=on(days))

    last_day = on(days + 50) if turn is None else turn - timedelta(days=1)
    after = delinquency.standing(DUE, on=last_day, until_now=before.is_accruing)

    assert last_day >= on(days)
    assert (after.bucket, after.grade, after.is_accruing) == (
        before.bucket,
        before.grade,
        before.is_accruing,
    )
