"""What a schedule is made of: rows of integer fen, shown as money."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from kernel.money import ZERO, Money


class Row(NamedTuple):
    """One instalment; amounts are kept as integer fen and given as money.

    A named tuple and not a dataclass, because a schedule is made for every preview and the cost
    of making rows is most of the cost of making a schedule.
    """

    number: int
    """1-based position in the schedule."""
    due_on: date
    days: int
    """Days from the end of the period before, or from the value date, to the end of this one."""
    principal_fen: int
    interest_fen: int
    fees_fen: int
    penalty_fen: int
    balance_fen: int
    """Principal still owed after this row, tranches and prepayments of its last day included."""
    disbursed_fen: int = 0
    """Further tranches paid out in the period."""
    prepaid_fen: int = 0
    """Principal prepaid in the period, apart from what falls due."""

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
    def total_fen(self) -> int:
        """All that falls due on the date, in fen."""
        return self.principal_fen + self.interest_fen + self.fees_fen + self.penalty_fen

    @property
    def total(self) -> Money:
        """All that falls due on the date."""
        return Money(self.total_fen)

    @property
    def balance(self) -> Money:
        """Principal still owed after this row."""
        return Money(self.balance_fen)

    @property
    def prepaid(self) -> Money:
        """Principal prepaid in the period."""
        return Money(self.prepaid_fen)


class Paid(NamedTuple):
    """What was paid of one row; amounts in fen."""

    principal_fen: int
    interest_fen: int
    fees_fen: int
    penalty_fen: int
    late_fen: int
    """Part of it that came after the due date."""
    paid_on: date | None
    """The day on which nothing was owed of the row any more."""

    @property
    def total(self) -> Money:
        """All parts together."""
        return Money(self.principal_fen + self.interest_fen + self.fees_fen + self.penalty_fen)


@dataclass(frozen=True, slots=True)
class Schedule:
    """All instalments of one loan, in order of their due dates."""

    value_date: date
    """The day from which interest runs."""
    principal: Money
    """What was paid out on the value date."""
    rows: tuple[Row, ...]
    paid: tuple[Paid, ...] = ()
    """What was paid of each row; empty when nothing has happened to the loan yet."""
    credit: Money = ZERO
    """Money that came in and waits for the next due date."""

    @property
    def instalment(self) -> Money:
        """The first instalment, which all but the last equal in an annuity."""
        return self.rows[0].total if self.rows else ZERO

    @property
    def total_interest(self) -> Money:
        """All interest from the value date to the last due date."""
        return Money(sum(row.interest_fen for row in self.rows))

    @property
    def total_payments(self) -> Money:
        """Everything the debtor pays when he pays as agreed, prepayments included."""
        return Money(sum(row.total_fen + row.prepaid_fen for row in self.rows))

    @property
    def matures_on(self) -> date:
        """The last due date; the value date when nothing is owed at all."""
        return self.rows[-1].due_on if self.rows else self.value_date

    @property
    def outstanding(self) -> Money:
        """What is still owed of all rows, whether due or not."""
        owed = sum(row.total_fen for row in self.rows)
        return Money(owed) - Money.total(paid.total for paid in self.paid)

    def due_unpaid(self, on: date) -> Money:
        """Give what has fallen due by a day and was not paid."""
        owed = 0
        for position, row in enumerate(self.rows):
            if row.due_on <= on:
                paid = self.paid[position].total.fen if self.paid else 0
                owed += row.total_fen - paid
        return Money(owed)

    def flows(self) -> tuple[Money, ...]:
        """Give the debtor's cash flows by period: the principal, then each payment, negative."""
        return (self.principal, *(-row.total for row in self.rows))

    def dated_flows(self) -> tuple[tuple[date, Money], ...]:
        """Give the debtor's cash flows with their dates."""
        return (
            (self.value_date, self.principal),
            *((row.due_on, -row.total) for row in self.rows),
        )
