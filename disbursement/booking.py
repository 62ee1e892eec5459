"""Booking a loan at what was paid: it begins, shrinks, grows again or is undone with its legs.

The principal is always the sum of the legs that are with the issuers. Interest runs from the day
the last of them was paid; the due dates never change once they are told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from disbursement import legs, loans, schedule
from disbursement.records.loans import Instalment, Loan, LoanStatus
from disbursement.records.payouts import LegStatus, PayoutLeg
from disbursement.schedule.calendar import month_day, monthly_dates
from disbursement.schedule.contract import Contract
from kernel import ids, moves
from kernel.actors import Actor
from kernel.money import ZERO, Money
from kernel.rates import Rate


def follow_legs(session: Session, loan: Loan, *, by: Actor, at: datetime) -> None:
    """Book what a loan's legs have come to; the loan is locked, and nothing changed is nothing done.

    A pending loan begins when no leg is open and one at least is paid, and is cancelled when none
    is. An active one follows every later payment and return.
    """
    all_legs = legs.of_loan(session, loan.id)
    live = [leg for leg in all_legs if leg.status in legs.LIVE]
    is_open = any(legs.is_open(leg) for leg in all_legs)
    match loan.status:
        case LoanStatus.PENDING if not is_open and live:
            _activate(session, loan, live, by=by, at=at)
        case LoanStatus.PENDING if not is_open:
            came_back = any(leg.status is LegStatus.RETURNED for leg in all_legs)
            reason = "returned" if came_back else "not_paid"
            loans.close(session, loan, LoanStatus.CANCELLED, reason=reason, by=by, at=at)
        case LoanStatus.ACTIVE if not is_open and not live:
            _replace(session, loan, ())
            loans.close(session, loan, LoanStatus.UNDONE, reason="returned", by=by, at=at)
        case LoanStatus.ACTIVE:
            _follow(session, loan, live, at=at)
        case _:
            return


def has_matured(loan: Loan, *, on: date) -> bool:
    """Tell whether the last due date of a loan that has begun lies on or before a day."""
    if loan.first_due is None or loan.anchor_day is None:
        return False
    return month_day(loan.first_due, loan.months - 1, loan.anchor_day) <= on


def _activate(
    session: Session, loan: Loan, live: Sequence[PayoutLeg], *, by: Actor, at: datetime
) -> None:
    loan.principal = _sum(live)
    loan.value_date = _last_day(live)
    loan.anchor_day = loan.value_date.day
    loan.first_due = month_day(loan.value_date, 1, loan.anchor_day)
    contract = _contract(loan, loan.principal, first_due=loan.first_due, instalments=loan.months)
    _replace(session, loan, _dues(contract))
    moves.advance(session, loan, LoanStatus.ACTIVE, table=loans.MOVES, by=by, at=at)
    loans.tell(session, loan, "loan.activated", at=at)


def _follow(session: Session, loan: Loan, live: Sequence[PayoutLeg], *, at: datetime) -> None:
    total = _sum(live)
    if total == loan.principal:
        return
    kind = "loan.shrunk" if total < loan.principal else "loan.restored"
    loan.principal = total
    if live:
        # A leg paid later moves the start of interest on; a returned one never moves it back.
        loan.value_date = max(_terms(loan)[0], _last_day(live))
    _replace(session, loan, _reissued(session, loan))
    loans.tell(session, loan, kind, at=at)


class _Due(NamedTuple):
    """One due date of a new version of the schedule."""

    due_on: date
    principal: Money
    interest: Money
    balance: Money


def _reissued(session: Session, loan: Loan) -> list[_Due]:
    """Spread the principal anew over the due dates that are left after the value date.

    What fell due before keeps its row, so that only the rest is spread.
    """
    if loan.principal == ZERO:
        return []
    value_date, first_due, anchor_day = _terms(loan)
    kept = [
        _Due(row.due_on, row.principal, row.interest, row.balance)
        for row in loans.instalments(session, loan)
        if row.due_on <= value_date
    ]
    rest = loan.principal - Money.total(due.principal for due in kept)
    dates = monthly_dates(first_due, loan.months, anchor_day=anchor_day)
    left = [due_on for due_on in dates if due_on > value_date]
    if rest <= ZERO:
        return kept
    first = left[0] if left else month_day(value_date, 1, anchor_day)
    contract = _contract(loan, rest, first_due=first, instalments=max(len(left), 1))
    return [*kept, *_dues(contract)]


def _dues(contract: Contract) -> list[_Due]:
    rows = schedule.build(contract).rows
    return [_Due(row.due_on, row.principal, row.interest, row.balance) for row in rows]


def _contract(loan: Loan, principal: Money, *, first_due: date, instalments: int) -> Contract:
    value_date, _, anchor_day = _terms(loan)
    return Contract(
        principal=principal,
        annual_rate=Rate(loan.annual_rate),
        instalments=instalments,
        value_date=value_date,
        first_due=first_due,
        anchor_day=anchor_day,
    )


def _replace(session: Session, loan: Loan, dues: Sequence[_Due]) -> None:
    """Put a new version of the schedule in force; the rows of the old one stay as they were."""
    loan.schedule_version += 1
    session.add_all(
        Instalment(
            id=ids.derived(loan.id, "instalment", loan.schedule_version, number),
            loan_id=loan.id,
            schedule_version=loan.schedule_version,
            number=number,
            due_on=due.due_on,
            principal=due.principal,
            interest=due.interest,
            fees=ZERO,
            balance=due.balance,
        )
        for number, due in enumerate(dues, 1)
    )
    session.flush()


def _terms(loan: Loan) -> tuple[date, date, int]:
    """Give value date, first due date and anchor day of a loan that has begun."""
    assert loan.value_date is not None, "an active loan has a value date"
    assert loan.first_due is not None, "an active loan has due dates"
    assert loan.anchor_day is not None, "an active loan has an anchor day"
    return loan.value_date, loan.first_due, loan.anchor_day


def _sum(live: Sequence[PayoutLeg]) -> Money:
    return Money.total(_amount(leg) for leg in live)


def _amount(leg: PayoutLeg) -> Money:
    assert leg.amount is not None, "a paid leg has an amount"
    return leg.amount


def _last_day(live: Sequence[PayoutLeg]) -> date:
    days = [leg.value_date for leg in live if leg.value_date is not None]
    assert len(days) == len(live), "a paid leg has a value date"
    return max(days)
