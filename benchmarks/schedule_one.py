"""One schedule of twelve instalments, and a bare integer recurrence that gives the same rows."""

from __future__ import annotations

import time
from calendar import isleap
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from random import Random
from typing import Final, NamedTuple

from benchmarks import yardsticks
from benchmarks.bench import Bench, take_turns
from benchmarks.table import Row, at_most
from disbursement import schedule
from kernel.money import Money
from kernel.rates import Rate

MONTHS: Final = 12
LOANS: Final = 500
STRETCH_SECONDS: Final = 0.2
ROUNDS_A_ROUND: Final = 3
"""This one is quick, so it takes more rounds than those against a database."""
BAR: Final = at_most(3.0)
SEED: Final = 20_261_120

_LENGTHS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Loan(NamedTuple):
    """The terms of one loan, as the schedule and as the bare recurrence want them."""

    principal: Money
    rate: Rate
    value_date: date
    rate_num: int
    rate_den: int
    """rate_num / rate_den is the rate a month."""


def measure(bench: Bench) -> list[Row]:
    """Give the time of one schedule over that of the bare recurrence."""
    bench.say("schedule_one: 12 instalments")
    loans = draw(LOANS, Random(SEED))
    for loan in loans:
        if [tuple(row) for row in ours(loan)] != bare(loan):
            raise RuntimeError(f"the rows of {loan} differ")
    yardstick = yardsticks.take()
    pairs = take_turns(
        lambda: _seconds_each(ours, loans),
        lambda: _seconds_each(bare, loans),
        rounds=bench.rounds * ROUNDS_A_ROUND,
    )
    best = [min(side) * 1e6 for side in zip(*pairs, strict=True)]
    return [
        Row(
            benchmark="schedule_one",
            case=f"{MONTHS} instalments",
            ratios=tuple(mine / other for mine, other in pairs),
            bar=BAR,
            yardstick=yardstick,
            notes=f"ours {best[0]:.1f} us, bare {best[1]:.1f} us at best",
        )
    ]


def draw(count: int, random: Random) -> list[Loan]:
    """Draw loans of every day of the month."""
    loans = []
    for _ in range(count):
        rate = Rate.percent(f"{random.randrange(300, 2400) / 100:.2f}")
        num, den = rate.annual.as_integer_ratio()
        loans.append(
            Loan(
                principal=Money(random.randrange(50_000, 20_000_000, 100)),
                rate=rate,
                value_date=date(2026, 1, 1) + timedelta(days=random.randrange(1_000)),
                rate_num=num,
                rate_den=den * 12,
            )
        )
    return loans


def ours(loan: Loan) -> Sequence[tuple[object, ...]]:
    return schedule.annuity(
        loan.principal, annual_rate=loan.rate, months=MONTHS, value_date=loan.value_date
    ).rows


def bare(loan: Loan) -> list[tuple[object, ...]]:
    """Compute the rows with nothing around: integers, dates and plain tuples."""
    balance, num, den = loan.principal.fen, loan.rate_num, loan.rate_den
    grown, base = (den + num) ** MONTHS, den**MONTHS
    bottom = den * (grown - base)
    level = (2 * balance * num * grown + bottom) // (2 * bottom)
    earlier, day = loan.value_date, loan.value_date.day
    year, month = earlier.year, earlier.month
    rows: list[tuple[object, ...]] = []
    for number in range(1, MONTHS + 1):
        month += 1
        if month > 12:
            year, month = year + 1, 1
        due_on = date(year, month, day if day <= 28 else min(day, _last(year, month)))
        interest = (2 * balance * num + den) // (2 * den)
        principal = balance if number == MONTHS else level - interest
        balance -= principal
        days = (due_on - earlier).days
        rows.append((number, due_on, days, principal, interest, 0, 0, balance, 0, 0))
        earlier = due_on
    return rows


def _last(year: int, month: int) -> int:
    return 29 if month == 2 and isleap(year) else _LENGTHS[month - 1]


def _seconds_each(make: Callable[[Loan], object], loans: Sequence[Loan]) -> float:
    done = 0
    begun = time.perf_counter()
    while (spent := time.perf_counter() - begun) < STRETCH_SECONDS:
        for loan in loans:
            make(loan)
        done += len(loans)
    return spent / done
