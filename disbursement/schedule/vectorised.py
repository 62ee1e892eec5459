"""Many plain schedules at once: the rows of `schedule.build`, to the fen, in columns of integers.

For the plainest contracts alone, monthly by 30/360 with level instalments or level principal: a
portfolio projected, a price table tried out, a stock of loans made for a measurement. Interest
and principal are integer arithmetic. The level instalment of each loan is first solved for in
floating point by additions, multiplications and one division of positive numbers, whose error is
bounded; where that error could decide the rounding, it is solved for again in exact fractions. So
no fen ever rests on a float.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from disbursement.schedule.contract import INSTALMENTS_MAX, Method, NotSchedulable
from disbursement.schedule.factors import half_up, level_payment
from disbursement.schedule.rows import Row
from kernel.rates import Rate

Fens = NDArray[np.int64]
Days = NDArray[np.datetime64]
Places = NDArray[np.int64]

ROWS_MAX: Final = 60_000_000
"""At once: five million loans of a year, which take two gigabytes."""
FEN_MAX: Final = 2**53 - 1
"""A larger principal would not be exact as a float; it is 90 million million yuan."""
DATE_MIN: Final = np.datetime64("1900-01-01")
DATE_MAX: Final = np.datetime64("2900-01-01")

_INT64_MAX: Final = 2**63 - 1
_ULP: Final = 2.0**-53
_STRETCH: Final = 8_192
"""Contracts worked on together, so that their columns stay in the processor's cache."""
_DAY: Final = np.timedelta64(1, "D")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contracts:
    """Plain contracts side by side: each falls due monthly on the day of its value date.

    Raises:
        NotSchedulable: columns of different lengths or types, more than `ROWS_MAX` rows,
            instalments outside 1..360, a principal not above zero or above `FEN_MAX`, a negative
            rate or a place outside the rates, a date outside 1900..2900, or a method that is not
            plain.
    """

    principal: Fens
    """In fen."""
    rates: Sequence[Rate]
    """The annual rates that occur, such as those of a price table."""
    rate_at: Places
    """Which of the rates each contract bears."""
    value_date: Days
    """Days as ``datetime64[D]``."""
    instalments: int
    method: Method = Method.ANNUITY

    def __post_init__(self) -> None:
        if self.method not in {Method.ANNUITY, Method.EQUAL_PRINCIPAL}:
            raise NotSchedulable("level instalments or level principal alone are made at once")
        if not 1 <= self.instalments <= INSTALMENTS_MAX:
            raise NotSchedulable(f"there are between 1 and {INSTALMENTS_MAX} instalments")
        count = self.principal.size
        if not (self.principal.shape == self.rate_at.shape == self.value_date.shape == (count,)):
            raise NotSchedulable("the columns are of one length")
        if count * self.instalments > ROWS_MAX:
            raise NotSchedulable(f"at most {ROWS_MAX} rows are made at once")
        if (
            self.principal.dtype != np.int64
            or self.rate_at.dtype != np.int64
            or self.value_date.dtype != np.dtype("datetime64[D]")
        ):
            raise NotSchedulable("amounts and places are int64, dates are datetime64[D]")
        if count:
            self._check_values()

    def _check_values(self) -> None:
        if not (self.principal.min() > 0 and self.principal.max() <= FEN_MAX):
            raise NotSchedulable(f"a principal lies above zero and up to {FEN_MAX} fen")
        if not (self.rate_at.min() >= 0 and self.rate_at.max() < len(self.rates)):
            raise NotSchedulable("each contract bears one of the rates")
        if any(rate.annual < 0 for rate in self.rates):
            raise NotSchedulable("the annual rate is not negative")
        # Written so that a date that is none (NaT) is refused as well.
        if not (self.value_date.min() >= DATE_MIN and self.value_date.max() <= DATE_MAX):
            raise NotSchedulable("value dates lie between 1900 and 2900")


@dataclass(frozen=True, slots=True)
class Schedules:
    """The rows of all contracts: a column has a line for each instalment, a place for each loan."""

    value_date: Days
    due_on: Days
    principal: Fens
    interest: Fens
    balance: Fens
    """Principal still owed after the row."""

    def rows(self, place: int) -> tuple[Row, ...]:
        """Give the schedule of one contract in the rows that `schedule.build` makes."""
        dues = [self.value_date[place].item(), *(day.item() for day in self.due_on[:, place])]
        return tuple(
            Row(
                number + 1,
                dues[number + 1],
                (dues[number + 1] - dues[number]).days,
                int(self.principal[number, place]),
                int(self.interest[number, place]),
                0,
                0,
                int(self.balance[number, place]),
            )
            for number in range(len(self.due_on))
        )


class _Quotients(NamedTuple):
    """The monthly rate of each contract as a quotient of integers; twice each, for rounding."""

    num: Fens
    den: Fens
    twice_num: Fens
    twice_den: Fens


