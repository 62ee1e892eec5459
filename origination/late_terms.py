"""What paying late costs: dated terms of the house, under the lender's cap."""

from __future__ import annotations

import tomllib
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

from disbursement.schedule.contract import Penalty
from kernel.rates import DayBasis, Rate

TERMS: Final = Path(__file__).parent / "late_terms.toml"


def penalty(annual_rate: Rate, *, cap: Rate, on: date) -> Penalty:
    """Give the penalty interest on overdue principal: a multiple of the rate, never above the cap.

    Raises:
        LookupError: no terms were in force yet.
    """
    for in_force, multiple, grace_days, day_basis in reversed(_rows()):
        if in_force <= on:
            return Penalty(
                annual_rate=min(Rate(annual_rate.annual * multiple), cap),
                grace_days=grace_days,
                day_basis=day_basis,
            )
    raise LookupError(f"no terms for late payment were in force on {on}")


@cache
def _rows() -> tuple[tuple[date, Decimal, int, DayBasis], ...]:
    parsed = tomllib.loads(TERMS.read_text(encoding="utf-8"))
    return tuple(
        (
            row["in_force"],
            Decimal(row["penalty_multiple"]),
            int(row["grace_days"]),
            DayBasis(row["day_basis"]),
        )
        for row in sorted(parsed["rule"], key=lambda row: row["in_force"])
    )
