"""What was agreed: everything a schedule depends on apart from what happens later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import MAXYEAR, date
from enum import StrEnum
from http import HTTPStatus
from typing import Final

from disbursement.schedule.calendar import HolidayPolicy, Unit, Workdays
from kernel.money import Money
from kernel.rates import DayBasis, Rate
from kernel.refusals import Refused

INSTALMENTS_MAX: Final = 360
GRACE_DAYS_MAX: Final = 30


class NotSchedulable(Refused):
    """The terms do not describe a loan that can be repaid by instalments."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "not_schedulable"
    title = "No repayment schedule can be made from these terms"
    title_zh = "无法按此条件生成还款计划"


class Method(StrEnum):
    """How principal and interest are spread over the instalments."""

    ANNUITY = "annuity"
    """等额本息: level instalments."""
    EQUAL_PRINCIPAL = "equal_principal"
    """等额本金: level principal, falling interest."""
    INTEREST_ONLY = "interest_only"
    """先息后本: interest each time, all principal at the end."""
    SINGLE = "single"
    """一次性还本付息: one payment at the end, simple interest."""
    FLAT = "flat"
    """等本等息: interest on the first principal all along."""


class DayCount(StrEnum):
    """How the length of a period is measured as a part of a year."""

    THIRTY_360 = "30/360"
    """A month is a twelfth; within a month, by its own days."""
    ACT_360 = "act/360"
    ACT_365 = "act/365"
    ACT_ACT = "act/act"
    """Each day over the length of its own year, cut at 1 January."""


class FirstPeriod(StrEnum):
    """How interest runs from the value date to the first due date when that is not regular."""

    DAYS = "days"
    """By actual days at the daily rate."""
    WHOLE = "whole"
    """As one whole period, whatever its length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grace:
    """Leading instalments without principal, and without payment of interest."""

    principal: int = 0
    interest: int = 0
    compounded: bool = False
    """Whether interest that waits bears interest itself (复利)."""


NO_GRACE: Final = Grace()


@dataclass(frozen=True, slots=True, kw_only=True)
class Penalty:
    """罚息: what overdue principal bears from its due date until it is paid; never compounded."""

    annual_rate: Rate
    grace_days: int = 0
    """Paid within so many days after the due date, nothing is charged."""
    day_basis: DayBasis = DayBasis.D360


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """The terms of one loan repaid by instalments.

    Raises:
        NotSchedulable: principal not above zero, instalments outside 1..360, a negative rate, a
            first due date that is not after the value date, or terms that contradict each other.
    """

    principal: Money
    annual_rate: Rate
    instalments: int
    value_date: date
    first_due: date
    anchor_day: int
    """Day of the month on which instalments fall due, 1..31; shorter months use their last."""
    method: Method = Method.ANNUITY
    every: int = 1
    unit: Unit = Unit.MONTH
    day_count: DayCount = DayCount.THIRTY_360
    first_period: FirstPeriod = FirstPeriod.DAYS
    day_basis: DayBasis = DayBasis.D360
    """Days of a year for single days under 30/360."""
    grace: Grace = NO_GRACE
    penalty: Penalty | None = None
    workdays: Workdays | None = None
    holiday_policy: HolidayPolicy = HolidayPolicy.KEPT

    def __post_init__(self) -> None:
        if self.principal.fen <= 0:
            raise NotSchedulable("the principal is above zero")
        if not 1 <= self.instalments <= INSTALMENTS_MAX:
            raise NotSchedulable(f"there are between 1 and {INSTALMENTS_MAX} instalments")
        if self.annual_rate.annual < 0:
            raise NotSchedulable("the annual rate is not negative")
        if self.first_due <= self.value_date:
            raise NotSchedulable("the first due date lies after the value date")
        if not (1 <= self.anchor_day <= 31 and 1 <= self.every <= 12):
            raise NotSchedulable(
                "the anchor is a day of a month, and 1 to 12 units lie between dues"
            )
        if self.first_due.year + self.instalments * self.every // 12 >= MAXYEAR:
            raise NotSchedulable("the last due date lies beyond the calendar")
        self._check_details()

    def _check_details(self) -> None:
        if self.unit is not Unit.MONTH and self.day_count is DayCount.THIRTY_360:
            raise NotSchedulable("30/360 counts months, so due dates are whole months apart")
        grace = self.grace
        if not 0 <= grace.interest <= grace.principal < self.instalments and grace != NO_GRACE:
            raise NotSchedulable(
                "grace leaves at least one instalment, and interest waits no longer than principal"
            )
        penalty = self.penalty
        if penalty is not None and not (
            penalty.annual_rate.annual >= 0 and 0 <= penalty.grace_days <= GRACE_DAYS_MAX
        ):
            raise NotSchedulable("the penalty rate is not negative and its grace is in days")
