"""Booking a loan at what was paid: it begins, shrinks, grows again or is undone with its legs.

The contract begins with what had been paid when no payout was open any more, on the day of the
last of them, so that nobody pays interest for money that was not out yet. What is paid later is a
further tranche; what comes back counts as never lent, back to its own day. Whatever became of the
loan meanwhile, both are booked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from sqlalchemy.orm import Session

from disbursement import legs, loan_books, loan_changes, loan_events, loans
from disbursement.loan_events import Begun
from disbursement.records.loans import Loan, LoanStatus
from disbursement.records.payouts import LegStatus, PayoutLeg
from disbursement.schedule.calendar import month_day
from disbursement.schedule.events import Disbursed, Returned
from kernel import ids, moves
from kernel.actors import Actor
from kernel.clock import business_day
from kernel.money import Money


def follow_legs(session: Session, loan: Loan, *, by: Actor, at: datetime) -> None:
    """Book what a loan's legs have come to; the loan is locked, and nothing changed is nothing done.

    A pending loan begins when no leg is open and one at least is paid, and is cancelled when none
    is. One that has begun follows every later payment and return, settled or written off or not;
    when nothing is with the issuers any more and nothing is on its way, it is undone.
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
        case LoanStatus.PENDING | LoanStatus.CANCELLED:
            return
        case _:
            _follow(session, loan, all_legs, by=by, at=at)
            if not live and not is_open and loans.MOVES.allows(loan.status, LoanStatus.UNDONE):
                loans.close(session, loan, LoanStatus.UNDONE, reason="returned", by=by, at=at)


def has_matured(loan: Loan, *, on: date) -> bool:
    """Tell whether the last due date of a loan that has begun lies on or before a day."""
    if loan.first_due is None or loan.anchor_day is None:
        return False
    return month_day(loan.first_due, loan.months - 1, loan.anchor_day) <= on


def _activate(
    session: Session, loan: Loan, live: Sequence[PayoutLeg], *, by: Actor, at: datetime
) -> None:
    loan.principal = loan.begun_with = Money.total(_amount(leg) for leg in live)
    loan.value_date = max(_value_date(leg) for leg in live)
    loan.anchor_day = loan.value_date.day
    loan.first_due = month_day(loan.value_date, 1, loan.anchor_day)
    terms = {
        "principal": str(loan.begun_with),
        "first_due": loan.first_due.isoformat(),
        "months": str(loan.months),
        "annual_rate": f"{loan.annual_rate.normalize():f}",
        "penalty_rate": f"{loan.penalty_rate.normalize():f}",
        "legs": " ".join(sorted(str(leg.id) for leg in live)),
    }
    begun = Begun(id=str(ids.derived(loan.id, "begun")), on=loan.value_date)
    loan_events.record(session, loan, begun, more=terms, by=by, at=at)
    loan_books.begin(session, loan)
    moves.advance(session, loan, LoanStatus.ACTIVE, table=loans.MOVES, by=by, at=at)
    loans.tell(session, loan, "loan.activated", at=at)


def _follow(
    session: Session, loan: Loan, all_legs: Sequence[PayoutLeg], *, by: Actor, at: datetime
) -> None:
    news = list(_news(session, loan, all_legs, at=at))
    if not news:
        return
    life = loan_books.of(session, loan)
    for leg, event in news:
        came_back = isinstance(event, Returned)
        loan.principal += -event.amount if came_back else event.amount
        more = {"leg_id": str(leg.id)}
        loan_changes.book(session, life, event, more=more, by=by, at=at)
        credit = Money(life.read(life.seen_on).figures.credit)
        kind = "loan.shrunk" if came_back else "loan.restored"
        loans.tell(session, loan, kind, at=at, more={"credit": str(credit)})


def _news(
    session: Session, loan: Loan, all_legs: Sequence[PayoutLeg], *, at: datetime
) -> Iterator[tuple[PayoutLeg, Disbursed | Returned]]:
    """List what became of the legs since the loan began and stands in no event of it yet."""
    assert loan.value_date is not None, "the loan has begun"
    begun = loan_events.find(session, ids.derived(loan.id, "begun"))
    assert begun is not None, "the loan has begun"
    at_first = set(begun.body["legs"].split())
    for leg in all_legs:
        paid_id, back_id = ids.derived(leg.id, "paid out"), ids.derived(leg.id, "came back")
        is_first = str(leg.id) in at_first
        is_tranche = loan_events.find(session, paid_id) is not None
        if leg.status in legs.LIVE and not is_first and not is_tranche:
            on = max(_value_date(leg), loan.value_date)
            yield leg, Disbursed(id=str(paid_id), on=on, amount=_amount(leg))
        elif (
            leg.status is LegStatus.RETURNED
            and (is_first or is_tranche)
            and loan_events.find(session, back_id) is None
        ):
            since = loan.value_date if is_first else max(_value_date(leg), loan.value_date)
            yield (
                leg,
                Returned(
                    id=str(back_id),
                    on=max(leg.returned_on or business_day(at), since),
                    amount=_amount(leg),
                    disbursement_id=None if is_first else str(paid_id),
                ),
            )


def _amount(leg: PayoutLeg) -> Money:
    assert leg.amount is not None, "a paid leg has an amount"
    return leg.amount


def _value_date(leg: PayoutLeg) -> date:
    assert leg.value_date is not None, "a paid leg has a value date"
    return leg.value_date
