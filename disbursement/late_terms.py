"""What paying late costs: dated terms of the house, under the lender's cap.

The offer shows them, the contract signs them and the loan keeps them: a later row of the table
moves no loan.
"""

from __future__ import annotations

from datetime import date
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Final

from disbursement.schedule.contract import Penalty
from kernel import law
from kernel.rates import DayBasis, Rate

POLICIES: Final = Path(__file__).parent / "policies"
RATE_STEP: Final = Decimal("0.00000001")
"""What a loan's row keeps of a rate."""


def penalty(annual_rate: Rate, *, cap: Rate, on: date) -> Penalty:
    """Give the penalty interest on overdue principal: a multiple of the rate, never above the cap.

    Raises:
        NoRuleInForce: no terms were in force yet.
    """
    terms = law.rule("late_terms", on=on, folder=POLICIES).values
    dearer = (annual_rate.annual * Decimal(terms["penalty_multiple"])).quantize(
        RATE_STEP, rounding=ROUND_DOWN
    )
    return Penalty(
        annual_rate=min(Rate(dearer), cap),
        grace_days=terms["grace_days"],
        day_basis=DayBasis(terms["day_basis"]),
    )
