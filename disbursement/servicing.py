"""Servicing: what a debtor pays on a loan, what it costs to close it, and taking a payment back.

Each verb locks the loan, closes the days it lags behind, records what happened and brings the
books to what the schedule says then. The identity of an event is that of the payment behind it,
so a retry meets what was booked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from disbursement import delinquency, loan_books, loan_changes, loan_events, loans
from disbursement.allocation import Part
from disbursement.loan_books import Life
from disbursement.records.life import EventKind, LoanEvent
from disbursement.schedule import figures, quote
from disbursement.schedule.events import (
    PaidOff,
    Prepaid,
    Repaid,
    Reversed,
    Strategy,
)
from disbursement.schedule.figures import Reading
from disbursement.schedule.quote import Payoff
from kernel import ids
from kernel.actors import Actor, Role
from kernel.clock import business_day
from kernel.money import ZERO, Money
from kernel.refusals import Refused

_FEN: Final = Money(1)
DAYS_AHEAD_MAX: Final = timedelta(days=1)
"""What a channel decides late in the evening belongs to its next day."""

_MONEY: Final = frozenset(
    {EventKind.REPAID, EventKind.PREPAID, EventKind.PAID_OFF, EventKind.RECOVERED}
)
_MAY_TAKE_BACK: Final = frozenset(
    {Role.FINANCE_MAKER, Role.FINANCE_CHECKER, Role.SYSTEM, Role.COUNTERPARTY}
)


class NotAPayment(Refused):
    """The amount is not above zero, or its day has not come."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "not_a_payment"
    title = "A payment is above zero"
    title_zh = "还款金额须大于零"


class PayoffDiffers(Refused):
    """The amount is not what closes the loan on that day."""

    status = HTTPStatus.CONFLICT
    code = "payoff_differs"
    title = "Another amount closes the loan on that day"
    title_zh = "金额与当日结清金额不符"


class LoanWrittenOff(Refused):
    """The loan was written off: money for it is a recovery, and its plan is no more."""

    status = HTTPStatus.CONFLICT
    code = "loan_written_off"
    title = "The loan was written off"
    title_zh = "贷款已核销"


class NotReversible(Refused):
    """There is no such event on the loan, or nobody may take it back."""

    status = HTTPStatus.CONFLICT
    code = "event_not_reversible"
    title = "This cannot be taken back"
    title_zh = "该记录不可冲正"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owing:
    """What a loan's debtor owes on a day."""

    on: date
    fees: Money
    penalty: Money
    interest: Money
    principal_due: Money
    """Principal that fell due and is not paid."""
    principal: Money
    """All principal that is not paid, due or not."""
    credit: Money
    """Money of his that waits."""
    overdue_since: date | None
    days_past_due: int
    next_due: tuple[date, Money] | None
    """When the next instalment falls due, and how much it is."""

    @property
    def due(self) -> Money:
        """All that fell due and is not paid."""
        return self.fees + self.penalty + self.interest + self.principal_due


def repay(
    session: Session,
    loan_id: UUID,
    *,
    payment_id: UUID,
    amount: Money,
    on: date,
    source: str,
    by: Actor,
    at: datetime,
) -> LoanEvent:
    """Book a payment: it pays what has fallen due, the rest waits for the next due date.

    Money is never turned away from a loan that has begun, whatever became of it: of a loan that
    was written off it is a recovery, and what nothing is owed for stands to the debtor's credit.
    `source` is the ledger account that the money came into. A day before the loan began counts as
    the day it began.

    Raises:
        NoSuchLoan: there is none.
        LoanNotBegun: it never began.
        NotAPayment: the amount is not above zero, or the day has not come.
        EventConflict: another payment has this identity.
    """
    life = _life(session, loan_id)
    on = max(on, life.contract.value_date)
    event = Repaid(id=str(payment_id), on=on, amount=_payment(amount, on=on, at=at))
    return loan_changes.book(session, life, event, more={"source": source}, by=by, at=at)


def prepay(  # noqa: PLR0913 - what a payment is
    session: Session,
    loan_id: UUID,
    *,
    payment_id: UUID,
    amount: Money,
    strategy: Strategy,
    on: date,
    source: str,
    by: Actor,
    at: datetime,
) -> LoanEvent:
    """Book a prepayment: first what has fallen due, the rest off the principal.

    Raises:
        NotApplicable: it is more than what is due and all principal; ask for the payoff amount.
        LoanWrittenOff: it was given up in the books.
        Refused: for the reasons of `repay`.
    """
    life = _life(session, loan_id)
    event = Prepaid(
        id=str(payment_id), on=on, amount=_payment(amount, on=on, at=at), strategy=strategy
    )
    if loan_events.known(session, life.loan, event) is None:
        _require_plan(life)
    return loan_changes.book(session, life, event, more={"source": source}, by=by, at=at)


