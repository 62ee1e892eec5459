"""A loan as people read it: what is owed, the plan with what was paid of it, and everything told.

Reading changes nothing: it is the same replay that books, without writing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import loan_books, loans, servicing
from disbursement.records.life import EventKind, LoanEvent, LoanPosition
from disbursement.records.loans import Loan, LoanStatus
from disbursement.schedule.events import NotApplicable, Prepaid, Strategy
from disbursement.schedule.figures import Reading
from disbursement.schedule.quote import Payoff
from disbursement.schedule.rows import Paid, Row
from disbursement.servicing import Owing
from kernel import ids
from kernel.money import ZERO, Money
from kernel.refusals import Refused

_NOTHING: Final = Paid(0, 0, 0, 0, 0, None)


class NotAPrepayment(Refused):
    """The amount prepays nothing: it is no more than what is due, or it pays the loan off."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "not_a_prepayment"
    title = "A prepayment is more than what is due and less than what pays the loan off"
    title_zh = "提前还款金额须高于当前应还、低于结清金额"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """One instalment with what was paid of it."""

    number: int
    due_on: date
    principal: Money
    interest: Money
    fees: Money
    penalty: Money
    total: Money
    paid: Money
    paid_on: date | None
    """The day on which nothing was owed of it any more."""
    has_fallen: bool

    @property
    def open(self) -> Money:
        """What is not paid of it."""
        return self.total - self.paid


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """One thing that happened."""

    id: UUID
    number: int
    kind: EventKind
    on: date
    amount: Money | None
    is_taken_back: bool
    actor: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanView:
    """A loan that has begun, as of a day."""

    loan: Loan
    owing: Owing
    payoff: Payoff | None
    """None when nothing is owed."""
    plan: tuple[PlanRow, ...]
    events: tuple[EventRow, ...]
    position: LoanPosition

    @property
    def due_now(self) -> Money:
        """What fell due and is not paid, less money of his that waits."""
        return max(self.owing.due - self.owing.credit, ZERO)

    @property
    def left_over(self) -> Money:
        """Money of the debtor's that closing the loan does not need: the lender owes it to him."""
        if self.payoff is not None:
            return self.payoff.left_over
        return self.owing.credit if self.loan.status is LoanStatus.SETTLED else ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is still to come of a plan."""

    instalment: Money
    instalments: int
    ends_on: date
    interest: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a prepayment on a day would make of the plan; the booking is the same replay."""

    amount: Money
    strategy: Strategy
    on: date
    before: Outlook
    after: Outlook

    @property
    def saved(self) -> Money:
        """Interest that need not be paid any more."""
        return self.before.interest - self.after.interest


def of(session: Session, loan_id: UUID, *, on: date) -> LoanView | None:
    """Read a loan as of a day; None while it has not begun.

    Raises:
        NoSuchLoan: there is none.
    """
    loan = loans.get(session, loan_id)
    if loan.value_date is None:
        return None
    life = loan_books.seen(session, loan)
    day = max(on, life.seen_on)
    reading = life.read(day)
    return LoanView(
        loan=loan,
        owing=servicing.owed(session, loan_id, on=day),
        payoff=_payoff(session, loan_id, on=day),
        plan=_plan(reading),
        events=_events(session, loan_id),
        position=life.position,
    )


def preview(
    session: Session, loan_id: UUID, *, amount: Money, strategy: Strategy, on: date
) -> Preview:
    """Show what a prepayment would make of the plan, booking nothing.

    Raises:
        NoSuchLoan: there is none.
        LoanNotBegun: it has not begun.
        NotAPrepayment: it is no more than what is due, or as much as pays the loan off.
    """
    life = loan_books.seen(session, loans.get(session, loan_id))
    day = max(on, life.seen_on)
    owing = servicing.owed(session, loan_id, on=day)
    if amount <= max(owing.due - owing.credit, ZERO):
        raise NotAPrepayment("it pays no more than what is due")
    event = Prepaid(
        id=str(ids.derived(loan_id, "preview")), on=day, amount=amount, strategy=strategy
    )
    try:
        after = life.read(day, event)
    except NotApplicable as refused:
        raise NotAPrepayment(refused.detail) from None
    if after.figures.is_over or after.next_row is None:
        raise NotAPrepayment("it pays the loan off")
    return Preview(
        amount=amount,
        strategy=strategy,
        on=day,
        before=_outlook(life.read(day)),
        after=_outlook(after),
    )


def _payoff(session: Session, loan_id: UUID, *, on: date) -> Payoff | None:
    try:
        return servicing.payoff_quote(session, loan_id, on=on)
    except NotApplicable:
        return None


def _plan(reading: Reading) -> tuple[PlanRow, ...]:
    rows, paid = reading.schedule.rows, reading.schedule.paid
    fallen = reading.figures.fallen
    return tuple(
        _row(row, paid[place] if paid else _NOTHING, has_fallen=place < fallen)
        for place, row in enumerate(rows)
    )


def _row(row: Row, paid: Paid, *, has_fallen: bool) -> PlanRow:
    return PlanRow(
        number=row.number,
        due_on=row.due_on,
        principal=row.principal,
        interest=row.interest,
        fees=row.fees,
        penalty=row.penalty,
        total=row.total,
        paid=paid.total,
        paid_on=paid.paid_on,
        has_fallen=has_fallen,
    )


def _events(session: Session, loan_id: UUID) -> tuple[EventRow, ...]:
    rows = session.scalars(
        select(LoanEvent).where(LoanEvent.loan_id == loan_id).order_by(LoanEvent.number)
    ).all()
    undone = {row.body["event_id"] for row in rows if row.kind is EventKind.REVERSED}
    return tuple(
        EventRow(
            id=row.id,
            number=row.number,
            kind=row.kind,
            on=row.on,
            amount=Money.yuan(row.body["amount"]) if "amount" in row.body else None,
            is_taken_back=str(row.id) in undone,
            actor=row.actor,
            recorded_at=row.recorded_at,
        )
        for row in rows
    )


def _outlook(reading: Reading) -> Outlook:
    """Add up what is still to come: the rows that have not fallen due."""
    left = reading.schedule.rows[reading.figures.fallen :]
    next_row = reading.next_row
    return Outlook(
        instalment=ZERO if next_row is None else next_row.total,
        instalments=len(left),
        ends_on=reading.schedule.matures_on,
        interest=Money(sum(row.interest_fen for row in left)),
    )
