"""Rules against fraud in columns: `fraud.look` for many dossiers."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import numpy as np

from underwriting.batch.columns import Columns
from underwriting.batch.exact import FEN_SAFE, INT64_MAX, Flags, NotInColumns
from underwriting.fraud import PLACES
from underwriting.policy_rules import Figure, FraudRule

_PLACES: Final = int(1 / PLACES)


def broken(columns: Columns, rule: FraudRule) -> Flags:
    """Tell which dossiers break a rule; a figure that is not there breaks none.

    Raises:
        NotInColumns: the rule's bound is too fine.
    """
    if rule.figure is Figure.STATED_OVER_VERIFIED:
        return _overstated(columns, rule.more_than)
    bound = float(rule.more_than)
    if Decimal(repr(bound)) != rule.more_than:
        raise NotInColumns(f"a bound of {rule.more_than} is too fine")
    values = columns.figures.get(rule.figure.value)
    if values is None:
        return np.zeros(columns.count, dtype=np.bool_)
    found: Flags = values > bound
    return found


def _overstated(columns: Columns, more_than: Decimal) -> Flags:
    """Compare stated over verified incomes, rounded half-even, by whole numbers alone.

    With the bound m in ten-thousandths the rounded ratio is above it where the ratio is above
    m + 1/2, and in the middle where m is odd, because then half-even rounds up.
    """
    bound = more_than * _PLACES
    if bound != int(bound) or (2 * bound + 1) * FEN_SAFE > INT64_MAX:
        raise NotInColumns(f"a bound of {more_than} is too fine")
    stated, verified = columns.stated_income, columns.verified_income
    known = (stated > 0) & (verified > 0)
    double = 2 * _PLACES * np.where(known, stated, 0)
    middle = (2 * int(bound) + 1) * np.where(known, verified, 0)
    above: Flags = (double >= middle) if int(bound) % 2 else (double > middle)
    return known & above