def pay_off(
    session: Session,
    loan_id: UUID,
    *,
    payment_id: UUID,
    amount: Money,
    on: date,
    source: str,
    by: Actor,
    at: datetime,
) -> LoanEvent:
    """Book the payment that closes a loan on a day; its books are at zero after it.

    Where money that waits is enough, nothing more is paid; what is left of it stays the debtor's.

    Raises:
        PayoffDiffers: the amount is not the one that is quoted for the day.
        LoanWrittenOff: it was given up in the books.
        NotApplicable: nothing is owed.
        Refused: for the reasons of `repay`.
    """
    life = _life(session, loan_id)
    paid = _payment(amount, on=on, at=at, least=ZERO)
    event = PaidOff(id=str(payment_id), on=on, amount=paid)
    if loan_events.known(session, life.loan, event) is None:
        _require_plan(life)
        wanted = _quote(life, on)
        if wanted.total != amount:
            raise PayoffDiffers(f"{wanted.total} closes the loan on {on}")
    return loan_changes.book(session, life, event, more={"source": source}, by=by, at=at)


def take_back(
    session: Session,
    loan_id: UUID,
    *,
    event_id: UUID,
    reason: str,
    on: date,
    by: Actor,
    at: datetime,
) -> LoanEvent:
    """Take a payment back by its identity, as one that bounced or was booked by mistake.

    The loan is then what it would be without it. Taken back twice is taken back once. What two
    persons agreed on is undone by two again: `amendments` knows `Reversed`.

    Raises:
        NoSuchLoan: there is none.
        NotReversible: the loan has no such event, or it is none that can be taken back, or the
            role may not, or the day has not come.
    """
    life = _life(session, loan_id)
    row = loan_events.find(session, event_id)
    if row is None or row.loan_id != loan_id or row.kind not in _MONEY:
        raise NotReversible(f"loan {loan_id} has no event {event_id} that can be taken back")
    if by.role not in _MAY_TAKE_BACK:
        raise NotReversible(f"a {by.role} may not take anything back")
    known = loan_events.find(session, reversal_id(event_id))
    if known is not None:
        return known
    if on > business_day(at) + DAYS_AHEAD_MAX:
        raise NotReversible(f"{on} has not come")
    more = {"reason": reason, "source": row.body["source"]}
    event = Reversed(id=str(reversal_id(event_id)), on=max(on, row.on), event_id=str(event_id))
    return loan_changes.book(session, life, event, more=more, by=by, at=at)


def reversal_id(event_id: UUID) -> UUID:
    """Give the identity of the event that takes another one back."""
    return ids.derived(event_id, "taken back")


def payoff_quote(session: Session, loan_id: UUID, *, on: date) -> Payoff:
    """Quote what closes a loan on a day.

    Raises:
        NoSuchLoan: there is none.
        LoanNotBegun: it has not begun.
        NotApplicable: nothing is owed, or something was booked for a later day.
    """
    return _quote(loan_books.seen(session, loans.get(session, loan_id)), on)


def owed(session: Session, loan_id: UUID, *, on: date) -> Owing:
    """Tell what is owed on a loan on a day, past days included.

    Raises:
        NoSuchLoan: there is none.
        LoanNotBegun: it has not begun.
    """
    life = loan_books.seen(session, loans.get(session, loan_id))
    day = max(on, life.contract.value_date)
    past = tuple(event for event in life.events if event.on <= day)
    reading = figures.read(life.contract, past, on=day, accepted={event.id for event in past})
    return _owing(reading)


def _life(session: Session, loan_id: UUID) -> Life:
    return loan_books.of(session, loans.lock(session, loan_id))


def _payment(amount: Money, *, on: date, at: datetime, least: Money = _FEN) -> Money:
    if amount < least:
        raise NotAPayment(f"{amount} is no payment")
    if on > business_day(at) + DAYS_AHEAD_MAX:
        raise NotAPayment(f"a payment of {on} is not in yet")
    return amount


def _require_plan(life: Life) -> None:
    if life.position.written_off_on is not None:
        raise LoanWrittenOff(f"loan {life.loan.id} was written off")


def _quote(life: Life, on: date) -> Payoff:
    accepted = {event.id for event in life.events}
    return quote.payoff(life.contract, life.events, on=on, accepted=accepted)


def _owing(reading: Reading) -> Owing:
    numbers, row = reading.figures, reading.next_row
    return Owing(
        on=reading.on,
        fees=Money(numbers.open(Part.FEES)),
        penalty=Money(numbers.open(Part.PENALTY)),
        interest=Money(numbers.open(Part.INTEREST)),
        principal_due=Money(reading.due_principal),
        principal=Money(numbers.principal),
        credit=Money(numbers.credit),
        overdue_since=numbers.overdue_since,
        days_past_due=delinquency.days_past_due(numbers.overdue_since, on=reading.on),
        next_due=(row.due_on, row.total) if row is not None else None,
    )
