"""The instalment of the largest expected profit in columns: `profit.best_instalment` for many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

import numpy as np

from kernel.rates import Rate
from underwriting import profit
from underwriting.batch.exact import INT64_MAX, Flags, NotInColumns, Whole, fits
from underwriting.policy_rules import ProfitRules
from underwriting.profit import HEADROOM_MAX, MILLION

UNBOUNDED: Final = -1
"""Where profit only grows with the amount."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospects:
    """What is expected of a loan to each debtor, whatever its amount; a place a dossier."""

    pd: Whole
    """In millionths."""
    income: Whole
    """Amounts in fen."""
    elsewhere: Whole
    lines: Whole
    rates: Sequence[Rate]
    rate_at: Whole
    rules: ProfitRules


def best(prospects: Prospects, debts: Whole, rows: Whole, months: int) -> Whole:
    """Give the best instalments of some dossiers at one term, `UNBOUNDED` where there is none."""
    rules = prospects.rules
    headroom = _headroom(prospects, debts, rows, months)
    gain, free = _millionths(rules.burden_gain), _millionths(rules.burden_free)
    if gain == 0:
        return np.where(headroom <= MILLION, 0, UNBOUNDED)
    income, elsewhere = prospects.income[rows], prospects.elsewhere[rows]
    at_free = income * free // MILLION - elsewhere
    share = headroom - MILLION + gain * free // MILLION
    beyond = (share * income - gain * elsewhere) // (2 * gain)
    found = np.maximum(0, np.maximum(at_free, beyond))
    return np.where(headroom <= MILLION, 0, found)


def is_safe(income: Whole, lines: Whole, rules: ProfitRules) -> Flags:
    """Tell where no product on the way leaves 64 bits."""
    reloaded = _reloaded(rules)
    return fits(income, HEADROOM_MAX + 1.0, 2.0) & fits(lines, float(reloaded.numerator), 2.0)


def _headroom(prospects: Prospects, debts: Whole, rows: Whole, months: int) -> Whole:
    """Give the margin over the expected loss, in millionths."""
    found = np.zeros(len(rows), dtype=np.int64)
    reloaded = _reloaded(prospects.rules)
    horizon = prospects.rules.horizon_months
    for place in np.unique(prospects.rate_at[rows]).tolist():
        margin, loss = profit.margin_and_loss(prospects.rates[place], months, prospects.rules)
        those = prospects.rate_at[rows] == place
        at = rows[those]
        reload = prospects.lines[at] * reloaded.numerator // (debts[at] * reloaded.denominator)
        risk = (loss + reload) * -(-prospects.pd[at] * min(months, horizon) // horizon)
        if margin * MILLION**2 > INT64_MAX:
            raise NotInColumns("a margin is beyond 64 bits")
        most = max(0, margin) * MILLION**2 // np.maximum(risk, 1)
        found[those] = np.where(
            (risk <= 0) & (margin > 0), HEADROOM_MAX, np.minimum(HEADROOM_MAX, most)
        )
    return found


def _reloaded(rules: ProfitRules) -> Fraction:
    return Fraction(_millionths(rules.loss_given_default) * _millionths(rules.reload), MILLION)


def _millionths(share: Decimal) -> int:
    return int(share.scaleb(6))
