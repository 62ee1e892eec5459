"""What it costs to close a loan on a day: the same replay as booking it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from disbursement.allocation import Part
from disbursement.schedule import replay, terms
from disbursement.schedule.contract import Contract
from disbursement.schedule.events import Event, NotApplicable
from kernel.money import ZERO, Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Payoff:
    """The amount that closes a loan, and what it consists of; valid on its day alone."""

    valid_on: date
    principal: Money
    interest: Money
    fees: Money
    penalty: Money
    credit: Money
    """Money already with the lender, taken off."""

    @property
    def owed(self) -> Money:
        """All that is owed on the day, whatever has come in for it."""
        return self.principal + self.interest + self.fees + self.penalty

    @property
    def total(self) -> Money:
        """What has to come in on the day; zero when what waits is enough."""
        return max(self.owed - self.credit, ZERO)

    @property
    def left_over(self) -> Money:
        """What the lender owes the debtor once the loan is closed."""
        return max(self.credit - self.owed, ZERO)


def payoff(
    contract: Contract,
    events: Sequence[Event] = (),
    *,
    on: date,
    accepted: Collection[str] = (),
) -> Payoff:
    """Quote the amount that closes the loan on a day: principal and interest up to that day only.

    Source: 民法典 art. 677 (interest for the time the money was used).

    Raises:
        NotApplicable: the loan is closed, or the day lies before its last event.
    """
    state = replay.state_after(terms.of(contract), events, as_of=on, accepted=accepted)
    if state.is_over:
        raise NotApplicable("the loan is closed")
    replay.close_off(state, on)
    open_by_part = {part: Money(sum(item.open(part) for item in state.items)) for part in Part}
    return Payoff(
        valid_on=on,
        principal=open_by_part[Part.PRINCIPAL],
        interest=open_by_part[Part.INTEREST],
        fees=open_by_part[Part.FEES],
        penalty=open_by_part[Part.PENALTY],
        credit=Money(state.credit),
    )