def build(contracts: Contracts) -> Schedules:
    """Make the schedules of all contracts; each is what `schedule.build` makes of it alone.

    Raises:
        NotSchedulable: principal times rate is beyond 64 bits; such a contract is built alone.
    """
    count, lines = len(contracts.principal), contracts.instalments
    num, den = _monthly(contracts)
    columns = [np.empty((lines, count), dtype=np.int64) for _ in range(3)]
    for start in range(0, count, _STRETCH):
        part = slice(start, min(start + _STRETCH, count))
        at = contracts.rate_at[part]
        rate = _Quotients(num[at], den[at], 2 * num[at], 2 * den[at])
        _fill(contracts, part, rate, [column[:, part] for column in columns])
    return Schedules(contracts.value_date, _due_dates(contracts), *columns)


def _monthly(contracts: Contracts) -> tuple[Fens, Fens]:
    """Give the monthly rates as quotients, once it is sure that no product leaves 64 bits."""
    parts = [rate.annual.as_integer_ratio() for rate in contracts.rates]
    nums, dens = [num for num, _ in parts], [12 * den for _, den in parts]
    if max((*nums, *dens), default=0) > _INT64_MAX // 2:
        raise NotSchedulable("a rate has more digits than 64 bits hold")
    num, den = np.array(nums, dtype=np.int64), np.array(dens, dtype=np.int64)
    # Interest is (2 * balance * num + den) // (2 * den), and no balance exceeds the principal.
    room = [
        (_INT64_MAX - below) // max(1, 2 * above) for above, below in zip(nums, dens, strict=True)
    ]
    if (contracts.principal > np.array(room, dtype=np.int64)[contracts.rate_at]).any():
        raise NotSchedulable("a principal times its rate is beyond 64 bits")
    return num, den


def _fill(contracts: Contracts, part: slice, rate: _Quotients, columns: Sequence[Fens]) -> None:
    """Fill the rows of a stretch of contracts: the recurrence over balances."""
    principals, interests, balances = columns
    lines = contracts.instalments
    is_level = contracts.method is Method.ANNUITY
    balance: Fens = contracts.principal[part]
    level = (
        _level_instalments(balance, rate, lines)
        if is_level
        else (2 * balance + lines) // (2 * lines)
    )
    for line in range(lines):
        interest = interests[line]
        np.multiply(balance, rate.twice_num, out=interest)
        interest += rate.den
        # Nothing is negative here, and without a sign the division is the quicker one.
        np.floor_divide(
            interest.view(np.uint64), rate.twice_den.view(np.uint64), out=interest.view(np.uint64)
        )
        principal = principals[line]
        if line == lines - 1:
            principal[:] = balance
        else:
            if is_level:
                np.subtract(level, interest, out=principal)
                np.maximum(principal, 0, out=principal)
            else:
                principal[:] = level
            np.minimum(principal, balance, out=principal)
        balance = np.subtract(balance, principal, out=balances[line])


def _level_instalments(principal: Fens, rate: _Quotients, lines: int) -> Fens:
    """Give each level instalment, half-up: principal x growth / sum of the growths of payments.

    Every operation is off by at most one part in 2^53 of its result, and all terms are positive,
    so nothing cancels. The monthly step is off by four parts (two conversions, a division, a sum),
    after n instalments growth by 5n and the sum by 6n, the quotient by 11n + 2.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # what is no number is unsure below
        step = 1.0 + rate.num / rate.den
        growth = np.ones(len(principal))
        payments = np.zeros(len(principal))
        for _ in range(lines):
            payments *= step
            payments += 1.0
            growth *= step
        near = principal * growth / payments + 0.5
        error = (near + 1.0) * ((12 * lines + 8) * _ULP)
        is_unsure = ~(np.abs(near - np.rint(near)) > error)
    made = np.where(is_unsure, 0.0, near).astype(np.int64)
    for place in np.flatnonzero(is_unsure):
        monthly = Fraction(int(rate.num[place]), int(rate.den[place]))
        grown = int(principal[place]) * (1 + monthly)
        made[place] = half_up(level_payment(grown, [monthly] * (lines - 1)))
    return made


def _due_dates(contracts: Contracts) -> Days:
    """List the due dates, the day of the value date kept through short months.

    Many loans begin on one day, so that dates are made once for each day.
    """
    days, places = np.unique(contracts.value_date, return_inverse=True)
    months = days.astype("datetime64[M]")
    anchor = days - months.astype("datetime64[D]")
    dues = np.empty((contracts.instalments, len(days)), dtype="datetime64[D]")
    for line in range(contracts.instalments):
        first = (months + (line + 1)).astype("datetime64[D]")
        last = (months + (line + 2)).astype("datetime64[D]") - _DAY
        dues[line] = np.minimum(first + anchor, last)
    return dues[:, places]
