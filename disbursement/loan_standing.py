"""Where a loan stands by a reading of its schedule: overdue, graded, accruing, and closed next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from disbursement import delinquency
from disbursement.delinquency import Bucket, Grade
from disbursement.schedule.figures import Reading
from kernel.money import ZERO, Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The columns of a loan's position that follow from one reading; named as they are there."""

    overdue_since: date | None
    bucket: Bucket
    grade: Grade
    is_accruing: bool
    next_on: date | None
    earning_since: date
    earning: Money
    earning_until: date


def standing(
    reading: Reading, *, grace_days: int, accrued_until_now: bool, is_written_off: bool
) -> Standing:
    """Tell where a loan stands; within its days of grace it counts as not overdue.

    A loan that was written off is a loss, earns nothing and has nothing to be closed.

    Raises:
        NoRuleInForce: the limits of delinquency begin later.
    """
    numbers, day = reading.figures, reading.on
    grace = timedelta(days=grace_days)
    since = numbers.overdue_since
    in_grace = since is not None and day - since <= grace
    counted = None if in_grace else since
    stands = delinquency.standing(counted, on=day, until_now=accrued_until_now)
    turn = delinquency.next_turn(counted, after=day)
    if in_grace and since is not None:
        turn = since + grace + timedelta(days=1)
    turns = [on for on in (numbers.next_due, turn) if on is not None]
    is_accruing = stands.is_accruing and not is_written_off
    earning_since, earning, earning_until = _earning(reading, is_accruing=is_accruing)
    return Standing(
        overdue_since=since,
        bucket=stands.bucket,
        grade=Grade.LOSS if is_written_off else stands.grade,
        is_accruing=is_accruing,
        next_on=None if is_written_off else min(turns, default=None),
        earning_since=earning_since,
        earning=earning,
        earning_until=earning_until,
    )


def _earning(reading: Reading, *, is_accruing: bool) -> tuple[date, Money, date]:
    row, until = reading.next_row, reading.figures.next_due
    if is_accruing and row is not None and until is not None and row.interest_fen:
        return reading.figures.open_since, row.interest, until
    return reading.on, ZERO, reading.on
