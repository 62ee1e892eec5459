"""What a schedule is made of: rows of integer fen, shown as money."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from kernel.money import Money


class Row(NamedTuple):
    """One instalment; amounts are kept as integer fen and given as money.

    A named tuple and not a dataclass, because a schedule is made for every preview and the cost
    of making rows is most of the cost of making a schedule.
    """

    number: int
    """1-based position in the schedule."""
    due_on: date
    days: int
    """Days from the previous due date, or from the value date, to this one."""
    principal_fen: int
    interest_fen: int
    fees_fen: int
    penalty_fen: int
    balance_fen: int
    """Principal still owed after this row."""

    @property
    def principal(self) -> Money:
        """Principal that falls due."""
        return Money(self.principal_fen)

    @property
    def interest(self) -> Money:
        """Interest that falls due."""
        return Money(self.interest_fen)

    @property
    def fees(self) -> Money:
        """Fees that fall due."""
        return Money(self.fees_fen)

    @property
    def penalty(self) -> Money:
        """Penalty interest that falls due."""
        return Money(self.penalty_fen)

    @property
    def total(self) -> Money:
        """All that falls due on the date."""
        return Money(self.principal_fen + self.interest_fen + self.fees_fen + self.penalty_fen)

    @property
    def balance(self) -> Money:
        """Principal still owed after this row."""
        return Money(self.balance_fen)


@dataclass(frozen=True, slots=True)
class Schedule:
    """All instalments of one loan, in order of their due dates."""

    value_date: date
    """The day from which interest runs."""
    principal: Money
    rows: tuple[Row, ...]

    @property
    def instalment(self) -> Money:
        """The first instalment, which all but the last equal in an annuity."""
        return self.rows[0].total

    @property
    def total_interest(self) -> Money:
        """All interest from the value date to the last due date."""
        return Money(sum(row.interest_fen for row in self.rows))

    @property
    def total_payments(self) -> Money:
        """Everything the debtor pays when he pays as agreed."""
        return Money(
            sum(
                row.principal_fen + row.interest_fen + row.fees_fen + row.penalty_fen
                for row in self.rows
            )
        )

    @property
    def matures_on(self) -> date:
        """The last due date."""
        return self.rows[-1].due_on

    def flows(self) -> tuple[Money, ...]:
        """Give the debtor's cash flows by period: the principal, then each payment, negative."""
        return (self.principal, *(-row.total for row in self.rows))

    def dated_flows(self) -> tuple[tuple[date, Money], ...]:
        """Give the debtor's cash flows with their dates."""
        return (
            (self.value_date, self.principal),
            *((row.due_on, -row.total) for row in self.rows),
        )
