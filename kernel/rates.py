"""Rates, annualised cost of cash flows, and the scalar formulas of time value.

Everything here is Decimal under one fixed context, so the same input gives the same digits on
every machine; no float takes part. The solver is Newton's method held inside a bracket.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import (
    MAX_EMAX,
    MIN_EMIN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    Context,
    Decimal,
    localcontext,
)
from enum import IntEnum
from itertools import pairwise
from typing import Final

from kernel.money import Money

CONTEXT: Final = Context(prec=50, rounding=ROUND_HALF_EVEN, Emax=MAX_EMAX, Emin=MIN_EMIN)
"""Enough digits for 360 periods; explicit, so that no caller's context changes a result."""

PLACES: Final = Decimal("0.000001")
"""Stored annual figures keep six places: 0.128038 is 12.8038 %."""

FLOWS_MAX: Final = 4_000
"""Daily flows for ten years; more is a mistake of the caller."""

ANNUAL_MAX: Final = Decimal(1_000_000_000)
"""As a fraction, not in percent."""

_PERCENT_PATTERN: Final = re.compile(r"-?[0-9]{1,7}(?:\.[0-9]{1,12})?")
_PERIOD_RATE_MAX: Final = Decimal(1_000_000)
_NEWTON_STEPS_MAX: Final = 200
_CLOSE: Final = Decimal("1e-32")


class NotARate(ValueError):
    """The text is not a percentage written as plain digits."""


class NoRate(ValueError):
    """No rate makes these cash flows worth nothing today."""


class DayBasis(IntEnum):
    """How many days a year counts when an annual rate is turned into a daily one."""

    D360 = 360
    """The convention of the central bank's rates: day rate = annual / 360."""
    D365 = 365


@dataclass(frozen=True, slots=True, order=True)
class Rate:
    """A nominal annual rate, held as a Decimal fraction: 12 % is ``Decimal("0.12")``.

    >>> Rate.percent("12.00").monthly
    Decimal('0.01')
    """

    annual: Decimal

    def __post_init__(self) -> None:
        if not isinstance(self.annual, Decimal):
            raise TypeError(f"a rate is a Decimal, not {type(self.annual).__name__}")
        if not self.annual.is_finite():
            raise NotARate("a rate is a finite number")

    @classmethod
    def percent(cls, text: str) -> Rate:
        """Read an annual rate in percent, such as ``"12.00"``.

        Raises:
            NotARate: the text is not plain digits with at most twelve decimals.
        """
        if not _PERCENT_PATTERN.fullmatch(text):
            raise NotARate(f"not a rate in percent: {text!r}")
        return cls(Decimal(text).scaleb(-2, CONTEXT))

    @classmethod
    def per_day(cls, text: str) -> Rate:
        """Read a daily rate in percent (日利率), annual being 365 days of it."""
        return cls(CONTEXT.multiply(cls.percent(text).annual, Decimal(365)))

    @property
    def monthly(self) -> Decimal:
        """A twelfth of the annual rate."""
        return CONTEXT.divide(self.annual, Decimal(12))

    def daily(self, basis: DayBasis) -> Decimal:
        """Give the rate of one day on the given basis."""
        return CONTEXT.divide(self.annual, Decimal(int(basis)))

    def __str__(self) -> str:
        percent = CONTEXT.multiply(self.annual, Decimal(100))
        if percent == percent.quantize(Decimal("0.01"), context=CONTEXT):
            return f"{percent:.2f}"
        return f"{percent.normalize(CONTEXT):f}"


def nominal_apr(flows: Sequence[Money]) -> Decimal:
    """Give the simple annual rate of monthly flows: twelve times the monthly rate of return.

    The flows stand at months 0, 1, 2 and so on, with opposite signs for what the debtor receives
    and what he pays. Source: PBoC announcement 2021 no. 3, simple method.

    Raises:
        NoRate: the flows never change sign, or no rate balances them.
    """
    monthly = periodic_irr(flows)
    return rounded(CONTEXT.multiply(monthly, Decimal(12)))


def annual_irr(flows: Sequence[Money]) -> Decimal:
    """Give the effective (compound) annual rate of monthly flows: (1 + monthly)^12 - 1.

    Source: PBoC announcement 2021 no. 3, compound method.

    Raises:
        NoRate: the flows never change sign, or no rate balances them.
    """
    with localcontext(CONTEXT):
        return rounded((1 + periodic_irr(flows)) ** 12 - 1)


