"""One pure loan model: contract and events give the schedule, in integer fen.

Preview, booking, payoff quote, recalculation and audit are calls of `build` with the same
arguments, so they agree to the last fen. Nothing here knows a clock, a session or the web.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import MAXYEAR, date

from disbursement.schedule import regular, replay, terms
from disbursement.schedule.calendar import month_day
from disbursement.schedule.contract import INSTALMENTS_MAX, Contract, NotSchedulable
from disbursement.schedule.events import Event
from disbursement.schedule.rows import Schedule
from kernel.money import Money
from kernel.rates import Rate


def build(
    contract: Contract,
    events: Sequence[Event] = (),
    *,
    as_of: date | None = None,
    accepted: Collection[str] = (),
) -> Schedule:
    """Make the schedule that the contract and everything that happened since mean.

    `as_of` is the day looked at: up to it penalty runs on what is overdue and waiting credit pays
    what falls due. Without it the last event is the day. `accepted` names events that were booked
    before: they stand though a later return or reversal leaves less room for them.

    Raises:
        NotApplicable: an event cannot happen to this loan at that time.
    """
    if not events and as_of is None and regular.covers(contract):
        return Schedule(
            contract.value_date, contract.principal, regular.rows(regular.plain(contract))
        )
    return replay.run(terms.of(contract), events, as_of=as_of, accepted=accepted)


def annuity(
    principal: Money,
    *,
    annual_rate: Rate,
    months: int,
    value_date: date,
    first_due: date | None = None,
) -> Schedule:
    """Make an equal-instalment schedule (等额本息): monthly by 30/360, half-up to the fen.

    Without `first_due` the first instalment falls one month after the value date. The day of the
    month is kept: a loan of 31 January falls due on 28 February and again on 31 March. A first
    period that is not one month bears interest by actual days over 360.

    Raises:
        NotSchedulable: principal not above zero, months outside 1..360, a negative rate, or a
            first due date that is not after the value date.
    """
    day = value_date.day
    months_end = value_date.year * 12 + value_date.month + months
    if (
        first_due is None
        and principal.fen > 0
        and 1 <= months <= INSTALMENTS_MAX
        and annual_rate.annual >= 0
        and months_end < MAXYEAR * 12
    ):
        # The product of today, without the detour over a contract that says the same.
        num, den = annual_rate.annual.as_integer_ratio()
        terms_of_today = regular.Plain(
            principal.fen,
            num,
            den * 12,
            None,
            value_date,
            month_day(value_date, 1, day),
            day,
            months,
        )
        return Schedule(value_date, principal, regular.rows(terms_of_today))
    regular_due = _one_month_after(value_date)
    due = regular_due if first_due is None else first_due
    return build(
        Contract(
            principal=principal,
            annual_rate=annual_rate,
            instalments=months,
            value_date=value_date,
            first_due=due,
            anchor_day=day if due == regular_due else due.day,
        )
    )


def _one_month_after(day: date) -> date:
    try:
        return month_day(day, 1, day.day)
    except ValueError:
        raise NotSchedulable("the dates leave the calendar") from None
