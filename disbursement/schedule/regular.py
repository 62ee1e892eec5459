"""The lean path: a level monthly instalment in integers, exact to the fen.

With a monthly rate of num/den the level payment is
P * num * (den + num)^n / (den * ((den + num)^n - den^n)), a fraction of integers, so it is rounded
once, from its exact value.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from disbursement.schedule.calendar import is_whole, month_length
from disbursement.schedule.contract import Contract, DayCount, FirstPeriod, Method
from disbursement.schedule.rows import Row
from kernel.rates import DayBasis, Rate


class Plain(NamedTuple):
    """All that a level monthly schedule depends on."""

    principal: int
    """In fen."""
    num: int
    den: int
    """The monthly rate is num / den."""
    stub: tuple[int, int] | None
    """The factor of the first period, where that is no whole month."""
    value_date: date
    first_due: date
    anchor_day: int
    instalments: int


def covers(contract: Contract) -> bool:
    """Tell whether a contract is plain enough for this path; anything else is replayed."""
    return (
        contract.method is Method.ANNUITY
        and contract.day_count is DayCount.THIRTY_360
        and contract.every == 1
        and contract.grace.principal == 0
        and contract.workdays is None
    )


def plain(contract: Contract) -> Plain:
    """Read a contract that this path covers."""
    num, den = contract.annual_rate.annual.as_integer_ratio()
    start, first_due, day = contract.value_date, contract.first_due, contract.anchor_day
    stub = None
    if contract.first_period is FirstPeriod.DAYS and not is_whole(
        start, first_due, months=1, anchor_day=day
    ):
        stub = factor_of_days(contract.annual_rate, start, first_due, contract.day_basis)
    return Plain(
        contract.principal.fen, num, den * 12, stub, start, first_due, day, contract.instalments
    )


def factor_of_days(rate: Rate, start: date, end: date, basis: DayBasis) -> tuple[int, int]:
    """Give the rate factor of single days as a quotient of integers."""
    num, den = rate.annual.as_integer_ratio()
    return num * (end - start).days, den * int(basis)


def rows(terms: Plain) -> tuple[Row, ...]:
    """List the instalments of an annuity; the last takes what rounding left."""
    balance, num, den, stub, earlier, due_on, anchor_day, count = terms
    level = _level(terms)
    year, month = due_on.year, due_on.month
    twice_num, twice_den = 2 * num, 2 * den
    new = tuple.__new__  # past the named tuple's constructor, which costs as much as the arithmetic
    made = []
    for number in range(1, count + 1):
        if number > 1:
            month += 1
            if month > 12:
                year, month = year + 1, 1
            if anchor_day <= 28:
                due_on = date(year, month, anchor_day)
            else:
                due_on = date(year, month, min(anchor_day, month_length(year, month)))
            interest = (balance * twice_num + den) // twice_den
        elif stub is None:
            interest = (balance * twice_num + den) // twice_den
        else:
            interest = (2 * balance * stub[0] + stub[1]) // (2 * stub[1])
        principal = level - interest
        if number == count or principal > balance:
            principal = balance
        elif principal < 0:
            principal = 0
        balance -= principal
        days = (due_on - earlier).days
        made.append(new(Row, (number, due_on, days, principal, interest, 0, 0, balance, 0, 0)))
        earlier = due_on
    return tuple(made)


def _level(terms: Plain) -> int:
    """Give the instalment that every due date shares, rounded half-up.

    A first period that is no whole month grows the balance by its own factor; from the first due
    date on it is an ordinary annuity paid at the beginning of each period, of which the sum of
    discounts is (grown * (num + den) - base * den) / (grown * num).
    """
    balance, num, den, stub, *_, count = terms
    if num == 0:
        return (2 * balance + count) // (2 * count)
    if stub is None:
        grown, base = _powers(num, den, count)
        bottom = den * (grown - base)
        return (2 * balance * num * grown + bottom) // (2 * bottom)
    grown, base = _powers(num, den, count - 1)
    top = balance * (stub[1] + stub[0]) * grown * num
    bottom = stub[1] * (grown * (num + den) - base * den)
    return (2 * top + bottom) // (2 * bottom)


def _powers(num: int, den: int, count: int) -> tuple[int, int]:
    return int((den + num) ** count), int(den**count)
