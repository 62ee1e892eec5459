"""The month after: repayment cards, first instalments, one early payoff, and the ends of the days."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from demo import identities, story
from demo.debtors import Applicant
from demo.story import Story
from demo.town import Town
from disbursement import checking, debit_orders, debiting, end_of_day, servicing
from disbursement.delinquency import Bucket
from disbursement.records.closing import Accrual, ClosedDay
from disbursement.records.debits import DebitOrder, DebitPurpose, DebitStatus
from disbursement.records.life import LoanPosition
from disbursement.records.loans import Loan, LoanStatus
from kernel import ids
from kernel.clock import business_day, shanghai
from kernel.db import transaction
from kernel.money import ZERO, Money

DAYS: Final = 33
"""From the last day of paying out to the last first instalment, at most."""
LATE_AFTER_DAYS: Final = 5
SHORT: Final = "refuse_64"
ANSWER_LOST: Final = "silent_paid"
_MANDATE: Final = hashlib.sha256(b"the demo's mandate").hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """One running loan of the demo with the debtor who repays it."""

    loan_id: UUID
    first_due: date
    applicant: Applicant


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """What the month amounted to, each sum from the store that owns it."""

    loans: int
    collected: Money
    """Debit orders that were paid."""
    collected_by_channel: Money
    """What the channel's own books took from the cards."""
    settled: int
    late: int
    days_closed: int
    interest: Money
    """What the days accrued."""
    differences: Sequence[str]
    """Of the books worked out anew."""

    @property
    def agrees(self) -> bool:
        """Whether channel and books say the same, and the books are what they should be."""
        return self.collected == self.collected_by_channel and not self.differences

    def as_mapping(self) -> dict[str, Any]:
        """Give the figures for a machine: fen as integers."""
        return {
            "loans": self.loans,
            "fen_collected": self.collected.fen,
            "fen_collected_by_channel": self.collected_by_channel.fen,
            "settled": self.settled,
            "late": self.late,
            "days_closed": self.days_closed,
            "fen_interest_accrued": self.interest.fen,
            "differences": list(self.differences),
        }


def live_through(telling: Story) -> Month:
    """Let a month go by: everybody's first instalment falls due, and one debtor pays off.

    The first debtor's card is short of money every day, so that he is late in the end; the answer
    about the second one's is lost; the last one pays off.
    """
    running = _running(telling)
    for one in running:
        _bind_card(telling, one)
    short, unheard, last = (running[:1], running[1:2], running[2:][-1:])
    _script(telling, unheard, ANSWER_LOST)
    for due in sorted({one.first_due for one in running}):
        _script(telling, short, SHORT)
        _due_day(telling, due, short=short, expected=len(running))
    for one in last:
        _pay_off(telling, one)
    _late_days(telling, short)
    with transaction() as session:
        return _amount_to(session, telling.town, loans=len(running))


def _running(telling: Story) -> list[Running]:
    by_application = {one.application_id: one for one in telling.applicants}
    with transaction() as session:
        found = session.scalars(select(Loan).where(Loan.status == LoanStatus.ACTIVE)).all()
        listed = [
            Running(
                loan_id=loan.id,
                first_due=loan.first_due,
                applicant=by_application[loan.application_ref],
            )
            for loan in found
            if loan.first_due is not None
        ]
    return sorted(listed, key=lambda one: one.applicant.person.reference)


def _bind_card(telling: Story, one: Running) -> None:
    person = one.applicant.person
    with transaction() as session:
        debit_orders.bind_card(
            session,
            debtor_ref=session.get_one(Loan, one.loan_id).debtor_ref,
            card=identities.debit_card_number(person.reference),
            name=person.name,
            mandate_sha256=_MANDATE,
            by=one.applicant.actor,
            at=telling.clock.now(),
        )


def _script(telling: Story, listed: Sequence[Running], fault: str) -> None:
    for one in listed:
        card = identities.debit_card_number(one.applicant.person.reference)
        telling.town.script(card, fault)


def _due_day(telling: Story, due: date, *, short: Sequence[Running], expected: int) -> None:
    """Collect what is due on a day, reconcile and sign it the next morning, and close it."""
    telling.clock.advance_to(shanghai(due, 10))
    _collect(telling)
    telling.told("instalments collected", _count_paid(), expected)
    _next_morning(telling, due, short=short)


def _next_morning(telling: Story, day: date, *, short: Sequence[Running]) -> None:
    _script(telling, short, SHORT)
    story.close_day(telling, day)
    end_of_day.close_days(telling.clock)


def _collect(telling: Story) -> None:
    debiting.plan_due(telling.surroundings)
    telling.crew.all_hands(debiting.send_due, at=telling.clock.now())
    for gap in story.QUERY_GAPS:
        telling.clock.advance(gap)
        telling.town.deliver_notices()
        telling.crew.all_hands(debiting.query_due, at=telling.clock.now())


def _pay_off(telling: Story, one: Running) -> None:
    """Let a debtor whose family helps close his loan by what is quoted for the day."""
    at = telling.clock.now()
    card = identities.debit_card_number(one.applicant.person.reference)
    with transaction() as session:
        quoted = servicing.payoff_quote(session, one.loan_id, on=business_day(at)).total
    telling.town.give(card, quoted)
    with transaction() as session:
        debit_orders.request(
            session,
            loan_id=one.loan_id,
            amount=quoted,
            purpose=DebitPurpose.PAYOFF,
            key=ids.derived(one.loan_id, "demo", "payoff"),
            by=one.applicant.actor,
            at=at,
        )
    _collect(telling)


def _late_days(telling: Story, short: Sequence[Running]) -> None:
    """Let days go by, each reconciled and closed, until the one who cannot pay is late."""
    first = business_day(telling.clock.now())
    for number in range(LATE_AFTER_DAYS):
        _next_morning(telling, first + timedelta(days=number), short=short)
        telling.told("days closed", number + 1, LATE_AFTER_DAYS)


def _count_paid() -> int:
    with transaction() as session:
        query = select(func.count()).where(DebitOrder.status == DebitStatus.PAID)
        return session.scalar(query) or 0


def _amount_to(session: Session, town: Town, *, loans: int) -> Month:
    paid = session.scalars(select(DebitOrder.amount).where(DebitOrder.status == DebitStatus.PAID))
    accrued = session.scalars(select(Accrual.amount))
    statuses = session.scalars(select(Loan.status)).all()
    books = town.books()["collections"]
    return Month(
        loans=loans,
        collected=Money.total(amount or ZERO for amount in paid),
        collected_by_channel=Money(int(books["paid_fen"]) - int(books["returned_fen"])),
        settled=statuses.count(LoanStatus.SETTLED),
        late=_count_late(session),
        days_closed=session.scalar(select(func.count()).select_from(ClosedDay)) or 0,
        interest=Money.total(accrued),
        differences=checking.check_books(session),
    )


def _count_late(session: Session) -> int:
    query = select(func.count()).where(LoanPosition.bucket != Bucket.M0)
    return session.scalar(query) or 0


def first_morning(now: datetime, *, days: int) -> datetime:
    """Give the morning on which a story with this month in it begins, to end before `now`."""
    return story.first_morning(now, days=days + DAYS + LATE_AFTER_DAYS)
