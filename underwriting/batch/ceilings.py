"""Ceilings of a limit in columns: what `limits` and `terms` say of one term, for many dossiers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np

from kernel.rates import Rate
from underwriting import limits
from underwriting.batch import profits
from underwriting.batch.exact import Whole, floor_times
from underwriting.batch.profits import Prospects
from underwriting.dossier import LenderTerms
from underwriting.limits import Constraint

CONSTRAINTS: Final = tuple(Constraint)
NO_CEILING: Final = 2**62
"""Stands where a constraint says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Footing:
    """What the ceilings of dossiers of one lender rest on; a place a dossier."""

    debts: Whole
    """The cards' ceilings together."""
    risk: Whole
    room: Whole
    rates: Sequence[Rate]
    rate_at: Whole
    lender: LenderTerms
    step: int
    """In fen, like every amount."""
    prospects: Prospects | None
    """What is expected of a loan; None under a policy of the first form."""

    def ceilings(self, months: int, rows: Whole) -> Whole:
        """Give each constraint's ceiling of some dossiers at one term; a place a constraint."""
        found = np.full((len(rows), len(CONSTRAINTS)), NO_CEILING, dtype=np.int64)
        found[:, CONSTRAINTS.index(Constraint.DEBTS)] = -(
            -self.debts[rows] // self.step * self.step
        )
        found[:, CONSTRAINTS.index(Constraint.PRODUCT)] = self.lender.principal_max.fen
        found[:, CONSTRAINTS.index(Constraint.RISK)] = self.risk[rows]
        found[:, CONSTRAINTS.index(Constraint.AFFORDABILITY)] = self.principals(
            self.room[rows], months, self.rate_at[rows]
        )
        if self.prospects is not None:
            best = profits.best(self.prospects, self.debts, rows, months)
            principals = self.principals(best, months, self.rate_at[rows])
            found[:, CONSTRAINTS.index(Constraint.PROFIT)] = np.where(
                best == profits.UNBOUNDED, NO_CEILING, principals
            )
        return found

    def principals(self, instalment: Whole, months: int, rate_at: Whole) -> Whole:
        """Give the largest principals whose level instalments are not above these."""
        made = np.zeros_like(instalment)
        for place in np.unique(rate_at):
            top, bottom = limits.level(self.rates[place], months)
            those = rate_at == place
            made[those] = floor_times(np.maximum(instalment[those], 0), Fraction(bottom, top))
        return made


def smallest(ceilings: Whole, *, step: int) -> tuple[Whole, Whole]:
    """Take the smallest ceilings, rounded down to a step, and which constraints they are of."""
    binding = np.argmin(ceilings, axis=1)
    least = np.take_along_axis(ceilings, binding[:, None], axis=1)[:, 0]
    return np.maximum(0, least // step * step), binding
