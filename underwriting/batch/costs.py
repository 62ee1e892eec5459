"""What ways of paying a debt cost, in columns: `better_off` and the level schedule for many."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

import numpy as np

from disbursement.schedule import vectorised
from disbursement.schedule.vectorised import Contracts
from kernel.rates import Rate
from underwriting.batch.exact import Flags, Whole, fits, half_up
from underwriting.better_off import DAYS_A_YEAR, MONTHS_A_YEAR
from underwriting.policy_rules import StayingRules

_ANY_DAY: Final = np.datetime64("2026-01-01", "D")
"""Amounts of a monthly schedule do not depend on the day it begins."""


class Costs(NamedTuple):
    """Of each way: a month, in total, and how many months."""

    monthly: Whole
    total: Whole
    months: Whole


class Loans(NamedTuple):
    """Of each loan what a comparison and an offer say."""

    instalment: Whole
    """The first one."""
    monthly: Whole
    """The dearest one."""
    total: Whole


class Borne(NamedTuple):
    """Cards that bear interest at their issuers' rates; a place a card."""

    amount: Whole
    minimum_due: Whole
    daily_rates: Sequence[Decimal]
    rate_at: Whole
    """Which of the rates."""


def can_stay(borne: Borne, months: int) -> Flags:
    """Tell which cards can be followed in 64 bits, however little is paid on them."""
    rates = borne.daily_rates
    growth = np.array([1.0 + float(rate) * DAYS_A_YEAR / MONTHS_A_YEAR for rate in rates])
    with np.errstate(over="ignore"):
        most = borne.amount * growth[borne.rate_at] ** months
    nums, dens = _monthly(rates)
    fine = np.array([num < 2**31 and den < 2**31 for num, den in zip(nums, dens, strict=True)])
    num = np.array([float(num) for num in nums])[borne.rate_at]
    small: Flags = fits(most, borne.minimum_due, 4.0) & fits(most, num, 4.0)
    return fine[borne.rate_at] & small


def staying(borne: Borne, rules: StayingRules) -> Costs:
    """Follow cards on which only the minimum is paid; `better_off.staying` for many at once.

    Every card must be one that `can_stay`, and more than nothing is owed on it.
    """
    amount, minimum_due, _, rate_at = borne
    floor = rules.minimum_payment_floor.fen
    paid, months, left = np.zeros_like(amount), np.zeros_like(amount), amount.copy()
    owing = np.arange(len(amount))
    nums, dens = _monthly(borne.daily_rates)
    # A rate beyond bounds is on no card that can stay, so what stands for it is never read.
    num = np.array([min(num, 2**31) for num in nums], dtype=np.int64)[rate_at]
    den = np.array([min(den, 2**31) for den in dens], dtype=np.int64)[rate_at]
    balance, least, whole = amount.copy(), minimum_due, amount
    for _ in range(rules.months_max):
        owed = balance + half_up(balance * num, den)
        payment = np.minimum(owed, np.maximum(half_up(owed * least, whole), floor))
        balance = owed - payment
        paid[owing] += payment
        months[owing] += 1
        left[owing] = balance
        goes_on = balance > 0
        if not goes_on.all():
            owing, balance = owing[goes_on], balance[goes_on]
            num, den = num[goes_on], den[goes_on]
            least, whole = least[goes_on], whole[goes_on]
    return Costs(np.minimum(amount, np.maximum(minimum_due, floor)), paid + left, months)


def taking_offers(amount: Whole, monthly: Whole, cost: Whole, months: Whole) -> Costs:
    """Cost the issuers' own plans; `better_off.taking_offer` for many at once."""
    return Costs(monthly, np.minimum(monthly * months, amount + cost), months)


def loans(principal: Whole, rates: Sequence[Rate], rate_at: Whole, months: int) -> Loans:
    """Cost level loans by their schedules.

    Raises:
        NotSchedulable: a principal and its rate are beyond 64 bits.
    """
    made = vectorised.build(
        Contracts(
            principal=principal,
            rates=rates,
            rate_at=rate_at,
            value_date=np.full(len(principal), _ANY_DAY),
            instalments=months,
        )
    )
    due = made.principal + made.interest
    return Loans(due[0], due.max(axis=0), due.sum(axis=0))


def _monthly(daily_rate: Sequence[Decimal]) -> tuple[list[int], list[int]]:
    """Give the interest of a month as a quotient: a twelfth of 365 days."""
    parts = [rate.as_integer_ratio() for rate in daily_rate]
    return [num * DAYS_A_YEAR for num, _ in parts], [den * MONTHS_A_YEAR for _, den in parts]