def annual_irr_dated(flows: Sequence[tuple[date, Money]]) -> Decimal:
    """Give the effective annual rate of dated flows, each discounted by (1 + r)^(-days/365).

    Raises:
        NoRate: the flows never change sign, or no rate balances them.
    """
    return rounded(exact_irr_dated(flows))


def exact_irr_dated(flows: Sequence[tuple[date, Money]]) -> Decimal:
    """Give the same rate as `annual_irr_dated` before it is rounded to six places."""
    ordered = sorted(flows, key=lambda flow: flow[0])
    amounts = [Decimal(money.fen) for _, money in ordered]
    steps = [0, *((later[0] - earlier[0]).days for earlier, later in pairwise(ordered))]
    with localcontext(CONTEXT):
        return (1 + _root_of_flows(amounts, steps)) ** 365 - 1


def periodic_irr(flows: Sequence[Money]) -> Decimal:
    """Give the rate per period that makes equally spaced flows worth nothing today.

    Raises:
        NoRate: the flows never change sign, or no rate balances them.
    """
    return irr([Decimal(money.fen) for money in flows])


def irr(values: Sequence[Decimal]) -> Decimal:
    """Give the rate per period that makes equally spaced values worth nothing today.

    Raises:
        NoRate: the values never change sign, or no rate balances them.
    """
    return _root_of_flows(values, [0, *([1] * (len(values) - 1))])


def rounded(rate: Decimal) -> Decimal:
    """Round an annual figure half-up to the six places that are stored.

    Raises:
        NoRate: the figure is beyond anything that could be told to a debtor.
    """
    if abs(rate) > ANNUAL_MAX:
        raise NoRate("the annual rate is beyond any that can be stated")
    return rate.quantize(PLACES, rounding=ROUND_HALF_UP, context=CONTEXT)


def _root_of_flows(amounts: Sequence[Decimal], steps: Sequence[int]) -> Decimal:
    """Solve for the rate per step; `steps[k]` is the distance from flow k-1 to flow k."""
    if not 2 <= len(amounts) <= FLOWS_MAX:
        raise NoRate(f"a rate needs between 2 and {FLOWS_MAX} cash flows")
    if not (min(amounts) < 0 < max(amounts)):
        raise NoRate("the cash flows never change sign")

    def value(rate: Decimal) -> tuple[Decimal, Decimal]:
        discount = 1 / (1 + rate)
        worth, slope = Decimal(0), Decimal(0)
        # Horner from the last flow back: worth and its derivative by the discount factor.
        for amount, step in zip(reversed(amounts), reversed(steps), strict=True):
            worth += amount
            if step:
                power = discount**step
                slope = (slope + worth * step / discount) * power
                worth *= power
        return worth, -slope * discount * discount

    return root(value)


def root(value: Callable[[Decimal], tuple[Decimal, Decimal]]) -> Decimal:
    """Find the rate above -100 % nearest zero where a function of the rate is zero.

    `value` gives the function and its derivative. Newton's step is taken while it stays inside
    the bracket, otherwise the bracket is halved, so the answer does not depend on a lucky guess.

    Raises:
        NoRate: the function keeps its sign from -100 % to the largest rate looked at.
    """
    with localcontext(CONTEXT):
        low, high = _bracket(value)
        sign = value(low)[0] > 0
        guess = (low + high) / 2
        for _ in range(_NEWTON_STEPS_MAX):
            worth, slope = value(guess)
            if worth == 0:
                return guess
            if (worth > 0) == sign:
                low = guess
            else:
                high = guess
            step = worth / slope if slope else high - low
            following = guess - step
            if not low < following < high:
                following = (low + high) / 2
            if abs(following - guess) < _CLOSE:
                return following
            guess = following
        raise NoRate("the search for a rate did not settle")


def _bracket(value: Callable[[Decimal], tuple[Decimal, Decimal]]) -> tuple[Decimal, Decimal]:
    """Widen upwards, then downwards from zero, until the function changes sign."""
    at_zero = value(Decimal(0))[0]
    low, high = Decimal(0), Decimal("0.0001")
    while high <= _PERIOD_RATE_MAX:
        if (value(high)[0] > 0) != (at_zero > 0):
            return low, high
        low, high = high, high * 4
    high, gap = Decimal(0), Decimal("0.9999")
    while gap > Decimal("1e-6"):
        low = gap - 1
        if (value(low)[0] > 0) != (at_zero > 0):
            return low, high
        high, gap = low, gap * gap
    raise NoRate("no rate balances these cash flows")


