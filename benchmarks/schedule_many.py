"""A million schedules at once, and the bare recurrence over the same columns of integers."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks import yardsticks
from benchmarks.bench import Bench, take_turns
from benchmarks.table import Row, at_most
from disbursement import schedule
from disbursement.schedule import vectorised
from disbursement.schedule.contract import Method
from disbursement.schedule.vectorised import Contracts, Schedules
from kernel.money import Money
from kernel.rates import Rate

MONTHS: Final = 12
BAR: Final = at_most(3.0)
SEED: Final = 20_261_120
ALONE: Final = 200
"""So many are made one by one as well, and compared row by row."""

Columns = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
"""Principal, interest and balance, a line for each instalment."""


class Stock(NamedTuple):
    """The same loans as the product and as the bare recurrence want them."""

    contracts: Contracts
    num: NDArray[np.int64]
    den: NDArray[np.int64]


def measure(bench: Bench) -> list[Row]:
    """Give the time of all schedules over that of the bare recurrence, for each method."""
    return [_row(bench, method) for method in (Method.ANNUITY, Method.EQUAL_PRINCIPAL)]


def _row(bench: Bench, method: Method) -> Row:
    bench.say(f"schedule_many: {bench.loans:,} by {method.value}")
    stock = draw(bench.loans, method)
    check(stock)
    yardstick = yardsticks.take()
    pairs = take_turns(
        lambda: _seconds(lambda: vectorised.build(stock.contracts)),
        lambda: _seconds(lambda: bare(stock)),
        rounds=bench.rounds,
    )
    best = [min(side) for side in zip(*pairs, strict=True)]
    return Row(
        benchmark="schedule_many",
        case=f"{bench.loans:,} x {MONTHS}, {method.value}",
        ratios=tuple(mine / other for mine, other in pairs),
        bar=BAR,
        yardstick=yardstick,
        notes=f"ours {best[0]:.2f} s with dates, bare {best[1]:.2f} s without, at best; "
        f"{bench.loans / best[0] / 1e6:.1f} M schedules/s",
    )


def draw(count: int, method: Method) -> Stock:
    """Draw loans of 2,100 rates and a thousand days."""
    random = np.random.default_rng(SEED)
    rates = [Rate(Decimal(basis_points) / 10_000) for basis_points in range(300, 2_400)]
    contracts = Contracts(
        principal=random.integers(50_000, 20_000_000, count),
        rates=rates,
        rate_at=random.integers(0, len(rates), count),
        value_date=np.datetime64("2026-01-01") + random.integers(0, 1_000, count),
        instalments=MONTHS,
        method=method,
    )
    ratios = [rate.annual.as_integer_ratio() for rate in rates]
    num = np.array([top for top, _ in ratios], dtype=np.int64)[contracts.rate_at]
    den = np.array([12 * bottom for _, bottom in ratios], dtype=np.int64)[contracts.rate_at]
    return Stock(contracts, num, den)


def check(stock: Stock) -> None:
    """Prove that both sides make the same rows, and some of them one by one the same again."""
    ours = vectorised.build(stock.contracts)
    for mine, other in zip((ours.principal, ours.interest, ours.balance), bare(stock), strict=True):
        if not np.array_equal(mine, other):
            raise RuntimeError("the rows differ from the bare recurrence")
    if stock.contracts.method is Method.ANNUITY:
        _check_alone(stock.contracts, ours)


def _check_alone(contracts: Contracts, ours: Schedules) -> None:
    for place in range(min(ALONE, len(contracts.principal))):
        alone = schedule.annuity(
            Money(int(contracts.principal[place])),
            annual_rate=contracts.rates[contracts.rate_at[place]],
            months=MONTHS,
            value_date=contracts.value_date[place].item(),
        )
        if ours.rows(place) != alone.rows:
            raise RuntimeError(f"schedule {place} differs from the one made alone")


def bare(stock: Stock) -> Columns:
    """Compute the amounts with nothing around: whole columns, no dates, no checks."""
    num, den = stock.num, stock.den
    balance = stock.contracts.principal
    made = [np.empty((MONTHS, len(balance)), dtype=np.int64) for _ in range(3)]
    is_level = stock.contracts.method is Method.ANNUITY
    if is_level:
        monthly = num / den
        level = np.floor(balance * monthly / (1 - (1 + monthly) ** -MONTHS) + 0.5).astype(np.int64)
    else:
        level = (2 * balance + MONTHS) // (2 * MONTHS)
    for line in range(MONTHS):
        interest = (2 * balance * num + den) // (2 * den)
        principal = level - interest if is_level else level
        if line == MONTHS - 1:
            principal = balance
        balance = balance - principal
        made[0][line], made[1][line], made[2][line] = principal, interest, balance
    return made[0], made[1], made[2]


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
