"""What was agreed: everything a schedule depends on apart from what happens later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import MAXYEAR, date
from enum import StrEnum
from http import HTTPStatus
from typing import Final

from kernel.money import Money
from kernel.rates import DayBasis, Rate
from kernel.refusals import Refused

MONTHS_MAX: Final = 360


class NotSchedulable(Refused):
    """The terms do not describe a loan that can be repaid by instalments."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "not_schedulable"
    title = "No repayment schedule can be made from these terms"
    title_zh = "无法按此条件生成还款计划"


class FirstPeriod(StrEnum):
    """How interest runs from the value date to the first due date when that is not one month."""

    DAYS = "days"
    """By actual days at the daily rate."""
    WHOLE = "whole"
    """As one whole period, whatever its length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """The terms of one loan repaid by monthly instalments.

    Raises:
        NotSchedulable: principal not above zero, months outside 1..360, a negative rate, or a
            first due date that is not after the value date.
    """

    principal: Money
    annual_rate: Rate
    months: int
    value_date: date
    first_due: date
    anchor_day: int
    """Day of the month on which instalments fall due, 1..31; shorter months use their last."""
    first_period: FirstPeriod = FirstPeriod.DAYS
    day_basis: DayBasis = DayBasis.D360

    def __post_init__(self) -> None:
        if self.principal.fen <= 0:
            raise NotSchedulable("the principal is above zero")
        if not 1 <= self.months <= MONTHS_MAX:
            raise NotSchedulable(f"the term is between 1 and {MONTHS_MAX} months")
        if self.annual_rate.annual < 0:
            raise NotSchedulable("the annual rate is not negative")
        if self.first_due <= self.value_date:
            raise NotSchedulable("the first due date lies after the value date")
        if self.first_due.year + self.months // 12 >= MAXYEAR:
            raise NotSchedulable("the last due date lies beyond the calendar")
        if not 1 <= self.anchor_day <= 31:
            raise NotSchedulable("the anchor day is a day of a month")