def annuity_payment(
    present: Decimal, *, rate: Decimal, periods: int, future: Decimal = Decimal(0), due: int = 0
) -> Decimal:
    """Give the level payment that takes `present` to `-future` in `periods`; unrounded.

    Signs follow the convention of spreadsheets: what is received is positive, what is paid is
    negative. `due` is 1 when payments fall at the beginning of each period, otherwise 0.
    """
    with localcontext(CONTEXT):
        if rate == 0:
            return -(present + future) / periods
        growth = (1 + rate) ** periods
        return -(future + present * growth) * rate / ((1 + rate * due) * (growth - 1))


def future_value(
    present: Decimal, *, rate: Decimal, periods: int, payment: Decimal, due: int = 0
) -> Decimal:
    """Give what `present` and a level payment grow to, by the same convention of signs."""
    with localcontext(CONTEXT):
        if rate == 0:
            return -(present + payment * periods)
        growth = (1 + rate) ** periods
        return -(present * growth + payment * (1 + rate * due) * (growth - 1) / rate)


def present_value(
    future: Decimal, *, rate: Decimal, periods: int, payment: Decimal, due: int = 0
) -> Decimal:
    """Give what `future` and a level payment are worth today, by the same convention of signs."""
    with localcontext(CONTEXT):
        if rate == 0:
            return -(future + payment * periods)
        growth = (1 + rate) ** periods
        return -(future + payment * (1 + rate * due) * (growth - 1) / rate) / growth


def interest_part(
    present: Decimal, *, rate: Decimal, periods: int, number: int, due: int = 0
) -> Decimal:
    """Give the interest inside payment `number` (1-based) of a level-payment loan.

    With payments at the beginning the first carries no interest, and each later one carries the
    interest of the period before it, discounted to its own date.
    """
    if due and number == 1:
        return Decimal(0)
    payment = annuity_payment(present, rate=rate, periods=periods, due=due)
    with localcontext(CONTEXT):
        owed = future_value(present, rate=rate, periods=number - 1, payment=payment, due=due)
        return owed * rate / (1 + rate if due else 1)


def principal_part(
    present: Decimal, *, rate: Decimal, periods: int, number: int, due: int = 0
) -> Decimal:
    """Give the principal inside payment `number` (1-based) of a level-payment loan."""
    payment = annuity_payment(present, rate=rate, periods=periods, due=due)
    interest = interest_part(present, rate=rate, periods=periods, number=number, due=due)
    return CONTEXT.subtract(payment, interest)


def period_count(
    present: Decimal, *, rate: Decimal, payment: Decimal, future: Decimal = Decimal(0), due: int = 0
) -> Decimal:
    """Give how many periods a level payment needs, as a real number.

    Raises:
        NoRate: the payment never reaches the target.
    """
    with localcontext(CONTEXT):
        if rate == 0:
            if payment == 0:
                raise NoRate("no payment and no interest never reach a target")
            return -(present + future) / payment
        level = payment * (1 + rate * due) / rate
        if level + present == 0 or (level - future) / (level + present) <= 0:
            raise NoRate("the payment never reaches the target")
        return ((level - future) / (level + present)).ln() / (1 + rate).ln()


def net_present_value(values: Sequence[Decimal], *, rate: Decimal) -> Decimal:
    """Give the worth today of equally spaced values, the first one today."""
    with localcontext(CONTEXT):
        return sum((v / (1 + rate) ** k for k, v in enumerate(values)), Decimal(0))


def period_rate(
    present: Decimal, *, periods: int, payment: Decimal, future: Decimal, due: int = 0
) -> Decimal:
    """Give the rate per period that links present, level payment and future value.

    Raises:
        NoRate: no rate above -100 % does, or there are too many periods.
    """
    if not 0 <= periods <= FLOWS_MAX:
        raise NoRate(f"between 0 and {FLOWS_MAX} periods are looked at")

    def value(rate: Decimal) -> tuple[Decimal, Decimal]:
        # Polynomial in the growth factor, so that rate zero needs no special case.
        growth, worth, slope = 1 + rate, present, Decimal(0)
        for _ in range(periods):
            slope = slope * growth + worth + payment * due
            worth = (worth + payment * due) * growth + payment * (1 - due)
        return worth + future, slope

    return root(value)
