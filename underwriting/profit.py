"""What a loan is expected to earn, and the instalment at which that is most. Pure, in integers.

Shares are whole millionths, amounts whole fen, so the same case gives the same figures on every
machine. The formula is that of limit optimisation for loans whose risk rises with the burden
(So and Thomas 2011, with the reload of the cleared cards' lines):

    profit(L) = L · margin - PD(L) · L · loss - cost
    margin = (r - c)/12 · Σ b(t)                        what is earned while everybody pays
    loss   = LGD · (mean b + reload · lines/debts)      what a default costs
             + (r - c)/12 · Σ b(t) · t/n                and what it earns no more
    PD     = the calibrated one · min(1, n/horizon)     a short loan has less time to default
    PD(L)  = PD · (1 + gain · max(0, burden(L) - free)) and never less than that
    burden(L) = (instalment(L) + debts elsewhere) / income

b(t) is the part of the principal still owed at the beginning of month t + 1 of n; a default is as
likely in each month. The instalment is L times a constant, so profit is a concave parabola of it,
with a straight line where the burden is free, and its top is found without a search:

    best instalment = max(free · income - elsewhere,
                          ((headroom - 1 + gain · free) · income - gain · elsewhere) / (2 · gain))
    headroom = margin / (PD · loss)                     above 1, or nothing is worth lending
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final

from kernel.money import Money
from kernel.rates import Rate
from underwriting.policy_rules import ProfitRules

MILLION: Final = 1_000_000
HEADROOM_MAX: Final = 100 * MILLION
"""In millionths: whatever is above a hundred times the expected loss counts as that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What is expected of a loan to one debtor, whatever its amount."""

    pd: Decimal
    """The calibrated point estimate, in whole millionths."""
    income: Money
    """A month, as it counts."""
    elsewhere: Money
    """Payments a month on debts that the loan does not replace."""
    lines: Money
    """The credit lines of the cards that could be cleared."""
    debts: Money
    """What clearing them may cost at most."""
    rules: ProfitRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What is expected of one loan."""

    pd: Decimal
    """Of its term and with the burden of its instalment."""
    profit: Money
    """Costs of operation taken off; below zero it is a loss."""


def best_instalment(prospect: Prospect, *, annual_rate: Rate, months: int) -> Money | None:
    """Give the instalment at which the expected profit is largest; None where it only grows.

    Zero where no amount is worth lending.
    """
    found = best_fen(
        prospect,
        headroom(prospect, annual_rate=annual_rate, months=months),
        income=prospect.income.fen,
    )
    return None if found is None else Money(found)


def best_fen(prospect: Prospect, headroom_: int, *, income: int) -> int | None:
    """Give the same for another income and a known headroom, in fen."""
    if headroom_ <= MILLION:
        return 0
    gain, free = _millionths(prospect.rules.burden_gain), _millionths(prospect.rules.burden_free)
    if gain == 0:
        return None
    elsewhere = prospect.elsewhere.fen
    at_free = income * free // MILLION - elsewhere
    beyond = ((headroom_ - MILLION + gain * free // MILLION) * income - gain * elsewhere) // (
        2 * gain
    )
    return max(0, at_free, beyond)


def headroom(
    prospect: Prospect, *, annual_rate: Rate, months: int, debts: int | None = None
) -> int:
    """Give the margin over the expected loss, in millionths; `debts` in fen instead of its own."""
    margin, loss = margin_and_loss(annual_rate, months, prospect.rules)
    risk = _loss(prospect, loss, debts=prospect.debts.fen if debts is None else debts)
    risk *= _of_term(prospect, months)
    if margin <= 0:
        return 0
    return HEADROOM_MAX if risk <= 0 else min(HEADROOM_MAX, margin * MILLION**2 // risk)


def pd_max(prospect: Prospect, *, annual_rate: Rate, months: int) -> Decimal:
    """Give the highest probability of default at which some amount is worth lending."""
    margin, loss = margin_and_loss(annual_rate, months, prospect.rules)
    risk = _loss(prospect, loss, debts=prospect.debts.fen)
    if margin <= 0:
        return Decimal(0)
    if risk <= 0:
        return Decimal(1)
    most = margin * MILLION**2 // (risk * (MILLION + 1))
    horizon = prospect.rules.horizon_months
    return Decimal(min(MILLION, most * horizon // min(months, horizon))).scaleb(-6)


def expected(
    prospect: Prospect, principal: Money, *, instalment: Money, annual_rate: Rate, months: int
) -> Point:
    """Give what is expected of one loan."""
    rules = prospect.rules
    margin, loss = margin_and_loss(annual_rate, months, rules)
    risk = _loss(prospect, loss, debts=prospect.debts.fen)
    pd = _burdened(prospect, instalment, months)
    earned = principal.fen * (margin * MILLION - risk * pd)
    cost = rules.operating_cost.fen + months * rules.operating_cost_month.fen
    return Point(
        pd=Decimal(pd).scaleb(-6),
        profit=Money((2 * earned + MILLION**2) // (2 * MILLION**2) - cost),
    )


def _of_term(prospect: Prospect, months: int) -> int:
    horizon = prospect.rules.horizon_months
    return -(-_millionths(prospect.pd) * min(months, horizon) // horizon)


def _burdened(prospect: Prospect, instalment: Money, months: int) -> int:
    pd, income = _of_term(prospect, months), prospect.income.fen
    if income <= 0:
        return MILLION
    burden = (instalment + prospect.elsewhere).fen * MILLION // income
    over = max(0, burden - _millionths(prospect.rules.burden_free))
    raised = pd + -(-pd * _millionths(prospect.rules.burden_gain) * over // MILLION**2)
    return min(MILLION, raised)


def _loss(prospect: Prospect, loss: int, *, debts: int) -> int:
    rules = prospect.rules
    if debts <= 0 or not prospect.lines:
        return loss
    reloaded = _millionths(rules.loss_given_default) * _millionths(rules.reload)
    return loss + reloaded * prospect.lines.fen // debts // MILLION


@lru_cache(maxsize=512)
def margin_and_loss(annual_rate: Rate, months: int, rules: ProfitRules) -> tuple[int, int]:
    """Give what a yuan earns while everybody pays, and what its default costs, in millionths."""
    monthly = Fraction(annual_rate.annual) / 12
    spread = Fraction(annual_rate.annual - rules.funding_rate.annual) / 12
    grown = [(1 + monthly) ** month for month in range(months + 1)]
    owed = [
        (grown[-1] - grown[month]) / (grown[-1] - 1)
        if monthly
        else Fraction(months - month, months)
        for month in range(months)
    ]
    margin = spread * sum(owed)
    unearned = spread * sum(part * month for month, part in enumerate(owed)) / months
    lost = Fraction(rules.loss_given_default) * sum(owed) / months
    return _rounded(margin), _rounded(lost + unearned)


def _rounded(share: Fraction) -> int:
    return (2 * share.numerator * MILLION + share.denominator) // (2 * share.denominator)


@lru_cache(maxsize=4096)
def _millionths(share: Decimal) -> int:
    """Take a share of at most six decimals as whole millionths."""
    found = int(share.scaleb(6))
    assert Decimal(found) == share.scaleb(6), "policies and scores have six decimals at most"
    return found
