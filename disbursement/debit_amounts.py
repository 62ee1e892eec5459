"""How much may be collected from a debtor on a day, and booking what was collected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, TypedDict, assert_never
from uuid import UUID

from sqlalchemy.orm import Session

from disbursement import servicing
from disbursement.records.debits import DebitPurpose
from disbursement.schedule.events import NotApplicable, Strategy
from kernel.actors import Actor
from kernel.money import ZERO, Money

_STRATEGIES: Final = {
    DebitPurpose.PREPAY_SHORTEN: Strategy.SHORTEN,
    DebitPurpose.PREPAY_LOWER: Strategy.LOWER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Money that came in for a loan."""

    id: UUID
    loan_id: UUID
    amount: Money
    on: date
    """The day it counts for."""
    source: str
    """The ledger account it came into."""


def due(session: Session, loan_id: UUID, *, on: date) -> Money:
    """Give what has fallen due by a day, that day's instalment with it, less the debtor's credit.

    Raises:
        NoSuchLoan: there is none.
        LoanNotBegun: it has not begun.
    """
    owing = servicing.owed(session, loan_id, on=on)
    falls = ZERO
    if owing.next_due is not None and owing.next_due[0] <= on:
        falls = owing.next_due[1]
    return max(owing.due + falls - owing.credit, ZERO)


def collectable(
    session: Session, loan_id: UUID, *, purpose: DebitPurpose, requested: Money, on: date
) -> Money | None:
    """Give what may be collected of an amount on a day; None when nothing may.

    Of an instalment as much as is owed; a prepayment or payoff wholly or not at all, since the
    debtor agreed to what it does to his plan.

    Raises:
        NoSuchLoan: there is none.
        LoanNotBegun: it has not begun.
    """
    if purpose is DebitPurpose.INSTALMENT:
        amount = min(requested, due(session, loan_id, on=on))
        return amount if amount > ZERO else None
    try:
        quote = servicing.payoff_quote(session, loan_id, on=on).total
    except NotApplicable:
        return None
    is_fit = requested == quote if purpose is DebitPurpose.PAYOFF else requested < quote
    return requested if is_fit else None


def book(
    session: Session, payment: Payment, purpose: DebitPurpose, *, by: Actor, at: datetime
) -> None:
    """Book money on its loan by the verb of its purpose.

    Raises:
        Refused: the loan cannot take it in this way.
    """
    known = _Known(
        payment_id=payment.id, amount=payment.amount, on=payment.on, source=payment.source
    )
    match purpose:
        case DebitPurpose.INSTALMENT:
            servicing.repay(session, payment.loan_id, **known, by=by, at=at)
        case DebitPurpose.PREPAY_SHORTEN | DebitPurpose.PREPAY_LOWER:
            strategy = _STRATEGIES[purpose]
            servicing.prepay(session, payment.loan_id, **known, strategy=strategy, by=by, at=at)
        case DebitPurpose.PAYOFF:
            servicing.pay_off(session, payment.loan_id, **known, by=by, at=at)
        case _:
            assert_never(purpose)


class _Known(TypedDict):
    payment_id: UUID
    amount: Money
    on: date
    source: str
