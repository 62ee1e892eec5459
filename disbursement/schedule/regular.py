"""The lean path: a level monthly instalment in integers, exact to the fen.

With a monthly rate of num/den the level payment is
P * num * (den + num)^n / (den * ((den + num)^n - den^n)), a fraction of integers, so it is rounded
once, from its exact value.
"""

from __future__ import annotations

from disbursement.schedule.calendar import is_whole, monthly_dates
from disbursement.schedule.contract import Contract, DayCount, FirstPeriod, Method
from disbursement.schedule.rows import Row


def covers(contract: Contract) -> bool:
    """Tell whether a contract is plain enough for this path; anything else is replayed."""
    return (
        contract.method is Method.ANNUITY
        and contract.day_count is DayCount.THIRTY_360
        and contract.every == 1
        and contract.grace.principal == 0
        and contract.workdays is None
    )


def rows(contract: Contract) -> tuple[Row, ...]:
    """List the instalments of an annuity; the last takes what rounding left."""
    balance, count = contract.principal.fen, contract.instalments
    num, den = contract.annual_rate.annual.as_integer_ratio()
    den *= 12
    first_num, first_den = _first_factor(contract, num, den)
    level = _level(balance, num=num, den=den, first=(first_num, first_den), count=count)
    made = []
    earlier = contract.value_date
    dues = monthly_dates(contract.first_due, count, anchor_day=contract.anchor_day)
    for number, due_on in enumerate(dues, 1):
        if number == 1:
            interest = _half_up(balance * first_num, first_den)
        else:
            interest = (2 * balance * num + den) // (2 * den)
        principal = balance if number == count else min(balance, max(0, level - interest))
        balance -= principal
        days = (due_on - earlier).days
        made.append(Row(number, due_on, days, principal, interest, 0, 0, balance))
        earlier = due_on
    return tuple(made)


def _first_factor(contract: Contract, num: int, den: int) -> tuple[int, int]:
    whole = is_whole(
        contract.value_date, contract.first_due, months=1, anchor_day=contract.anchor_day
    )
    if whole or contract.first_period is FirstPeriod.WHOLE:
        return num, den
    days = (contract.first_due - contract.value_date).days
    return num * 12 * days, den * int(contract.day_basis)


def _level(balance: int, *, num: int, den: int, first: tuple[int, int], count: int) -> int:
    """Give the instalment that every due date shares, rounded half-up.

    The first period grows the balance by its own factor; from the first due date on it is an
    ordinary annuity paid at the beginning of each period.
    """
    first_num, first_den = first
    if num == 0:
        return _half_up(balance, count)
    grown, base = (den + num) ** (count - 1), den ** (count - 1)
    # sum of discounts = 1 + (1 - (1+i)^-(n-1)) / i = (grown*(num+den) - base*den) / (grown*num)
    top = balance * (first_den + first_num) * grown * num
    bottom = first_den * (grown * (num + den) - base * den)
    return _half_up(top, bottom)


def _half_up(top: int, bottom: int) -> int:
    return (2 * top + bottom) // (2 * bottom)
